// berth-simulate: many random histories of the engine core; stops at the first that breaks an invariant.
#include "tests/simulate/simulation.hpp"

#include <charconv>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace {

constexpr const char* kUsage =
    "usage: berth-simulate [--seed FIRST] [--histories COUNT]\n"
    "Runs COUNT random histories of the task engine (default 10000), the first with seed "
    "FIRST (default 1).\nA history that breaks an invariant is printed with its seed.\n";

bool read_number(const char* text, std::uint64_t& out) {
    const auto* end = text + std::strlen(text);
    const auto [stop, error] = std::from_chars(text, end, out);
    return error == std::errc() && stop == end;
}

int complain(std::uint64_t seed) {
    const auto verdict = berth::simulate::simulate(seed, true);
    for (const auto& line : verdict.history) std::printf("%s\n", line.c_str());
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), verdict.problem.c_str());
    return 1;
}

} // namespace

int main(int argc, char** argv) {
    std::uint64_t first = 1, count = 10'000;
    for (int i = 1; i < argc; i += 2) {
        const std::string_view option = argv[i];
        auto* number = option == "--seed" ? &first : option == "--histories" ? &count : nullptr;
        if (number == nullptr || i + 1 == argc || !read_number(argv[i + 1], *number)) {
            std::fputs(kUsage, option == "--help" ? stdout : stderr);
            return option == "--help" ? 0 : 2;
        }
    }
    std::size_t steps = 0, crashes = 0, tasks = 0;
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        const auto verdict = berth::simulate::simulate(seed, false);
        if (!verdict.problem.empty()) return complain(seed);
        steps += verdict.steps;
        crashes += verdict.crashes;
        tasks += verdict.tasks;
    }
    std::printf("%llu histories from seed %llu: %zu tasks, %zu steps, %zu crashes, no violation\n",
                static_cast<unsigned long long>(count), static_cast<unsigned long long>(first), tasks, steps,
                crashes);
    return 0;
}
