// Contradictions in a Spec: fields that are each valid but cannot be met together, or would reach the host.
#include "runtime/spec/spec.hpp"

#include <sched.h>

#include <algorithm>
#include <array>

namespace berth::runtime {

namespace {

// The namespace that keeps a parameter inside the container; nothing for one that is the whole host's.
std::optional<int> namespace_of_sysctl(std::string_view path) {
    constexpr std::array<std::string_view, 8> ipc{"kernel/msgmax", "kernel/msgmnb",         "kernel/msgmni",
                                                  "kernel/sem",    "kernel/shmall",         "kernel/shmmax",
                                                  "kernel/shmmni", "kernel/shm_rmid_forced"};
    if (std::ranges::find(ipc, path) != ipc.end() || path.starts_with("fs/mqueue/")) return CLONE_NEWIPC;
    if (path.starts_with("net/")) return CLONE_NEWNET;
    if (path == "kernel/domainname" || path == "kernel/hostname") return CLONE_NEWUTS;
    return std::nullopt;
}

std::string_view namespace_name(int flag) {
    switch (flag) {
    case CLONE_NEWIPC: return "ipc";
    case CLONE_NEWNET: return "network";
    default: return "uts";
    }
}

Status check_sysctl(const Spec& spec) {
    for (const auto& [path, value] : spec.sysctl) {
        const auto needed = namespace_of_sysctl(path);
        if (!needed)
            return fail(ErrorCode::invalid, "linux.sysctl: {} belongs to the whole host, not to a container",
                        path);
        if (spec.find_namespace(*needed) == nullptr)
            return fail(ErrorCode::invalid, "linux.sysctl: {} needs a {} namespace of the container's own",
                        path, namespace_name(*needed));
    }
    return {};
}

Status check_user_namespace(const Spec& spec) {
    const auto* user = spec.find_namespace(CLONE_NEWUSER);
    const bool mapped = !spec.uid_mappings.empty() || !spec.gid_mappings.empty();
    if (user == nullptr && mapped)
        return fail(ErrorCode::invalid,
                    "linux.uidMappings: given without a user namespace in linux.namespaces");
    if (user != nullptr && user->path.empty() && (spec.uid_mappings.empty() || spec.gid_mappings.empty()))
        return fail(ErrorCode::invalid,
                    "linux.uidMappings and linux.gidMappings: both are needed for a new user namespace");
    if (user != nullptr && !user->path.empty() && mapped)
        return fail(ErrorCode::invalid,
                    "linux.uidMappings: the user namespace is joined by path, its map exists");
    return {};
}

} // namespace

Status check_spec(const Spec& spec) {
    if (spec.find_namespace(CLONE_NEWNS) == nullptr)
        return fail(ErrorCode::invalid,
                    "linux.namespaces: a container without a mount namespace is not supported");
    if (spec.find_namespace(CLONE_NEWUTS) == nullptr) {
        if (!spec.hostname.empty()) return fail(ErrorCode::invalid, "hostname: needs a uts namespace");
        if (!spec.domainname.empty()) return fail(ErrorCode::invalid, "domainname: needs a uts namespace");
    }
    for (const auto& path : spec.masked_paths)
        if (!path.starts_with('/'))
            return fail(ErrorCode::invalid, "linux.maskedPaths: \"{}\" is not absolute", path);
    for (const auto& path : spec.readonly_paths)
        if (!path.starts_with('/'))
            return fail(ErrorCode::invalid, "linux.readonlyPaths: \"{}\" is not absolute", path);
    if (auto user = check_user_namespace(spec); !user) return user;
    return check_sysctl(spec);
}

} // namespace berth::runtime
