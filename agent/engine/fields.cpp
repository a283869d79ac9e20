// Member-by-member decoding with one sticky error.
#include "agent/engine/fields.hpp"

#include <algorithm>
#include <cmath>

namespace berth::engine {

Fields::Fields(const Json& object, std::string path, std::optional<Error>& error)
    : object_(&object), reader_(object, std::move(path), true), error_(&error) {}

template <class T>
std::optional<T> Fields::take(Result<std::optional<T>> value) {
    if (failed()) return std::nullopt;
    if (value) return std::move(*value);
    *error_ = std::move(value.error());
    return std::nullopt;
}

// A string with a zero byte would be cut short on its way to the kernel.
void Fields::check_text(std::string_view key, std::string_view text) {
    if (text.contains('\0')) fail_at(key, "contains a zero byte");
}

void Fields::read(std::string_view key, std::string& out) {
    if (auto value = take(reader_.string(key))) {
        check_text(key, *value);
        out = std::move(*value);
    }
}

void Fields::read(std::string_view key, std::optional<std::string>& out) {
    std::string text;
    read(key, text);
    if (!text.empty()) out = std::move(text);
}

void Fields::read(std::string_view key, bool& out) {
    if (const auto value = take(reader_.boolean(key))) out = *value;
}

void Fields::read(std::string_view key, double& out) {
    const auto value = take(reader_.number(key));
    if (!value) return;
    if (!std::isfinite(*value) || *value < 0)
        fail_at(key, fmt::format("{} is not a number of 0 or more", *value));
    out = *value;
}

void Fields::read(std::string_view key, std::vector<std::string>& out) {
    auto list = take(reader_.strings(key));
    if (!list) return;
    for (const auto& text : *list) check_text(key, text);
    out = std::move(*list);
}

void Fields::read(std::string_view key, std::map<std::string, std::string>& out) {
    auto map = take(reader_.string_map(key));
    if (!map) return;
    for (auto& [name, text] : *map) {
        check_text(key, name);
        check_text(key, text);
        out.insert_or_assign(name, std::move(text));
    }
}

std::optional<std::int64_t> Fields::integer(std::string_view key, std::int64_t min, std::int64_t max) {
    const auto value = take(reader_.integer(key));
    if (value && (*value < min || *value > max)) {
        fail_at(key, fmt::format("{} is not in {}..{}", *value, min, max));
        return std::nullopt;
    }
    return value;
}

void Fields::require(std::string_view key, std::string& out) {
    read(key, out);
    if (out.empty()) fail_at(key, "missing");
}

void Fields::object(std::string_view key, const std::function<void(Fields&)>& use) {
    const auto found = reader_.object(key);
    if (!found && !failed()) *error_ = found.error();
    if (failed() || *found == nullptr) return;
    Fields inner(**found, path_of(key), *error_);
    use(inner);
}

void Fields::each(std::string_view key, std::size_t max_count, const std::function<void(Fields&)>& use) {
    const auto list = reader_.array(key);
    if (!list && !failed()) *error_ = list.error();
    if (failed() || *list == nullptr) return;
    if ((*list)->size() > max_count)
        return fail_at(key, fmt::format("{} elements are over the limit of {}", (*list)->size(), max_count));
    for (std::size_t i = 0; i < (*list)->size() && !failed(); ++i) {
        const Json& element = (**list)[i];
        if (!element.is_object())
            return fail_at(fmt::format("{}[{}]", key, i),
                           fmt::format("expected an object, got {}", element.type_name()));
        Fields inner(element, fmt::format("{}[{}]", path_of(key), i), *error_);
        use(inner);
    }
}

void Fields::refuse(std::string_view key) {
    if (const Json* value = find(key); value != nullptr && !is_empty_value(*value))
        fail_at(key, "is not supported by this version");
}

void Fields::fail_at(std::string_view key, std::string_view why) {
    if (!failed()) *error_ = Error(ErrorCode::invalid, fmt::format("{}: {}", path_of(key), why));
}

bool Fields::is_null(std::string_view key) const {
    const auto wanted = lower_case(key);
    return std::ranges::any_of(object_->items(), [&](const auto& member) {
        return member.value().is_null() && lower_case(member.key()) == wanted;
    });
}

bool is_empty_value(const Json& value) {
    switch (value.type()) {
    case Json::value_t::null: return true;
    case Json::value_t::boolean: return !value.get<bool>();
    case Json::value_t::string: return value.get_ref<const std::string&>().empty();
    case Json::value_t::array:
    case Json::value_t::object: return std::ranges::all_of(value, is_empty_value);
    default: return value.is_number() && value.get<double>() == 0;
    }
}

std::string lower_case(std::string_view text) {
    std::string result(text);
    for (char& c : result)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return result;
}

} // namespace berth::engine
