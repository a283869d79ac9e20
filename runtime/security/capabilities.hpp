// Capabilities of the process to be: what can be given, and the two steps of giving it.
#pragma once

#include "berth/base/result.hpp"

#include "runtime/spec/spec.hpp"

namespace berth::runtime {

// The highest capability that the running kernel knows.
Result<int> last_capability();
// What this process could pass on.
Result<std::uint64_t> held_capabilities();
// Takes out what is not in `held` and what the sets themselves rule out (effective needs permitted; ambient
// needs permitted and inheritable), with a warning naming it: a container must not fail for capabilities
// that cannot be granted (runtime specification 1.1, process.capabilities).
CapabilitySets grantable(CapabilitySets wanted, std::uint64_t held, std::vector<std::string>& warnings);

// Before the user is changed: limits the bounding set and keeps the permitted set over setresuid.
Status prepare_capabilities(const CapabilitySets& sets, int last);
// After it: raises what is needed for the ambient set, and for a filter still to be installed.
Status raise_ambient(const CapabilitySets& sets);
// The final sets, the very last thing before execve.
Status apply_capabilities(const CapabilitySets& sets);

} // namespace berth::runtime
