// The options of Docker's awslogs driver.
#include "berth/logs/forwarder.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

namespace berth::logs {
namespace {

using Options = std::map<std::string, std::string>;

const std::set<std::string_view>& unsupported() {
    static const std::set<std::string_view> names{"awslogs-datetime-format", "awslogs-multiline-pattern",
                                                  "awslogs-format", "awslogs-credentials-endpoint", "tag"};
    return names;
}

std::string option(const Options& options, const std::string& name, const std::string& otherwise = {}) {
    const auto found = options.find(name);
    return found != options.end() && !found->second.empty() ? found->second : otherwise;
}

Result<bool> parse_bool(const Options& options, const std::string& name, bool otherwise) {
    constexpr std::array<std::string_view, 6> yes{"1", "t", "T", "true", "TRUE", "True"};
    constexpr std::array<std::string_view, 6> no{"0", "f", "F", "false", "FALSE", "False"};
    const auto text = option(options, name);
    if (text.empty()) return otherwise;
    if (std::ranges::find(yes, text) != yes.end()) return true;
    if (std::ranges::find(no, text) != no.end()) return false;
    return fail(ErrorCode::invalid, "log option {}: \"{}\" is neither true nor false", name, text);
}

bool is_positive_number(std::string_view text) {
    std::uint64_t value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    return !text.empty() && parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && value > 0;
}

// "10m", "4096", "1 GB", "2MiB"
bool is_size(std::string_view text) {
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    auto unit = text.substr(digits);
    while (unit.starts_with(' ')) unit.remove_prefix(1);
    std::string lower(unit);
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
    static const std::set<std::string_view> units{"",    "b", "k",  "kb",  "kib", "m",  "mb",
                                                  "mib", "g", "gb", "gib", "t",   "tb", "tib"};
    return is_positive_number(text.substr(0, digits)) && units.contains(lower);
}

Status check_name(std::string_view option_name, std::string_view value, std::string_view forbidden) {
    constexpr std::size_t kLongest = 512;
    if (value.size() > kLongest)
        return fail(ErrorCode::invalid, "log option {} is longer than {} characters", option_name, kLongest);
    if (const auto bad = value.find_first_of(forbidden); bad != value.npos)
        return fail(ErrorCode::invalid, "log option {}: \"{}\" must not contain '{}'", option_name, value,
                    value[bad]);
    return {};
}

Status check_mode(const Options& options) {
    const auto mode = option(options, "mode", "blocking");
    if (mode != "blocking" && mode != "non-blocking")
        return fail(ErrorCode::invalid, "log option mode: \"{}\" is neither blocking nor non-blocking", mode);
    const auto buffer = option(options, "max-buffer-size");
    if (buffer.empty()) return {};
    if (mode != "non-blocking")
        return fail(ErrorCode::invalid, "log option max-buffer-size goes with mode=non-blocking only");
    if (!is_size(buffer))
        return fail(ErrorCode::invalid, "log option max-buffer-size: \"{}\" is not a size like 10m", buffer);
    return {};
}

Status check_known(const Options& options) {
    static const std::set<std::string_view> known{"awslogs-region",
                                                  "awslogs-group",
                                                  "awslogs-stream",
                                                  "awslogs-stream-prefix",
                                                  "awslogs-create-group",
                                                  "awslogs-create-stream",
                                                  "awslogs-endpoint",
                                                  "awslogs-force-flush-interval-seconds",
                                                  "awslogs-max-buffered-events",
                                                  "mode",
                                                  "max-buffer-size"};
    for (const auto& [name, value] : options) {
        if (unsupported().contains(name))
            return fail(ErrorCode::invalid, "log option {} is not supported by this version", name);
        if (!known.contains(name))
            return fail(ErrorCode::invalid, "log option {} is unknown to the awslogs driver", name);
    }
    // Hints to Docker's buffering. Here lines are sent within a second in any case.
    for (const auto* name : {"awslogs-force-flush-interval-seconds", "awslogs-max-buffered-events"})
        if (const auto value = option(options, name); !value.empty() && !is_positive_number(value))
            return fail(ErrorCode::invalid, "log option {}: \"{}\" is not a positive number", name, value);
    return check_mode(options);
}

} // namespace

Result<AwslogsTarget> parse_awslogs_options(const std::map<std::string, std::string>& options,
                                            const std::string& default_region,
                                            const std::string& default_endpoint,
                                            const std::string& default_stream) {
    if (auto checked = check_known(options); !checked) return fail(std::move(checked.error()));
    AwslogsTarget target;
    target.group = option(options, "awslogs-group");
    if (target.group.empty())
        return fail(ErrorCode::invalid, "log option awslogs-group is missing; the awslogs driver needs it");
    target.region = option(options, "awslogs-region", default_region);
    if (target.region.empty())
        return fail(ErrorCode::invalid,
                    "log option awslogs-region is missing, and this host's region is unknown");
    target.stream = option(options, "awslogs-stream", default_stream);
    if (target.stream.empty()) return fail(ErrorCode::invalid, "log option awslogs-stream is missing");
    target.endpoint = option(options, "awslogs-endpoint", default_endpoint);
    if (auto valid = check_name("awslogs-group", target.group, ":* \t"); !valid) return fail(valid.error());
    if (auto valid = check_name("awslogs-stream", target.stream, ":*"); !valid) return fail(valid.error());
    if (!target.endpoint.empty()) {
        const auto url = http::parse_url(target.endpoint);
        if (!url || (url->scheme != "http" && url->scheme != "https"))
            return fail(ErrorCode::invalid, "log option awslogs-endpoint: \"{}\" is not an http or https URL",
                        target.endpoint);
    }
    const auto create_group = parse_bool(options, "awslogs-create-group", false);
    const auto create_stream = parse_bool(options, "awslogs-create-stream", true);
    if (!create_group || !create_stream)
        return fail(!create_group ? create_group.error() : create_stream.error());
    target.create_group = *create_group;
    target.create_stream = *create_stream;
    if (target.create_group && !target.create_stream)
        return fail(
            ErrorCode::invalid,
            "log option awslogs-create-group=true contradicts awslogs-create-stream=false: a new group "
            "has no stream");
    target.non_blocking = option(options, "mode") == "non-blocking";
    return target;
}

} // namespace berth::logs
