// The names of enumerators: on the wire, in the store and in logs.
#pragma once

#include "berth/engine/state.hpp"

#include <array>
#include <optional>
#include <string_view>

namespace berth::engine {

// In the order of the enumerators.
template <class Enum>
inline constexpr auto kNames = std::array<std::string_view, 0>();

template <>
inline constexpr auto kNames<ContainerStatus> =
    std::to_array<std::string_view>({"NONE", "MANIFEST_PULLED", "PULLED", "CREATED", "RUNNING", "STOPPED"});
template <>
inline constexpr auto kNames<TaskStatus> =
    std::to_array<std::string_view>({"NONE", "MANIFEST_PULLED", "CREATED", "RUNNING", "STOPPED"});
template <>
inline constexpr auto kNames<ReportedStatus> =
    std::to_array<std::string_view>({"PENDING", "RUNNING", "STOPPED"});
template <>
inline constexpr auto kNames<Condition> =
    std::to_array<std::string_view>({"CREATE", "START", "COMPLETE", "SUCCESS", "HEALTHY"});
template <>
inline constexpr auto kNames<Step> =
    std::to_array<std::string_view>({"idle", "pulling", "creating", "starting", "stopping", "removing"});
template <>
inline constexpr auto kNames<Health> = std::to_array<std::string_view>({"UNKNOWN", "HEALTHY", "UNHEALTHY"});
template <>
inline constexpr auto kNames<RegistryAuth::Type> = std::to_array<std::string_view>({"none", "ecr", "asm"});
template <>
inline constexpr auto kNames<Protocol> = std::to_array<std::string_view>({"tcp", "udp"});

template <class Enum>
std::string_view name_of(Enum value) {
    return kNames<Enum>[static_cast<std::size_t>(value)];
}

template <class Enum>
std::optional<Enum> value_of(std::string_view name) {
    for (std::size_t i = 0; i < kNames<Enum>.size(); ++i)
        if (kNames<Enum>[i] == name) return static_cast<Enum>(i);
    return std::nullopt;
}

} // namespace berth::engine
