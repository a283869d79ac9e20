// What this host has: processors, memory, and where the programs of this installation lie.
#pragma once

#include "berth/base/files.hpp"
#include "berth/config/config.hpp"
#include "berth/engine/state.hpp"

namespace berth {

// Processors × 1024 and MemTotal less the reserve; a reserve that leaves nothing is an error.
Result<engine::HostResources> host_resources(const config::Config& config);

// Programs of one installation find each other relative to themselves: bin/<us>, libexec/berth/<name>.
Result<fs::path> helper_program(const std::string& name);
// share/doc/berth/<name> of this installation.
Result<fs::path> document(const std::string& name);

} // namespace berth
