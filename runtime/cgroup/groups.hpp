// The directories that make up one group, and how they come to be.
#pragma once

#include "runtime/cgroup/settings.hpp"

#include <set>

namespace berth::runtime {

// Every hierarchy's mount point once, the v2 one last.
std::vector<fs::path> hierarchies(const CgroupLayout& layout);
// "/a//b/" → "a/b"; refuses "..", "." and nothing at all.
Result<std::string> clean_path(std::string_view path);
// The group's directories with its sub-groups in one hierarchy, deepest first. Missing: empty.
std::vector<fs::path> groups_below(const fs::path& top);

// Makes the group above `path` in every hierarchy through libcgroup. It costs three times what a mkdir does,
// so containers' own groups, which are on the way of each start, are made directly.
Status make_parents(const CgroupLayout& layout, const std::string& path);
// A new cpuset group has no CPU at all (v1): gives it its parent's, and its parent its grandparent's if need
// be.
Status inherit_cpuset(const fs::path& mount, const fs::path& group);
// v2: a controller works in a group only when each group above it says so in cgroup.subtree_control.
void enable_controllers(const CgroupLayout& layout, const std::string& path,
                        const std::set<std::string>& wanted);
// Writes the settings. What is refused is tried once more after the others, because limits that
// constrain each other (memory and memsw, quota and period) are refused in the wrong order.
Status apply_settings(const CgroupLayout& layout, const std::string& path,
                      const std::vector<Setting>& settings);

} // namespace berth::runtime
