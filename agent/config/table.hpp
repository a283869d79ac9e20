// The table of configuration variables: what the parser, --help and the documentation are made from.
#pragma once

#include "berth/config/config.hpp"

#include <cstdint>
#include <expected>
#include <limits>
#include <span>
#include <string>
#include <string_view>

namespace berth::config {

// Why a value was not taken as it stands.
struct Complaint {
    bool fatal = false;
    std::string text; // what is allowed, and what is used instead unless fatal; never the value itself
};
using Verdict = std::expected<void, Complaint>;

// Numbers as they are, durations in nanoseconds.
struct Bounds {
    std::int64_t low = std::numeric_limits<std::int64_t>::min();
    std::int64_t high = std::numeric_limits<std::int64_t>::max();
};

struct Variable;
using Apply = Verdict (*)(const Variable& variable, const std::string& value, Config& config);

enum class Use : std::uint8_t {
    applied,   // sets a field of Config
    elsewhere, // read from Config::environment by the room it concerns
    nothing,   // accepted, warned about: `meaning` says why
};

struct Variable {
    std::string_view name;
    std::string_view type;
    std::string_view default_value;
    Bounds bounds;
    std::string_view meaning;
    Apply apply = nullptr;
    Use use = Use::applied;
    bool secret = false; // the value never appears in a message
};

std::span<const Variable> table();

} // namespace berth::config
