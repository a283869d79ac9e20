// Parsing of configuration values that need more than a template.
#include "agent/config/values.hpp"

#include <arpa/inet.h>
#include <net/if.h>

#include <charconv>
#include <memory>

namespace berth::config {
namespace {

// What amazon-ecs-agent knows, and the part of it that berth has.
constexpr std::array<std::string_view, 11> kKnownDrivers{"json-file",  "syslog",    "journald",   "gelf",
                                                         "fluentd",    "none",      "awslogs",    "splunk",
                                                         "logentries", "sumologic", "awsfirelens"};
constexpr std::array<std::string_view, 3> kOwnDrivers{"json-file", "awslogs", "none"};
constexpr JsonLimits kLimits{.max_bytes = 64 << 10, .max_depth = 4};

bool contains(const auto& list, std::string_view name) { return std::ranges::find(list, name) != list.end(); }

bool is_http(std::string_view url) { return url.starts_with("http://") || url.starts_with("https://"); }

} // namespace

Verdict warn(std::string text) { return std::unexpected(Complaint{false, std::move(text)}); }
Verdict refuse(std::string text) { return std::unexpected(Complaint{true, std::move(text)}); }

std::optional<bool> parse_go_bool(std::string_view text) {
    constexpr std::array<std::string_view, 6> yes{"1", "t", "T", "true", "TRUE", "True"};
    constexpr std::array<std::string_view, 6> no{"0", "f", "F", "false", "FALSE", "False"};
    if (contains(yes, text)) return true;
    if (contains(no, text)) return false;
    return std::nullopt;
}

std::optional<std::int64_t> parse_integer(std::string_view text, Bounds bounds) {
    std::int64_t value = 0;
    const auto* end = std::to_address(text.end());
    const auto [stop, error] = std::from_chars(std::to_address(text.begin()), end, value);
    if (error != std::errc() || stop != end || value < bounds.low || value > bounds.high) return std::nullopt;
    return value;
}

std::expected<std::map<std::string, std::string>, std::string> parse_string_map(const std::string& text) {
    const auto json = parse_json(text, kLimits);
    if (!json) return std::unexpected(json.error().message());
    if (!json->is_object()) return std::unexpected("not an object");
    std::map<std::string, std::string> map;
    for (const auto& [key, value] : json->items()) {
        if (!value.is_string())
            return std::unexpected(fmt::format("the value of \"{}\" is not a string", key));
        map.emplace(key, value.get<std::string>());
    }
    return map;
}

std::expected<std::set<std::uint16_t>, std::string> parse_ports(const std::string& text) {
    const auto json = parse_json(text, kLimits);
    if (!json) return std::unexpected(json.error().message());
    if (!json->is_array()) return std::unexpected("not an array");
    std::set<std::uint16_t> ports;
    for (const auto& port : *json) {
        if (!port.is_number_unsigned() || port.get<std::uint64_t>() > 65535)
            return std::unexpected("not every element is a port from 0 to 65535");
        ports.insert(port.get<std::uint16_t>());
    }
    return ports;
}

std::optional<std::pair<std::uint16_t, std::uint16_t>> parse_port_range(std::string_view text) {
    const auto dash = text.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const auto first = parse_integer(text.substr(0, dash), {1, 65535});
    const auto last = parse_integer(text.substr(dash + 1), {1, 65535});
    if (!first || !last || *first > *last) return std::nullopt;
    return std::pair(static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last));
}

std::string short_duration(std::int64_t nanoseconds) {
    const auto seconds = nanoseconds / 1'000'000'000;
    if (seconds * 1'000'000'000 != nanoseconds) return fmt::format("{}ms", nanoseconds / 1'000'000);
    if (seconds != 0 && seconds % 3600 == 0) return fmt::format("{}h", seconds / 3600);
    if (seconds != 0 && seconds % 60 == 0) return fmt::format("{}m", seconds / 60);
    return fmt::format("{}s", seconds);
}

Verdict set_log_level(const Variable& variable, const std::string& value, Config& config) {
    const auto level = parse_log_level(value);
    if (!level)
        return warn(fmt::format("expected debug, info, warn, error, crit or none; the default ({}) is used",
                                variable.default_value));
    config.log_level = *level;
    return {};
}

Verdict set_log_format(const Variable& variable, const std::string& value, Config& config) {
    if (value != "logfmt" && value != "json")
        return warn(fmt::format("expected logfmt or json; the default ({}) is used", variable.default_value));
    config.log_format = value == "json" ? LogFormat::json : LogFormat::text;
    return {};
}

Verdict set_pull_behavior(const Variable& variable, const std::string& value, Config& config) {
    constexpr std::array<std::string_view, 4> words{"default", "always", "once", "prefer-cached"};
    const auto found = std::ranges::find(words, value);
    if (found == words.end())
        return warn(fmt::format("expected default, always, once or prefer-cached; the default ({}) is used",
                                variable.default_value));
    config.pull_behavior = static_cast<PullBehavior>(found - words.begin());
    return {};
}

// A name nobody knows ends amazon-ecs-agent's start; one that berth lacks only must not be advertised.
Verdict set_logging_drivers(const Variable& variable, const std::string& value, Config& config) {
    const auto json = parse_json(value, kLimits);
    const bool strings = json && json->is_array() &&
                         std::ranges::all_of(*json, [](const Json& item) { return item.is_string(); });
    if (!strings)
        return warn(fmt::format("expected a JSON array of driver names; the default ({}) is used",
                                variable.default_value));
    std::vector<std::string> own;
    std::string missing;
    for (const auto& item : *json) {
        auto name = item.get<std::string>();
        if (!contains(kKnownDrivers, name))
            return refuse(fmt::format("there is no logging driver \"{}\"; known are {}", name,
                                      fmt::join(kKnownDrivers, ", ")));
        if (contains(kOwnDrivers, name))
            own.push_back(std::move(name));
        else
            missing += (missing.empty() ? "" : ", ") + name;
    }
    config.logging_drivers = std::move(own);
    if (missing.empty()) return {};
    return warn(fmt::format("berth has no logging driver {}: not advertised", missing));
}

Verdict set_port_range(const Variable&, const std::string& value, Config& config) {
    const auto range = parse_port_range(value);
    if (!range)
        return warn("expected FIRST-LAST with ports from 1 to 65535; the kernel's local port range is used");
    config.dynamic_port_first = range->first;
    config.dynamic_port_last = range->second;
    return {};
}

Verdict set_backend_host(const Variable&, const std::string& value, Config& config) {
    if (is_http(value)) {
        config.backend_host = value;
        return {};
    }
    if (value.find("://") != std::string::npos)
        return refuse("expected a host name, or a URL with http or https");
    config.backend_host = "https://" + value;
    return {};
}

Verdict set_metadata_endpoint(const Variable&, const std::string& value, Config& config) {
    if (!is_http(value)) return refuse("expected a URL that begins with http:// or https://");
    config.metadata_endpoint = value;
    while (config.metadata_endpoint.ends_with('/')) config.metadata_endpoint.pop_back();
    return {};
}

Verdict set_fallback_region(const Variable&, const std::string& value, Config& config) {
    if (config.region.empty()) config.region = value;
    return {};
}

Verdict set_auth_type(const Variable&, const std::string& value, Config& config) {
    if (value != "docker" && value != "dockercfg")
        return warn("expected docker or dockercfg; registry credentials are not used");
    config.engine_auth_type = value;
    return {};
}

Verdict set_auth_data(const Variable&, const std::string& value, Config& config) {
    const auto json = parse_json(value, {.max_bytes = 1 << 20, .max_depth = 8});
    // The parser's message may quote the text, which is secret.
    if (!json || !json->is_object()) return warn("expected a JSON object; registry credentials are not used");
    config.engine_auth_data = value;
    return {};
}

Verdict set_bridge_name(const Variable&, const std::string& value, Config& config) {
    const bool clean = std::ranges::none_of(
        value, [](unsigned char c) { return c <= ' ' || c >= 0x7f || c == '/' || c == ':'; });
    if (!clean || value.size() >= IFNAMSIZ || value == "." || value == "..")
        return refuse(
            fmt::format("expected the name of a network interface, at most {} characters", IFNAMSIZ - 1));
    config.bridge_name = value;
    return {};
}

Verdict set_subnet(const Variable&, const std::string& value, Config& config) {
    const auto slash = value.find('/');
    in_addr address{};
    const bool valid = slash != std::string::npos &&
                       ::inet_pton(AF_INET, value.substr(0, slash).c_str(), &address) == 1 &&
                       parse_integer(std::string_view(value).substr(slash + 1), {8, 29});
    if (!valid) return refuse("expected an IPv4 network such as 172.31.200.0/22, with a prefix from 8 to 29");
    config.bridge_subnet = value;
    return {};
}

Verdict set_cgroup_parent(const Variable&, const std::string& value, Config& config) {
    const bool clean = std::ranges::all_of(value, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '-' || c == '.' || c == '/';
    });
    const auto padded = "/" + value + "/";
    const bool escapes = padded.find("/./") != std::string::npos ||
                         padded.find("/../") != std::string::npos || padded.find("//") != std::string::npos;
    if (!clean || escapes)
        return refuse(
            "expected a path below the cgroup root, without a leading '/', of letters, digits, '_', '-', "
            "'.' and '/'");
    config.cgroup_parent = value;
    return {};
}

Verdict set_ip_address(const Variable&, const std::string& value, Config& config) {
    in6_addr address{};
    if (::inet_pton(AF_INET, value.c_str(), &address) != 1 &&
        ::inet_pton(AF_INET6, value.c_str(), &address) != 1)
        return refuse("expected an IPv4 or IPv6 address");
    config.introspection_address = value;
    return {};
}

Verdict set_insecure_registries(const Variable&, const std::string& value, Config& config) {
    config.insecure_registries.clear();
    for (std::size_t begin = 0; begin <= value.size();) {
        const auto comma = std::min(value.find(',', begin), value.size());
        auto name = value.substr(begin, comma - begin);
        name.erase(0, name.find_first_not_of(' '));
        name.erase(name.find_last_not_of(' ') + 1);
        if (name.find("://") != std::string::npos)
            return refuse("expected HOST[:PORT] separated by commas, without http://");
        if (!name.empty()) config.insecure_registries.push_back(std::move(name));
        begin = comma + 1;
    }
    return {};
}

} // namespace berth::config
