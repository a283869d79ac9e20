// Making, configuring and joining the groups of one container.
#include "berth/runtime/cgroup.hpp"

#include "berth/base/scope_exit.hpp"

#include "runtime/cgroup/devices.hpp"
#include "runtime/cgroup/groups.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace berth::runtime {

namespace {

constexpr mode_t kMode = 0755;

// Settings and device rules, in the group that is there.
Status configure(const CgroupLayout& layout, const std::string& path, const Json& resources) {
    const auto settings = settings_for(layout, resources);
    if (!settings) return fail(settings.error());
    std::set<std::string> wanted;
    for (const auto& setting : *settings)
        if (setting.v2 && !setting.controller.empty()) wanted.insert(setting.controller);
    if (layout.pure_v2()) // what a container's figures are read from works without limits, too
        for (const auto& name : layout.v2_controllers)
            if (name == "cpu" || name == "memory" || name == "pids" || name == "io") wanted.insert(name);
    if (!layout.v2.empty() && !wanted.empty()) enable_controllers(layout, path, wanted);
    if (auto applied = apply_settings(layout, path, *settings); !applied) return applied;
    return apply_device_rules(layout, path, resources);
}

} // namespace

Result<Cgroup> Cgroup::create(const CgroupLayout& layout, const std::string& path, const Json& resources) {
    auto clean = clean_path(path);
    if (!clean) return fail(std::move(clean.error()));
    std::vector<fs::path> made;
    ScopeExit undo([&] {
        for (const auto& group : made) ::rmdir(group.c_str());
    });
    bool parents_made = false;
    for (const auto& mount : hierarchies(layout)) {
        const auto group = mount / *clean;
        int result = ::mkdir(group.c_str(), kMode);
        if (result != 0 && errno == ENOENT && !parents_made) {
            if (auto parents = make_parents(layout, *clean); !parents)
                return fail(std::move(parents.error()));
            parents_made = true;
            result = ::mkdir(group.c_str(), kMode);
        }
        if (result != 0 && errno != EEXIST) return fail_errno(errno, "making the cgroup {}", group.string());
        if (result == 0) made.push_back(group);
    }
    if (const auto memory = layout.v1.find("memory");
        memory != layout.v1.end() && clean->find('/') == clean->npos)
        (void)write_control_file(memory->second / *clean / "memory.use_hierarchy", "1");
    if (const auto cpuset = layout.v1.find("cpuset"); cpuset != layout.v1.end())
        if (auto filled = inherit_cpuset(cpuset->second, cpuset->second / *clean); !filled)
            return fail(std::move(filled.error()));
    if (auto configured = configure(layout, *clean, resources); !configured)
        return fail(std::move(configured.error()), "limiting the cgroup {}", *clean);
    undo.dismiss();
    return Cgroup(layout, std::move(*clean));
}

Cgroup Cgroup::open(const CgroupLayout& layout, const std::string& path) {
    // A path that cannot be is a group that is not there; "/" alone must never come to mean the root.
    return Cgroup(layout, clean_path(path).value_or("\x01"));
}

Status Cgroup::add_process(int pid) const {
    const auto text = std::to_string(pid);
    for (const auto& mount : hierarchies(layout_))
        if (auto written = write_control_file(mount / path_ / "cgroup.procs", text); !written)
            return fail(std::move(written.error()), "moving process {} into the cgroup {}", pid, path_);
    return {};
}

Result<UniqueFd> Cgroup::v2_fd() const {
    if (layout_.v2.empty()) return fail(ErrorCode::not_found, "this machine has no cgroup v2");
    return open_file(layout_.v2 / path_, O_PATH | O_DIRECTORY);
}

Status Cgroup::set_resources(const Json& resources) const {
    if (auto configured = configure(layout_, path_, resources); !configured)
        return fail(std::move(configured.error()), "limiting the cgroup {}", path_);
    return {};
}

} // namespace berth::runtime
