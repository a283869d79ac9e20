// Reading JSON members with the first error kept.
#include "runtime/spec/fields.hpp"

namespace berth::runtime {

void Fields::complain(Error error) const {
    if (!*error_) error_->emplace(std::move(error));
}

void Fields::complain(std::string_view key, std::string_view why) const {
    complain(Error(ErrorCode::invalid, fmt::format("{}: {}", path_of(key), why)));
}

bool Fields::clean(std::string_view key, std::string_view text) const {
    if (text.find('\0') == std::string_view::npos) return true;
    complain(key, "contains a NUL byte");
    return false;
}

bool Fields::read(std::string_view key, std::string& target) const {
    if (*error_) return false;
    auto value = reader().string(key);
    if (!value) return complain(std::move(value.error())), false;
    if (!*value || !clean(key, **value)) return false;
    target = std::move(**value);
    return true;
}

bool Fields::read(std::string_view key, bool& target) const {
    if (*error_) return false;
    const auto value = reader().boolean(key);
    if (!value) return complain(value.error()), false;
    if (*value) target = **value;
    return value->has_value();
}

bool Fields::read(std::string_view key, std::vector<std::string>& target) const {
    if (*error_) return false;
    auto value = reader().strings(key);
    if (!value) return complain(std::move(value.error())), false;
    if (!*value) return false;
    for (const auto& text : **value)
        if (!clean(key, text)) return false;
    target = std::move(**value);
    return true;
}

bool Fields::read(std::string_view key, std::map<std::string, std::string>& target) const {
    if (*error_) return false;
    auto value = reader().string_map(key);
    if (!value) return complain(std::move(value.error())), false;
    if (!*value) return false;
    for (const auto& [name, text] : **value)
        if (!clean(key, name) || !clean(key, text)) return false;
    target = std::move(**value);
    return true;
}

void Fields::require(std::string_view key, std::string& target) const {
    if (*error_) return;
    if (!read(key, target) || target.empty()) complain(key, "missing");
}

bool Fields::read_integer(std::string_view key, std::int64_t low, std::int64_t high,
                          std::int64_t& target) const {
    if (*error_) return false;
    const auto value = reader().integer(key);
    if (!value) return complain(value.error()), false;
    if (!*value) return false;
    if (**value < low || **value > high) {
        complain(key, fmt::format("{} is not in {}..{}", **value, low, high));
        return false;
    }
    target = **value;
    return true;
}

const Json* Fields::member(std::string_view key, bool object) const {
    if (*error_) return nullptr;
    const auto value = object ? reader().object(key) : reader().array(key);
    if (!value) return complain(value.error()), nullptr;
    return *value;
}

const Json* Fields::element(std::string_view key, const Json& list, std::size_t index) const {
    if (list[index].is_object()) return &list[index];
    complain(fmt::format("{}[{}]", key, index), "expected an object");
    return nullptr;
}

std::string Fields::element_path(std::string_view key, std::size_t index) const {
    return fmt::format("{}[{}]", path_of(key), index);
}

} // namespace berth::runtime
