// The first histories of the simulation; berth-simulate runs as many as one has patience for.
#include "tests/simulate/simulation.hpp"

#include <gtest/gtest.h>

namespace berth::simulate {
namespace {

TEST(Simulation, NoHistoryBreaksAnInvariant) {
    constexpr std::uint64_t kHistories = 2000;
    for (std::uint64_t seed = 1; seed <= kHistories; ++seed) {
        auto verdict = simulate(seed, false);
        if (verdict.problem.empty()) continue;
        verdict = simulate(seed, true);
        std::string history;
        for (const auto& line : verdict.history) history += line + "\n";
        FAIL() << history << "seed " << seed << ": " << verdict.problem;
    }
}

TEST(Simulation, TheSameSeedIsTheSameHistory) {
    const auto one = simulate(7, true);
    EXPECT_EQ(one.history, simulate(7, true).history);
    EXPECT_NE(one.history, simulate(8, true).history);
    EXPECT_FALSE(one.history.empty());
}

} // namespace
} // namespace berth::simulate
