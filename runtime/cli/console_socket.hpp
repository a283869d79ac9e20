// The sockets over which the master of a container's terminal travels.
#pragma once

#include "berth/base/result.hpp"
#include "berth/base/unique_fd.hpp"

#include <string>

namespace berth::runtime::cli {

// Empty path: an empty descriptor.
Result<UniqueFd> connect_console(const std::string& path);

struct ConsolePair {
    UniqueFd ours, theirs;
};
Result<ConsolePair> make_console_pair();
// What has been sent; an empty descriptor when the container has no terminal.
Result<UniqueFd> receive_terminal(const UniqueFd& socket);

} // namespace berth::runtime::cli
