// Fields: members of a JSON object read into variables, keeping the first error.
//
// After an error everything else is skipped, so that a parser is a flat list of fields and one check at the
// end.
#pragma once

#include "berth/base/json.hpp"

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::runtime {

class Fields {
  public:
    Fields(const Json& object, std::string path, std::optional<Error>& error)
        : object_(&object), path_(std::move(path)), error_(&error) {}

    // False when the member is missing (the target keeps its value) or wrong.
    bool read(std::string_view key, std::string& target) const;
    bool read(std::string_view key, bool& target) const;
    bool read(std::string_view key, std::vector<std::string>& target) const;
    bool read(std::string_view key, std::map<std::string, std::string>& target) const;
    template <std::integral T>
    bool read(std::string_view key, T& target) const {
        std::int64_t wide = 0;
        const auto high = static_cast<std::uint64_t>(std::numeric_limits<T>::max());
        const std::int64_t limit =
            high > std::uint64_t{INT64_MAX} ? INT64_MAX : static_cast<std::int64_t>(high);
        if (!read_integer(key, std::int64_t{std::numeric_limits<T>::min()}, limit, wide)) return false;
        target = static_cast<T>(wide);
        return true;
    }
    // A missing or empty string is an error.
    void require(std::string_view key, std::string& target) const;
    template <std::integral T>
    void require(std::string_view key, T& target) const {
        if (!read(key, target)) complain(key, "missing");
    }

    // Calls `parse(Fields)` when the object is there.
    template <class F>
    void object(std::string_view key, F parse) const {
        if (const Json* value = member(key, true)) parse(Fields(*value, path_of(key), *error_));
    }
    // Calls `parse(Fields)` for each object of the list.
    template <class F>
    void each(std::string_view key, F parse) const {
        const Json* list = member(key, false);
        for (std::size_t i = 0; list != nullptr && i < list->size() && !*error_; ++i)
            if (const Json* item = element(key, *list, i))
                parse(Fields(*item, element_path(key, i), *error_));
    }
    // The member whatever it is; nullptr when missing.
    const Json* raw(std::string_view key) const { return reader().find(key); }

    std::string path_of(std::string_view key) const { return reader().path_of(key); }
    const std::string& path() const { return path_; }
    // Records "path.key: why", unless there is an error already.
    void complain(std::string_view key, std::string_view why) const;
    void complain(Error error) const;
    bool good() const { return !*error_; }

  private:
    JsonReader reader() const { return JsonReader(*object_, path_); }
    const Json* member(std::string_view key, bool object) const;
    const Json* element(std::string_view key, const Json& list, std::size_t index) const;
    std::string element_path(std::string_view key, std::size_t index) const;
    bool read_integer(std::string_view key, std::int64_t low, std::int64_t high, std::int64_t& target) const;
    // Text with a NUL byte would be cut short by every system call.
    bool clean(std::string_view key, std::string_view text) const;

    const Json* object_;
    std::string path_;
    std::optional<Error>* error_;
};

} // namespace berth::runtime
