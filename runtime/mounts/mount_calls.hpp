// The mount system calls as Status-returning functions.
#pragma once

#include "berth/base/result.hpp"
#include "berth/base/unique_fd.hpp"

#include "runtime/spec/spec.hpp"

#include <string>

namespace berth::runtime {

// A detached copy of the mount at `path` (of the host), with everything below it if recursive.
Result<UniqueFd> clone_tree(const std::string& path, bool recursive);
Result<UniqueFd> clone_tree(int fd, bool recursive, std::string_view name);
// Attaches it on `target`; afterwards `tree` names the attached mount.
Status attach_tree(int tree, int target, std::string_view name);

// Adds flags (MS_RDONLY …) to the mount that `fd` is the root of, keeping those it has.
Status add_mount_flags(int fd, unsigned long flags, std::string_view name);
// Gives it exactly these; where the kernel has locked one, those it has are kept.
Status set_mount_flags(int fd, unsigned long flags, std::string_view name);
Status set_propagation(const std::string& path, unsigned long flag, std::string_view name);
// MOUNT_ATTR_… for the whole tree.
Status set_recursive(int fd, std::uint64_t set, std::uint64_t cleared, std::string_view name);

// Whether the descriptor lies on procfs.
bool is_procfs(int fd);

} // namespace berth::runtime
