// Checking and cutting UTF-8.
#include "agent/logs/text.hpp"

#include <algorithm>

namespace berth::logs {
namespace {

unsigned char at(std::string_view text, std::size_t i) { return static_cast<unsigned char>(text[i]); }
bool is_continuation(unsigned char byte) { return (byte & 0xc0) == 0x80; }

// Length of the valid sequence at the beginning of a text that is not empty, 0 if there is none (Unicode 15,
// table 3-7: neither overlong forms, surrogates, nor anything above U+10FFFF).
std::size_t sequence_length(std::string_view text) {
    const auto first = at(text, 0);
    if (first < 0x80) return 1;
    const std::size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                               : first >= 0xe0 && first <= 0xef ? 3
                               : first >= 0xf0 && first <= 0xf4 ? 4
                                                                : 0;
    if (length == 0 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if (!is_continuation(at(text, i))) return 0;
    const auto second = at(text, 1);
    const bool refused = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                         (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
    return refused ? 0 : length;
}

} // namespace

std::string valid_utf8(std::string bytes) {
    const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
    if (std::ranges::all_of(bytes, is_ascii)) return bytes;
    std::string result;
    result.reserve(bytes.size());
    for (std::string_view rest = bytes; !rest.empty();) {
        const auto length = sequence_length(rest);
        if (length == 0)
            result += "\xef\xbf\xbd";
        else
            result += rest.substr(0, length);
        rest.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return result;
}

std::size_t cut_between_code_points(std::string_view text, std::size_t limit) {
    if (text.size() <= limit) return text.size();
    std::size_t cut = limit;
    while (cut > 0 && limit - cut < 3 && is_continuation(at(text, cut))) --cut;
    return cut == 0 || is_continuation(at(text, cut)) ? limit : cut;
}

} // namespace berth::logs
