// Tolerant access to checked documents.
#include "cluster/model/fields.hpp"

namespace berth::cluster {
namespace {

const Json* member(const Json& object, std::string_view key) {
    if (!object.is_object()) return nullptr;
    const auto it = object.find(key);
    return it == object.end() || it->is_null() ? nullptr : &*it;
}

} // namespace

const Json& no_items() {
    static const Json empty = Json::array();
    return empty;
}
const Json& no_members() {
    static const Json empty = Json::object();
    return empty;
}

std::string text_of(const Json& object, std::string_view key, std::string_view fallback) {
    const Json* value = member(object, key);
    return value && value->is_string() ? value->get<std::string>() : std::string(fallback);
}

std::optional<std::int64_t> integer_of(const Json& object, std::string_view key) {
    return JsonReader(object).integer(key).value_or(std::nullopt);
}

std::int64_t integer_of(const Json& object, std::string_view key, std::int64_t fallback) {
    return integer_of(object, key).value_or(fallback);
}

bool flag_of(const Json& object, std::string_view key, bool fallback) {
    const Json* value = member(object, key);
    return value && value->is_boolean() ? value->get<bool>() : fallback;
}

const Json& list_of(const Json& object, std::string_view key) {
    const Json* value = member(object, key);
    return value && value->is_array() ? *value : no_items();
}

const Json& object_of(const Json& object, std::string_view key) {
    const Json* value = member(object, key);
    return value && value->is_object() ? *value : no_members();
}

bool has(const Json& object, std::string_view key) { return member(object, key) != nullptr; }

const Json* find_named(const Json& list, std::string_view key, std::string_view value) {
    for (const Json& item : list)
        if (text_of(item, key) == value) return &item;
    return nullptr;
}

void set_unless_empty(Json& object, const std::string& key, Json value) {
    const bool empty = value.is_null() || ((value.is_structured() || value.is_string()) &&
                                           (value.is_string() ? value == "" : value.empty()));
    if (!empty) object[key] = std::move(value);
}

} // namespace berth::cluster
