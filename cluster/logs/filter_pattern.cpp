// Terms of a filter pattern.
#include "cluster/logs/filter_pattern.hpp"

#include "cluster/model/refusal.hpp"

#include <algorithm>

namespace berth::cluster {

Result<FilterPattern> parse_filter_pattern(std::string_view text) {
    FilterPattern pattern;
    if (text.size() > 1024) return bad_parameter("filterPattern: it is longer than 1024 characters");
    while (true) {
        const auto start = text.find_first_not_of(' ');
        if (start == std::string_view::npos) return pattern;
        text.remove_prefix(start);
        if (std::string_view("{[%").contains(text.front()))
            return bad_parameter("filterPattern: only terms are supported here, not JSON, columns or regular "
                                 "expressions");
        auto* list = text.front() == '-' ? &pattern.none : text.front() == '?' ? &pattern.any : &pattern.all;
        if (list != &pattern.all) text.remove_prefix(1);
        const bool quoted = text.starts_with('"');
        if (quoted) text.remove_prefix(1);
        const auto end = text.find(quoted ? '"' : ' ');
        if (quoted && end == std::string_view::npos)
            return bad_parameter("filterPattern: a quote is not closed");
        list->emplace_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + quoted);
    }
}

bool matches(const FilterPattern& pattern, std::string_view message) {
    const auto occurs = [message](const std::string& term) { return message.contains(term); };
    return std::ranges::all_of(pattern.all, occurs) && std::ranges::none_of(pattern.none, occurs) &&
           (pattern.any.empty() || std::ranges::any_of(pattern.any, occurs));
}

} // namespace berth::cluster
