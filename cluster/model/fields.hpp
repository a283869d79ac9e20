// Access to documents whose types were checked when they came in: a missing or odd member is the default.
#pragma once

#include "berth/base/json.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace berth::cluster {

// An empty list and an empty object, to refer to.
const Json& no_items();
const Json& no_members();

std::string text_of(const Json& object, std::string_view key, std::string_view fallback = {});
std::optional<std::int64_t> integer_of(const Json& object, std::string_view key);
std::int64_t integer_of(const Json& object, std::string_view key, std::int64_t fallback);
bool flag_of(const Json& object, std::string_view key, bool fallback = false);
const Json& list_of(const Json& object, std::string_view key);
const Json& object_of(const Json& object, std::string_view key);
bool has(const Json& object, std::string_view key);
// The element of a list of objects whose member `key` is `value`, nullptr if there is none.
const Json* find_named(const Json& list, std::string_view key, std::string_view value);
// Sets the member unless the value is an empty string, list or object, or null.
void set_unless_empty(Json& object, const std::string& key, Json value);

} // namespace berth::cluster
