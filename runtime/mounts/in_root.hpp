// Paths of the container, resolved so that no symbolic link leads out of its root.
#pragma once

#include "berth/base/result.hpp"
#include "berth/base/unique_fd.hpp"

#include <string>
#include <string_view>

namespace berth::runtime {

enum class Links : std::uint8_t { inside, refused };

// O_PATH descriptor of what is there. Absolute links and ".." stay inside `root`; magic links of /proc are
// errors.
Result<UniqueFd> open_in_root(int root, std::string_view path, Links links = Links::inside);

enum class Make : std::uint8_t { directory, file };
// The same; what is missing on the way is made, also where a dangling link points.
Result<UniqueFd> make_in_root(int root, std::string_view path, Make make, Links links = Links::inside);

// "/proc/self/fd/N": gives a descriptor to system calls that only take paths. Needs the host's /proc in
// sight.
std::string fd_path(int fd);

} // namespace berth::runtime
