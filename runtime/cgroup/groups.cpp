// The directories that make up one group: names, parents, controllers, settings.
#include "runtime/cgroup/groups.hpp"

#include <libcgroup.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace berth::runtime {

std::vector<fs::path> hierarchies(const CgroupLayout& layout) {
    std::vector<fs::path> mounts;
    for (const auto& [controller, mount] : layout.v1)
        if (std::ranges::find(mounts, mount) == mounts.end()) // cpu and cpuacct are often one
            mounts.push_back(mount);
    if (!layout.v2.empty()) mounts.push_back(layout.v2);
    return mounts;
}

Result<std::string> clean_path(std::string_view path) {
    std::string clean;
    for (std::string_view rest = path; !rest.empty();) {
        const auto end = std::min(rest.find('/'), rest.size());
        const auto part = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (part == "." || part == ".." || part.find('\0') != std::string_view::npos)
            return fail(ErrorCode::invalid, "cgroup path \"{}\" must not have \"{}\" in it", path, part);
        if (!part.empty()) clean += (clean.empty() ? "" : "/") + std::string(part);
    }
    if (clean.empty()) return fail(ErrorCode::invalid, "cgroup path \"{}\" names no group", path);
    return clean;
}

std::vector<fs::path> groups_below(const fs::path& top) {
    std::vector<fs::path> groups;
    std::error_code error;
    if (!fs::is_directory(top, error)) return groups;
    groups.push_back(top);
    // Groups come and go meanwhile: what cannot be read is gone.
    for (fs::recursive_directory_iterator entry(top, error), end; !error && entry != end;
         entry.increment(error))
        if (entry->is_directory(error)) groups.push_back(entry->path());
    std::ranges::reverse(groups);
    return groups;
}

namespace {

struct FreeGroup {
    void operator()(::cgroup* group) const { ::cgroup_free(&group); }
};

// libcgroup reads the mounts once per process.
Status libcgroup_ready() {
    static const int result = ::cgroup_init();
    if (result != 0) return fail(ErrorCode::io, "starting libcgroup: {}", ::cgroup_strerror(result));
    return {};
}

Status create_v1(const CgroupLayout& layout, const std::string& path) {
    if (auto ready = libcgroup_ready(); !ready) return ready;
    const std::unique_ptr<::cgroup, FreeGroup> group(::cgroup_new_cgroup(path.c_str()));
    for (const auto& [name, mount] : layout.v1) {
        if (name.starts_with("name=")) { // Debian's libcgroup leaves systemd's own hierarchy out
            if (auto made = make_directories(mount / path); !made) return made;
            continue;
        }
        auto* controller = group ? ::cgroup_add_controller(group.get(), name.c_str()) : nullptr;
        if (controller == nullptr)
            return fail(ErrorCode::internal, "libcgroup refuses the {} controller for {}", name, path);
        // Before 5.11 limits of a group bound its sub-groups only when it was told so.
        if (name == "memory" && path.find('/') == std::string::npos)
            ::cgroup_add_value_string(controller, "memory.use_hierarchy", "1");
    }
    constexpr int kKeepOwner = 1; // otherwise libcgroup changes the owner of every file, one by one
    if (const int result = ::cgroup_create_cgroup(group.get(), kKeepOwner); result != 0)
        return fail(ErrorCode::io, "making the cgroup {}: {}", path,
                    result == ECGOTHER ? std::strerror(::cgroup_get_last_errno())
                                       : ::cgroup_strerror(result));
    return {};
}

} // namespace

Status make_parents(const CgroupLayout& layout, const std::string& path) {
    for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
        const auto parent = path.substr(0, slash);
        if (!layout.v1.empty())
            if (auto made = create_v1(layout, parent); !made) return made;
        if (!layout.v2.empty())
            if (auto made = make_directories(layout.v2 / parent); !made) return made;
    }
    return {};
}

Status inherit_cpuset(const fs::path& mount, const fs::path& group) {
    if (group == mount) return {};
    for (const auto* name : {"cpuset.cpus", "cpuset.mems"}) {
        const auto own = read_file(group / name);
        if (!own) return fail(own.error());
        if (!own->empty() && *own != "\n") continue;
        const auto parent = group.parent_path();
        if (auto filled = inherit_cpuset(mount, parent); !filled) return filled;
        const auto inherited = read_file(parent / name);
        if (!inherited) return fail(inherited.error());
        if (auto written = write_control_file(group / name, *inherited); !written) return written;
    }
    return {};
}

void enable_controllers(const CgroupLayout& layout, const std::string& path,
                        const std::set<std::string>& wanted) {
    const auto missing_in = [&](const fs::path& file) {
        auto missing = wanted;
        auto text = read_file(file).value_or("");
        for (std::size_t start = 0; start < text.size();) {
            const auto end = std::min(text.find_first_of(" \n", start), text.size());
            missing.erase(text.substr(start, end - start));
            start = end + 1;
        }
        return missing;
    };
    if (missing_in(layout.v2 / path / "cgroup.controllers").empty()) return;
    auto group = layout.v2;
    for (const auto& part : fs::path(path)) {
        // One by one: a controller that is refused (a busy parent, a controller that is off) must not take
        // the others with it. Whoever sets a limit of it is told then.
        for (const auto& controller : missing_in(group / "cgroup.subtree_control"))
            (void)write_control_file(group / "cgroup.subtree_control", "+" + controller);
        group /= part;
    }
}

Status apply_settings(const CgroupLayout& layout, const std::string& path,
                      const std::vector<Setting>& settings) {
    const auto apply = [&](const Setting& setting) -> Status {
        const auto group = (setting.v2 ? layout.v2 : layout.v1.at(setting.controller)) / path;
        auto written = write_control_file(group / setting.file, setting.value);
        if (written || written.error().sys() != ENOENT) return written;
        if (!setting.instead.empty()) return write_control_file(group / setting.instead, setting.value);
        return setting.optional ? Status{} : std::move(written);
    };
    std::vector<const Setting*> refused;
    for (const auto& setting : settings) {
        if (auto written = apply(setting); !written) {
            if (written.error().sys() != EINVAL && written.error().sys() != EBUSY) return written;
            refused.push_back(&setting);
        }
    }
    for (const auto* setting : refused)
        if (auto written = apply(*setting); !written) return written;
    return {};
}

} // namespace berth::runtime
