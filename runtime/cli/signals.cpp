// Signals by name or number.
#include "runtime/cli/signals.hpp"

#include <charconv>
#include <csignal>
#include <cstring>
#include <optional>
#include <string>

namespace berth::runtime::cli {

namespace {

std::optional<int> number(std::string_view text) {
    int value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())
        return std::nullopt;
    return value;
}

std::optional<int> realtime(std::string_view name) {
    if (name == "RTMIN") return SIGRTMIN;
    if (name == "RTMAX") return SIGRTMAX;
    if (name.starts_with("RTMIN+"))
        if (const auto offset = number(name.substr(6))) return SIGRTMIN + *offset;
    if (name.starts_with("RTMAX-"))
        if (const auto offset = number(name.substr(6))) return SIGRTMAX - *offset;
    return std::nullopt;
}

} // namespace

Result<int> parse_signal(std::string_view text) {
    std::string name(text);
    for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    if (name.starts_with("SIG")) name.erase(0, 3);
    auto signal = number(name);
    if (!signal) signal = realtime(name);
    for (int candidate = 1; !signal && candidate < SIGRTMIN; ++candidate)
        if (const char* known = ::sigabbrev_np(candidate); known != nullptr && name == known)
            signal = candidate;
    if (!signal && name == "IOT") signal = SIGABRT;
    if (!signal || *signal < 1 || *signal > SIGRTMAX)
        return fail(ErrorCode::invalid, "\"{}\" is not a signal", text);
    return *signal;
}

} // namespace berth::runtime::cli
