// One random history: tasks come and go, effects take their time and fail, the agent crashes and recovers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace berth::simulate {

struct Verdict {
    std::string problem; // empty: all invariants held
    std::size_t steps = 0, crashes = 0, tasks = 0;
    std::vector<std::string> history; // events and effects, if they were asked for
};

// The same seed gives the same history.
Verdict simulate(std::uint64_t seed, bool with_history);

} // namespace berth::simulate
