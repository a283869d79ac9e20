// The capability attributes berth registers: a table with the reason for each (reference 2).
#include "berth/control/control.hpp"

#include <algorithm>
#include <array>

namespace berth::control {
namespace {

using Condition = bool (*)(const config::Config&);

constexpr std::string_view kOld = "com.amazonaws.ecs.capability.";
constexpr std::string_view kNew = "ecs.capability.";
// Placement asks for these by API version; 1.26, 1.27 and 1.31 are never asked for.
constexpr std::array<std::string_view, 13> kApiVersions{
    "1.17", "1.18", "1.19", "1.20", "1.21", "1.22", "1.23", "1.24", "1.25", "1.28", "1.29", "1.30", "1.32"};
constexpr std::array<std::string_view, 3> kDrivers{"json-file", "awslogs", "none"};

struct Capability {
    std::string_view prefix, name;
    Condition when; // nullptr: always
    std::string_view reason;
};

constexpr Capability kTable[] = {
    {kOld, "privileged-container", [](const config::Config& config) { return !config.disable_privileged; },
     "the runtime gives a privileged container all capabilities and devices"},
    {kOld, "ecr-auth", nullptr, "images are pulled with GetAuthorizationToken"},
    {kNew, "execution-role-ecr-pull", nullptr, "the token is asked for with the task's execution role"},
    {kNew, "ecr-endpoint", nullptr, "ecrAuthData.endpointOverride is honoured"},
    {kNew, "execution-role-awslogs", nullptr,
     "awslogs sends with the execution role when the task asks for it"},
    {kNew, "container-ordering", nullptr, "the engine honours dependsOn"},
    {kNew, "full-sync", nullptr, "task manifests are compared and answered"},
};

} // namespace

std::vector<std::pair<std::string, std::string>> capability_attributes(const config::Config& config) {
    std::vector<std::pair<std::string, std::string>> attributes;
    const auto add = [&](std::string_view prefix, std::string_view name) {
        attributes.emplace_back(fmt::format("{}{}", prefix, name), "");
    };
    for (const auto& capability : kTable)
        if (!capability.when || capability.when(config)) add(capability.prefix, capability.name);
    for (const auto version : kApiVersions) add(kOld, fmt::format("docker-remote-api.{}", version));
    for (const auto driver : kDrivers)
        if (std::ranges::find(config.logging_drivers, driver) != config.logging_drivers.end())
            add(kOld, fmt::format("logging-driver.{}", driver));
    return attributes;
}

} // namespace berth::control
