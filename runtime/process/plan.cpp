// Reading, checking and preparing: the part of create() that needs no process.
#include "runtime/process/plan.hpp"

#include "runtime/mounts/mount_calls.hpp"
#include "runtime/process/channel.hpp"
#include "runtime/security/lsm.hpp"

#include <climits>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace berth::runtime {

namespace {

Result<std::string> resolve_root(const CreateOptions& options, const Spec& spec) {
    const auto path = (options.bundle / spec.root.path).string();
    std::array<char, PATH_MAX> real;
    struct stat status = {};
    if (::realpath(path.c_str(), real.data()) == nullptr || ::stat(real.data(), &status) != 0)
        return fail_errno(errno, "root.path: {}", path);
    if (!S_ISDIR(status.st_mode)) return fail(ErrorCode::invalid, "root.path: {} is not a directory", path);
    if (std::string_view(real.data()) == "/")
        return fail(ErrorCode::invalid, "root.path: the host's own root cannot be a container's");
    return std::string(real.data());
}

// Absolute, and opened now if the root of a user namespace might not be allowed to later.
Status prepare_sources(const CreateOptions& options, bool user_namespace, Spec& spec,
                       std::vector<UniqueFd>& sources) {
    for (std::size_t i = 0; i < spec.mounts.size(); ++i) {
        auto& mount = spec.mounts[i];
        if (!mount.is_bind()) continue;
        if (!mount.source.starts_with('/')) mount.source = (options.bundle / mount.source).string();
        if (!user_namespace) continue;
        auto tree = clone_tree(mount.source, (mount.options.flags & MS_REC) != 0);
        if (!tree) return fail(std::move(tree.error()), "mounts[{}] ({})", i, mount.destination);
        sources.resize(spec.mounts.size());
        sources[i] = std::move(*tree);
    }
    return {};
}

Status prepare_security(const CreateOptions& options, bool user_namespace, LaunchPlan& plan) {
    if (auto lsm = check_lsm(plan.spec); !lsm) return lsm;
    auto filter = seccomp_filter(plan.spec.seccomp, options.seccomp_cache);
    if (!filter) return std::unexpected(std::move(filter.error()));
    plan.seccomp = std::move(*filter);
    const auto last = last_capability();
    if (!last) return std::unexpected(last.error());
    plan.last_capability = *last;
    // A user namespace starts with every capability the kernel has.
    auto held = user_namespace ? Result<std::uint64_t>((std::uint64_t{2} << *last) - 1) : held_capabilities();
    if (!held) return std::unexpected(std::move(held.error()));
    plan.capabilities =
        grantable(plan.spec.process.capabilities.value_or(CapabilitySets()), *held, plan.spec.warnings);
    return {};
}

bool allows_everything(const Json& rules) {
    bool everything = false;
    for (const auto& rule : rules) {
        if (!rule.is_object()) continue;
        const bool all = (!rule.contains("type") || rule["type"] == "a") && !rule.contains("major") &&
                         !rule.contains("minor");
        if (all) everything = rule.contains("allow") && rule["allow"] == true;
    }
    return everything;
}

} // namespace

Json with_default_devices(Json resources) {
    if (!resources.is_object()) resources = Json::object();
    auto& rules = resources["devices"];
    if (rules.is_null()) rules = Json::array({{{"allow", false}, {"access", "rwm"}}});
    if (!rules.is_array() || allows_everything(rules)) return resources;
    const auto allow = [&](const char* type, int major, int minor, const char* access) {
        Json rule{{"allow", true}, {"type", type}, {"access", access}};
        if (major >= 0) rule["major"] = major;
        if (minor >= 0) rule["minor"] = minor;
        rules.push_back(std::move(rule));
    };
    allow("c", -1, -1, "m"); // making nodes is harmless, opening them is what the rules are for
    allow("b", -1, -1, "m");
    for (const int minor : {3, 5, 7, 8, 9}) allow("c", 1, minor, "rwm"); // null zero full random urandom
    allow("c", 5, 0, "rwm");                                             // tty
    allow("c", 5, 2, "rwm");                                             // ptmx
    allow("c", 136, -1, "rwm");                                          // terminals of devpts
    return resources;
}

Result<std::string> cgroup_path_of(const Spec& spec, const std::string& id) {
    const auto& given = spec.cgroups_path;
    if (given.empty()) return fmt::format("berth/{}", id);
    const auto first = given.find(':');
    if (first == std::string::npos || given.starts_with('/')) {
        const auto start = given.find_first_not_of('/');
        if (start == std::string::npos || given.find("..") != std::string::npos)
            return fail(ErrorCode::invalid, "linux.cgroupsPath: \"{}\" does not name a group", given);
        return given.substr(start);
    }
    const auto second = given.find(':', first + 1);
    if (second == std::string::npos)
        return fail(ErrorCode::invalid, "linux.cgroupsPath: \"{}\" is not slice:prefix:name", given);
    const auto slice = given.substr(0, first), prefix = given.substr(first + 1, second - first - 1);
    const auto name = given.substr(second + 1);
    // "a-b.slice" lies in "a.slice".
    std::string path;
    for (auto dash = slice.find('-'); dash != std::string::npos; dash = slice.find('-', dash + 1))
        path += slice.substr(0, dash) + ".slice/";
    path += slice.empty() ? "system.slice" : slice;
    const bool is_slice = name.ends_with(".slice");
    return fmt::format("{}/{}{}{}{}", path, prefix, prefix.empty() || is_slice ? "" : "-", name,
                       is_slice ? "" : ".scope");
}

Result<LaunchPlan> make_plan(const CreateOptions& options) {
    LaunchPlan plan;
    plan.options = options;
    plan.options.bundle = fs::absolute(options.bundle);
    auto spec = load_spec(options.bundle);
    if (!spec) return std::unexpected(std::move(spec.error()));
    plan.spec = std::move(*spec);
    if (plan.spec.process.terminal && options.console_socket < 0)
        return fail(ErrorCode::invalid,
                    "process.terminal: a terminal is asked for, but there is no console socket");
    auto root = resolve_root(plan.options, plan.spec);
    if (!root) return std::unexpected(std::move(root.error()));
    plan.root = std::move(*root);
    auto namespaces = plan_namespaces(plan.spec, options.netns);
    if (!namespaces) return std::unexpected(std::move(namespaces.error()));
    plan.namespaces = std::move(*namespaces);
    const bool user_namespace = plan.namespaces.new_user || plan.namespaces.joins_user;
    if (auto sources = prepare_sources(plan.options, user_namespace, plan.spec, plan.sources); !sources)
        return std::unexpected(std::move(sources.error()));
    if (auto security = prepare_security(options, user_namespace, plan); !security)
        return std::unexpected(std::move(security.error()));
    auto layout = CgroupLayout::detect();
    if (!layout) return std::unexpected(std::move(layout.error()));
    plan.layout = std::move(*layout);
    auto path = cgroup_path_of(plan.spec, options.id);
    if (!path) return std::unexpected(std::move(path.error()));
    plan.cgroup_path = std::move(*path);
    plan.resources = with_default_devices(std::move(plan.spec.resources));
    if (options.start_directory.empty()) return plan;
    auto listener = listen_at(options.start_directory.string());
    if (!listener) return std::unexpected(std::move(listener.error()));
    plan.listener = std::move(*listener);
    return plan;
}

} // namespace berth::runtime
