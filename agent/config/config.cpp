// Reading the configuration: merging the sources, applying the table, and saying what was not taken.
#include "berth/config/config.hpp"

#include "agent/config/suggest.hpp"
#include "agent/config/values.hpp"

#include <unistd.h>

#include <algorithm>

namespace berth::config {
namespace {

constexpr std::string_view kEndpointPrefix = "AWS_ENDPOINT_URL";
constexpr std::size_t kShownValue = 80;

std::string_view trim(std::string_view text) {
    constexpr std::string_view blank = " \t\r\v\f";
    const auto begin = text.find_first_not_of(blank);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blank) - begin + 1);
}

bool wholly_quoted(std::string_view value) {
    return value.size() >= 2 && value.front() == value.back() &&
           (value.front() == '"' || value.front() == '\'');
}

std::string shown(const Variable& variable, std::string_view value) {
    if (variable.secret) return std::string(variable.name);
    return fmt::format("{}={}{}", variable.name, value.substr(0, kShownValue),
                       value.size() > kShownValue ? "..." : "");
}

// The environment wins; an empty value counts as not set, as in amazon-ecs-agent.
Environment merge(const Environment& environment, const Environment& file) {
    Environment merged = file;
    for (const auto& [name, value] : environment)
        if (!value.empty()) merged[name] = value;
    std::erase_if(merged, [](const auto& entry) { return entry.second.empty(); });
    return merged;
}

const Variable* find_variable(std::string_view name) {
    const auto found = std::ranges::find(table(), name, &Variable::name);
    return found == table().end() ? nullptr : &*found;
}

Status apply(const Variable& variable, const std::string& value, Loaded& loaded) {
    if (variable.use == Use::nothing)
        loaded.warnings.push_back(fmt::format("{} has no effect: {}", variable.name, variable.meaning));
    if (variable.use != Use::applied) return {};
    if (wholly_quoted(value))
        loaded.warnings.push_back(
            fmt::format("{}: the quotes around it are part of the value; remove them unless they are meant",
                        variable.name));
    const auto verdict = variable.apply(variable, value, loaded.config);
    if (verdict) return {};
    if (verdict.error().fatal)
        return fail(ErrorCode::invalid, "{}: {}", shown(variable, value), verdict.error().text);
    loaded.warnings.push_back(fmt::format("{}: {}", shown(variable, value), verdict.error().text));
    return {};
}

// AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_<SERVICE>: as many names as there are services, so not in the table.
Status apply_endpoint(const std::string& name, const std::string& value, Loaded& loaded) {
    if (!value.starts_with("http://") && !value.starts_with("https://"))
        return fail(ErrorCode::invalid, "{}: expected a URL that begins with http:// or https://", name);
    std::string service = name.substr(std::min(name.size(), kEndpointPrefix.size() + 1));
    std::ranges::transform(service, service.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    loaded.config.endpoint_urls[service] = value;
    return {};
}

bool names_endpoint(std::string_view name) {
    return name == kEndpointPrefix ||
           (name.starts_with(kEndpointPrefix) && name.substr(kEndpointPrefix.size()).starts_with('_'));
}

void warn_unknown(const std::string& name, Loaded& loaded) {
    if (name.starts_with("export ")) {
        loaded.warnings.push_back(
            fmt::format("ecs.config: \"{}\" is not a variable's name; remove the word export", name));
        return;
    }
    if (!name.starts_with("ECS_") && !name.starts_with("BERTH_")) return;
    const auto nearest = nearest_name(name);
    loaded.warnings.push_back(nearest ? fmt::format("{} is not known; did you mean {}?", name, *nearest)
                                      : fmt::format("{} is not known", name));
}

// Registry credentials need both halves.
void check_auth(Loaded& loaded) {
    auto& config = loaded.config;
    if (config.engine_auth_type.empty() == config.engine_auth_data.empty()) return;
    loaded.warnings.push_back(
        fmt::format("{} is set without a usable {}: registry credentials are not used",
                    config.engine_auth_type.empty() ? "ECS_ENGINE_AUTH_DATA" : "ECS_ENGINE_AUTH_TYPE",
                    config.engine_auth_type.empty() ? "ECS_ENGINE_AUTH_TYPE" : "ECS_ENGINE_AUTH_DATA"));
    config.engine_auth_type.clear();
    config.engine_auth_data.clear();
}

std::string bounds_text(const Variable& variable) {
    if (variable.bounds.low == Bounds{}.low) return "";
    if (variable.bounds.high == Bounds{}.high)
        return fmt::format(", at least {}", short_duration(variable.bounds.low));
    return fmt::format(", {} to {}", variable.bounds.low, variable.bounds.high);
}

} // namespace

Environment parse_ecs_config(std::string_view text) {
    Environment file;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = trim(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        const auto equals = line.find('=');
        if (equals == std::string_view::npos) continue;
        file[std::string(trim(line.substr(0, equals)))] = trim(line.substr(equals + 1));
    }
    return file;
}

Result<Loaded> load(const Environment& environment, const Environment& file) {
    Loaded loaded;
    loaded.config.environment = merge(environment, file);
    const auto& given = loaded.config.environment;
    for (const auto& variable : table()) {
        const auto found = given.find(std::string(variable.name));
        if (found == given.end()) continue;
        if (auto applied = apply(variable, found->second, loaded); !applied)
            return fail(std::move(applied.error()));
    }
    for (const auto& [name, value] : given) {
        if (names_endpoint(name)) {
            if (auto applied = apply_endpoint(name, value, loaded); !applied)
                return fail(std::move(applied.error()));
        } else if (!find_variable(name)) {
            warn_unknown(name, loaded);
        }
    }
    check_auth(loaded);
    // The port is taken whatever ECS_RESERVED_PORTS says.
    if (loaded.config.introspection_port != 0)
        loaded.config.reserved_tcp.insert(loaded.config.introspection_port);
    return loaded;
}

Environment process_environment() {
    Environment environment;
    for (char** entry = environ; entry && *entry; ++entry) {
        const std::string_view text(*entry);
        const auto equals = text.find('=');
        if (equals != std::string_view::npos)
            environment.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    return environment;
}

std::vector<VariableDoc> documentation() {
    std::vector<VariableDoc> docs;
    for (const auto& variable : table()) {
        const std::string meaning(variable.meaning);
        docs.push_back({std::string(variable.name), std::string(variable.type) + bounds_text(variable),
                        std::string(variable.default_value),
                        variable.use == Use::nothing ? "No effect: " + meaning : meaning});
    }
    docs.push_back({"AWS_ENDPOINT_URL", "string", "", "Endpoint of every AWS service"});
    docs.push_back(
        {"AWS_ENDPOINT_URL_<SERVICE>", "string", "", "Endpoint of one AWS service, such as ECR or LOGS"});
    return docs;
}

} // namespace berth::config
