// JSON with errors as values: parsing within limits, and typed access that names the field at fault.
//
// nlohmann::json is the one JSON type of the tree. Input from outside goes through parse_json (limits on size
// and depth) and the accessors below, never through operator[] or at(), which throw or assert.
#pragma once

#include "berth/base/result.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth {

using Json = nlohmann::json;

struct JsonLimits {
    std::size_t max_bytes = std::size_t{16} << 20;
    int max_depth = 64;
};

Result<Json> parse_json(std::string_view text, JsonLimits limits = {});

// Reads members of one JSON object. A missing or null member is an empty optional (or the default); a member
// of the wrong type is an error that gives its path: "containers[1].cpu: expected a number, got a string".
// The reader refers to the JSON value, which must outlive it.
class JsonReader {
  public:
    // `path` is put in front of member names in errors.
    explicit JsonReader(const Json& object, std::string path = {}, bool ignore_case = false)
        : object_(&object), path_(std::move(path)), ignore_case_(ignore_case) {}

    Result<std::optional<std::string>> string(std::string_view key) const;
    Result<std::optional<std::int64_t>> integer(std::string_view key) const;
    Result<std::optional<double>> number(std::string_view key) const;
    Result<std::optional<bool>> boolean(std::string_view key) const;
    Result<std::optional<std::vector<std::string>>> strings(std::string_view key) const;
    Result<std::optional<std::map<std::string, std::string>>> string_map(std::string_view key) const;
    // nullptr when missing or null.
    Result<const Json*> object(std::string_view key) const;
    Result<const Json*> array(std::string_view key) const;
    // The member whatever its type, nullptr when missing or null.
    const Json* find(std::string_view key) const;

    Result<std::string> required_string(std::string_view key) const;
    Result<std::int64_t> required_integer(std::string_view key) const;

    // "containers[1].cpu"
    std::string path_of(std::string_view key) const;

  private:
    const Json* object_;
    std::string path_;
    bool ignore_case_;
};

// Compact text; invalid UTF-8 is replaced instead of thrown at.
std::string dump_json(const Json& json);

} // namespace berth
