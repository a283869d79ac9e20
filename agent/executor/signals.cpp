// Signal names to numbers.
#include "agent/executor/signals.hpp"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstring>

namespace berth::executor {

Result<int> parse_signal(std::string_view text) {
    const auto bad = [&] { return fail(ErrorCode::invalid, "\"{}\" is not a signal", text); };
    int number = 0;
    const auto digits = [](std::string_view part, int& value) {
        const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
        return !part.empty() && error == std::errc{} && end == part.data() + part.size();
    };
    if (digits(text, number)) return number > 0 && number <= SIGRTMAX ? Result<int>(number) : bad();
    auto name = text;
    if (name.starts_with("SIG")) name.remove_prefix(3);
    if (name.starts_with("RTMIN") || name.starts_with("RTMAX")) {
        const int base = name.starts_with("RTMIN") ? SIGRTMIN : SIGRTMAX;
        name.remove_prefix(5);
        if (name.starts_with('+')) name.remove_prefix(1);
        int offset = 0;
        if (!name.empty() && !digits(name, offset)) return bad();
        number = base + offset;
        return number >= SIGRTMIN && number <= SIGRTMAX ? Result<int>(number) : bad();
    }
    for (int candidate = 1; candidate < SIGRTMIN; ++candidate) {
        const char* known = ::sigabbrev_np(candidate);
        if (known != nullptr && name == known) return candidate;
    }
    return bad();
}

} // namespace berth::executor
