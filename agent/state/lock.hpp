// The lock that keeps a second agent out of a data directory.
#pragma once

#include "berth/base/files.hpp"
#include "berth/base/unique_fd.hpp"

namespace berth::state {

// Held for as long as the descriptor is open. The error of a second taker names the process that has it.
Result<UniqueFd> take_lock(const fs::path& file);

} // namespace berth::state
