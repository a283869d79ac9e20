// How values of each type are read into a field of Config: the functions the table points to.
#pragma once

#include "berth/base/time.hpp"

#include "agent/config/table.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace berth::config {

Verdict warn(std::string text);
Verdict refuse(std::string text);

// The words of Go's strconv.ParseBool.
std::optional<bool> parse_go_bool(std::string_view text);
std::optional<std::int64_t> parse_integer(std::string_view text, Bounds bounds);
std::expected<std::map<std::string, std::string>, std::string> parse_string_map(const std::string& text);
std::expected<std::set<std::uint16_t>, std::string> parse_ports(const std::string& text);
std::optional<std::pair<std::uint16_t, std::uint16_t>> parse_port_range(std::string_view text);
// "90s", "1m", "3h": the shortest of hours, minutes and seconds that is exact.
std::string short_duration(std::int64_t nanoseconds);

template <auto Field>
Verdict set_string(const Variable&, const std::string& value, Config& config) {
    config.*Field = value;
    return {};
}

// A malformed word means "not set", as in amazon-ecs-agent.
template <auto Field>
Verdict set_bool(const Variable& variable, const std::string& value, Config& config) {
    const auto parsed = parse_go_bool(value);
    if (!parsed)
        return warn(fmt::format("expected true or false; the default ({}) is used", variable.default_value));
    config.*Field = *parsed;
    return {};
}

template <auto Field, bool Fatal = false>
Verdict set_integer(const Variable& variable, const std::string& value, Config& config) {
    const auto parsed = parse_integer(value, variable.bounds);
    const auto allowed =
        fmt::format("expected a whole number from {} to {}", variable.bounds.low, variable.bounds.high);
    if (!parsed && Fatal) return refuse(allowed);
    if (!parsed) return warn(fmt::format("{}; the default ({}) is used", allowed, variable.default_value));
    using Value = std::remove_reference_t<decltype(config.*Field)>;
    config.*Field = static_cast<Value>(*parsed);
    return {};
}

// What a duration below its bound turns into.
enum class Below : std::uint8_t { minimum, default_value };

template <auto Field, Below below>
Verdict set_duration(const Variable& variable, const std::string& value, Config& config) {
    const auto parsed = parse_go_duration(value);
    if (!parsed)
        return warn(fmt::format("expected a duration such as 90s or 1h30m; the default ({}) is used",
                                variable.default_value));
    if (parsed->count() >= variable.bounds.low) {
        config.*Field = *parsed;
        return {};
    }
    const auto minimum = short_duration(variable.bounds.low);
    if (below == Below::default_value)
        return warn(fmt::format("less than {}; the default ({}) is used", minimum, variable.default_value));
    config.*Field = std::chrono::nanoseconds(variable.bounds.low);
    return warn(fmt::format("less than {0}; {0} is used", minimum));
}

template <auto Field>
Verdict set_ports(const Variable& variable, const std::string& value, Config& config) {
    auto parsed = parse_ports(value);
    if (!parsed)
        return warn(
            fmt::format("expected a JSON array of ports such as [22,80]: {}; the default ({}) is used",
                        parsed.error(), variable.default_value));
    config.*Field = std::move(*parsed);
    return {};
}

template <auto Field>
Verdict set_map(const Variable&, const std::string& value, Config& config) {
    auto parsed = parse_string_map(value);
    if (!parsed)
        return refuse(fmt::format("expected a JSON object of strings such as {{\"stack\":\"prod\"}}: {}",
                                  parsed.error()));
    config.*Field = std::move(*parsed);
    return {};
}

template <auto Field>
Verdict set_absolute_path(const Variable&, const std::string& value, Config& config) {
    if (!value.starts_with('/')) return refuse("expected an absolute path");
    config.*Field = value;
    return {};
}

Verdict set_log_level(const Variable& variable, const std::string& value, Config& config);
Verdict set_log_format(const Variable& variable, const std::string& value, Config& config);
Verdict set_pull_behavior(const Variable& variable, const std::string& value, Config& config);
Verdict set_logging_drivers(const Variable& variable, const std::string& value, Config& config);
Verdict set_port_range(const Variable& variable, const std::string& value, Config& config);
Verdict set_backend_host(const Variable& variable, const std::string& value, Config& config);
Verdict set_metadata_endpoint(const Variable& variable, const std::string& value, Config& config);
Verdict set_fallback_region(const Variable& variable, const std::string& value, Config& config);
Verdict set_auth_type(const Variable& variable, const std::string& value, Config& config);
Verdict set_auth_data(const Variable& variable, const std::string& value, Config& config);
Verdict set_bridge_name(const Variable& variable, const std::string& value, Config& config);
Verdict set_subnet(const Variable& variable, const std::string& value, Config& config);
Verdict set_cgroup_parent(const Variable& variable, const std::string& value, Config& config);
Verdict set_ip_address(const Variable& variable, const std::string& value, Config& config);
Verdict set_insecure_registries(const Variable& variable, const std::string& value, Config& config);

} // namespace berth::config
