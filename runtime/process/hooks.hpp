// Running the hooks of config.json.
#pragma once

#include "berth/base/result.hpp"

#include "runtime/spec/spec.hpp"

#include <string>
#include <vector>

namespace berth::runtime {

// The state of a container as the runtime specification defines it.
Json state_json(const Spec& spec, const std::string& id, std::string_view status, int pid,
                const std::string& bundle);

// One after the other, each with `state` on its standard input; the first that fails, or takes longer than
// its timeout (and is killed), ends it.
Status run_hooks(const std::vector<Hook>& hooks, std::string_view kind, const Json& state);

} // namespace berth::runtime
