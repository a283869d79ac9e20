// JSON parsing within limits and typed access with paths in errors.
#include "berth/base/json.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>

namespace berth {

namespace {

// Builds the value while counting depth, so that a bomb of brackets is refused before it costs stack.
class LimitedBuilder : public nlohmann::detail::json_sax_dom_parser<Json> {
    using Base = nlohmann::detail::json_sax_dom_parser<Json>;

  public:
    LimitedBuilder(Json& root, int max_depth) : Base(root, false), max_depth_(max_depth) {}
    bool start_object(std::size_t count) { return deeper() && Base::start_object(count); }
    bool end_object() { return shallower() && Base::end_object(); }
    bool start_array(std::size_t count) { return deeper() && Base::start_array(count); }
    bool end_array() { return shallower() && Base::end_array(); }
    template <class Exception>
    bool parse_error(std::size_t position, const std::string&, const Exception&) {
        position_ = position;
        return false;
    }
    bool too_deep() const { return too_deep_; }
    std::size_t position() const { return position_; }

  private:
    bool deeper() {
        too_deep_ = ++depth_ > max_depth_;
        return !too_deep_;
    }
    bool shallower() {
        --depth_;
        return true;
    }
    int depth_ = 0, max_depth_;
    bool too_deep_ = false;
    std::size_t position_ = 0;
};

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(),
                      [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string_view type_name(const Json& value) {
    switch (value.type()) {
    case Json::value_t::object: return "an object";
    case Json::value_t::array: return "a list";
    case Json::value_t::string: return "a string";
    case Json::value_t::boolean: return "a boolean";
    case Json::value_t::null: return "null";
    default: return "a number";
    }
}

std::unexpected<Error> wrong_type(const std::string& path, std::string_view expected, const Json& got) {
    return fail(ErrorCode::invalid, "{}: expected {}, got {}", path, expected, type_name(got));
}

} // namespace

Result<Json> parse_json(std::string_view text, JsonLimits limits) {
    if (text.size() > limits.max_bytes)
        return fail(ErrorCode::limit, "JSON of {} bytes is over the limit of {}", text.size(),
                    limits.max_bytes);
    Json root;
    LimitedBuilder builder(root, limits.max_depth);
    const bool good = Json::sax_parse(text.begin(), text.end(), &builder);
    if (builder.too_deep())
        return fail(ErrorCode::limit, "JSON is nested deeper than {} levels", limits.max_depth);
    if (!good) return fail(ErrorCode::invalid, "not valid JSON at byte {}", builder.position());
    return root;
}

const Json* JsonReader::find(std::string_view key) const {
    if (!object_->is_object()) return nullptr;
    if (const auto it = object_->find(key); it != object_->end()) return it->is_null() ? nullptr : &*it;
    if (!ignore_case_) return nullptr;
    for (const auto& [name, value] : object_->items())
        if (equal_ignoring_case(name, key)) return value.is_null() ? nullptr : &value;
    return nullptr;
}

std::string JsonReader::path_of(std::string_view key) const {
    return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

Result<std::optional<std::string>> JsonReader::string(std::string_view key) const {
    const Json* value = find(key);
    if (value == nullptr) return std::optional<std::string>();
    if (!value->is_string()) return wrong_type(path_of(key), "a string", *value);
    return std::optional(value->get<std::string>());
}

Result<std::optional<std::int64_t>> JsonReader::integer(std::string_view key) const {
    const Json* value = find(key);
    if (value == nullptr) return std::optional<std::int64_t>();
    if (value->is_number_unsigned()) {
        const auto number = value->get<std::uint64_t>();
        if (number > static_cast<std::uint64_t>(INT64_MAX))
            return fail(ErrorCode::invalid, "{}: {} is too large", path_of(key), number);
        return std::optional(static_cast<std::int64_t>(number));
    }
    if (value->is_number_integer()) return std::optional(value->get<std::int64_t>());
    if (value->is_number_float()) {
        // Go and Python clients write whole numbers as 1e3 or 5.0 now and then.
        const auto number = value->get<double>();
        if (std::nearbyint(number) == number && std::abs(number) < 9.0e15)
            return std::optional(static_cast<std::int64_t>(number));
    }
    return wrong_type(path_of(key), "a whole number", *value);
}

Result<std::optional<double>> JsonReader::number(std::string_view key) const {
    const Json* value = find(key);
    if (value == nullptr) return std::optional<double>();
    if (!value->is_number()) return wrong_type(path_of(key), "a number", *value);
    return std::optional(value->get<double>());
}

Result<std::optional<bool>> JsonReader::boolean(std::string_view key) const {
    const Json* value = find(key);
    if (value == nullptr) return std::optional<bool>();
    if (!value->is_boolean()) return wrong_type(path_of(key), "a boolean", *value);
    return std::optional(value->get<bool>());
}

Result<std::optional<std::vector<std::string>>> JsonReader::strings(std::string_view key) const {
    const auto list = array(key);
    if (!list) return std::unexpected(list.error());
    if (*list == nullptr) return std::optional<std::vector<std::string>>();
    std::vector<std::string> result;
    for (std::size_t i = 0; i < (*list)->size(); ++i) {
        const Json& item = (**list)[i];
        if (!item.is_string()) return wrong_type(fmt::format("{}[{}]", path_of(key), i), "a string", item);
        result.push_back(item.get<std::string>());
    }
    return std::optional(std::move(result));
}

Result<std::optional<std::map<std::string, std::string>>> JsonReader::string_map(std::string_view key) const {
    const auto members = object(key);
    if (!members) return std::unexpected(members.error());
    if (*members == nullptr) return std::optional<std::map<std::string, std::string>>();
    std::map<std::string, std::string> result;
    for (const auto& [name, value] : (*members)->items()) {
        if (!value.is_string())
            return wrong_type(fmt::format("{}.{}", path_of(key), name), "a string", value);
        result.emplace(name, value.get<std::string>());
    }
    return std::optional(std::move(result));
}

Result<const Json*> JsonReader::object(std::string_view key) const {
    const Json* value = find(key);
    if (value != nullptr && !value->is_object()) return wrong_type(path_of(key), "an object", *value);
    return value;
}

Result<const Json*> JsonReader::array(std::string_view key) const {
    const Json* value = find(key);
    if (value != nullptr && !value->is_array()) return wrong_type(path_of(key), "a list", *value);
    return value;
}

Result<std::string> JsonReader::required_string(std::string_view key) const {
    auto value = string(key);
    if (!value) return std::unexpected(std::move(value.error()));
    if (!*value || (*value)->empty()) return fail(ErrorCode::invalid, "{}: missing", path_of(key));
    return std::move(**value);
}

Result<std::int64_t> JsonReader::required_integer(std::string_view key) const {
    const auto value = integer(key);
    if (!value) return std::unexpected(value.error());
    if (!*value) return fail(ErrorCode::invalid, "{}: missing", path_of(key));
    return **value;
}

std::string dump_json(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

} // namespace berth
