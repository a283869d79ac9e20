// Whole-file reads and durable writes.
#pragma once

#include "berth/base/result.hpp"
#include "berth/base/unique_fd.hpp"

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace berth {

namespace fs = std::filesystem;

// open(2) with O_CLOEXEC added.
Result<UniqueFd> open_file(const fs::path& path, int flags, mode_t mode = 0);
// Reads to the end; more than `limit` bytes is an error. Works for /proc and /sys, where sizes are unknown.
Result<std::string> read_file(const fs::path& path, std::size_t limit = std::size_t{16} << 20);
Result<std::string> read_fd(int fd, std::string_view what, std::size_t limit = std::size_t{16} << 20);
// write(2) until all is written.
Status write_all(int fd, std::string_view bytes, std::string_view what);
// Writes an existing control file (cgroup, proc, sysctl) in one write(2).
Status write_control_file(const fs::path& path, std::string_view text);
// Old or new content, never a mix: temporary file beside it, fsync, rename, fsync of the directory.
// durable = false leaves the fsyncs out.
Status write_file_atomic(const fs::path& path, std::string_view bytes, mode_t mode = 0644,
                         bool durable = true);
Status make_directories(const fs::path& path, mode_t mode = 0755);
// Removes a tree without following links and without leaving its file system. Missing is success.
Status remove_tree(const fs::path& path);

} // namespace berth
