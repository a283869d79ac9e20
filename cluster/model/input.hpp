// Input: the members of one request. The first member of a wrong type is remembered and refuses the request.
#pragma once

#include "berth/base/json.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::cluster {

// Refers to the request, which must outlive it.
class Input {
  public:
    explicit Input(const Json& request, std::string path = {})
        : json_(&request), reader_(request, std::move(path)) {}

    const Json& json() const { return *json_; }

    std::string text(std::string_view key, std::string_view fallback = {}) const;
    std::optional<std::string> maybe_text(std::string_view key) const;
    std::optional<std::int64_t> integer(std::string_view key) const;
    std::optional<double> number(std::string_view key) const;
    bool flag(std::string_view key, bool fallback = false) const;
    std::vector<std::string> strings(std::string_view key) const;
    // An empty list or object when missing. The elements of a list of objects are all objects.
    const Json& objects(std::string_view key) const;
    const Json& object(std::string_view key) const;
    // [{"key":…,"value":…}]
    std::map<std::string, std::string> tags(std::string_view key = "tags") const;
    bool includes(std::string_view what) const; // "include": ["TAGS"]

    std::string path_of(std::string_view key) const { return reader_.path_of(key); }
    void note(Error problem) const;
    // What was wrong so far, as SerializationException or what was noted.
    Status check() const;

  private:
    template <class T>
    T take(Result<T> value) const;

    const Json* json_;
    JsonReader reader_;
    mutable std::optional<Error> problem_;
};

} // namespace berth::cluster
