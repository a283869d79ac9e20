// Nearest name by edit distance.
#include "agent/config/suggest.hpp"

#include "agent/config/table.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace berth::config {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const auto replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
        }
    }
    return row.back();
}

} // namespace

std::optional<std::string_view> nearest_name(std::string_view name) {
    constexpr std::size_t kLongest = 100;
    if (name.size() > kLongest) return std::nullopt;
    const Variable* best = nullptr;
    std::size_t best_distance = std::max<std::size_t>(2, name.size() / 3) + 1;
    for (const auto& variable : table()) {
        const auto lengths = std::minmax(name.size(), variable.name.size());
        if (lengths.second - lengths.first >= best_distance) continue;
        const auto distance = edit_distance(name, variable.name);
        if (distance >= best_distance) continue;
        best = &variable;
        best_distance = distance;
    }
    if (!best) return std::nullopt;
    return best->name;
}

} // namespace berth::config
