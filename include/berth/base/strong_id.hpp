// StrongId: identifiers of different kinds cannot be mixed up, and cost nothing more than their string.
#pragma once

#include <fmt/format.h>

#include <compare>
#include <functional>
#include <string>
#include <utility>

namespace berth {

template <class Tag>
class StrongId {
  public:
    StrongId() = default;
    explicit StrongId(std::string value) : value_(std::move(value)) {}
    const std::string& str() const { return value_; }
    bool empty() const { return value_.empty(); }
    auto operator<=>(const StrongId&) const = default;

  private:
    std::string value_;
};

} // namespace berth

template <class Tag>
struct std::hash<berth::StrongId<Tag>> {
    std::size_t operator()(const berth::StrongId<Tag>& id) const noexcept {
        return std::hash<std::string>{}(id.str());
    }
};

template <class Tag>
struct fmt::formatter<berth::StrongId<Tag>> : fmt::formatter<std::string> {
    template <class Context>
    auto format(const berth::StrongId<Tag>& id, Context& context) const {
        return fmt::formatter<std::string>::format(id.str(), context);
    }
};
