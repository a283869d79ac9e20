// Ids of other shapes, made of hex digits.
#include "cluster/model/context.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

namespace berth::cluster {
namespace {

std::uint64_t number_of(const std::string& hex) {
    std::uint64_t value = 0;
    std::from_chars(hex.data(), hex.data() + hex.size(), value, 16);
    return value;
}

} // namespace

std::string Context::make_uuid() const {
    std::string text = make_id(32);
    for (const std::size_t at : {8U, 13U, 18U, 23U}) text.insert(at, 1, '-');
    return text;
}

std::size_t Context::random(std::size_t count) const { return number_of(make_id(15)) % count; }

std::string Context::make_digits() const { return fmt::format("{:019}", number_of(make_id(15))); }

} // namespace berth::cluster
