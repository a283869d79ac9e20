// Decoding of JSON from outside into variables, member by member; the first error of the document is kept.
#pragma once

#include "berth/base/json.hpp"

#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::engine {

// One object of a document. Keys match without regard to case. A member that is missing or null leaves the
// variable alone; after an error nothing is read any more.
class Fields {
  public:
    Fields(const Json& object, std::string path, std::optional<Error>& error);

    void read(std::string_view key, std::string& out);
    void read(std::string_view key, std::optional<std::string>& out);
    void read(std::string_view key, bool& out);
    void read(std::string_view key, double& out); // finite and not negative
    void read(std::string_view key, std::vector<std::string>& out);
    void read(std::string_view key, std::map<std::string, std::string>& out); // merges
    // Whole numbers of min..max.
    template <class Integer>
    void read(std::string_view key, Integer& out, std::int64_t min, std::int64_t max) {
        if (const auto number = integer(key, min, max)) out = static_cast<Integer>(*number);
    }
    std::optional<std::int64_t> integer(std::string_view key, std::int64_t min, std::int64_t max);

    void require(std::string_view key, std::string& out);
    // Calls `use` with the object of that name, if there is one.
    void object(std::string_view key, const std::function<void(Fields&)>& use);
    // The same for every element of a list, which must all be objects.
    void each(std::string_view key, std::size_t max_count, const std::function<void(Fields&)>& use);

    // An error when the member holds anything but an empty value (null, false, 0, "", [], {}).
    void refuse(std::string_view key);
    void fail_at(std::string_view key, std::string_view why);
    bool failed() const { return error_->has_value(); }
    std::string path_of(std::string_view key) const { return reader_.path_of(key); }

    const Json* find(std::string_view key) const { return reader_.find(key); }
    bool is_null(std::string_view key) const; // there, and null
    const Json& json() const { return *object_; }
    std::optional<Error>& error() { return *error_; }

  private:
    template <class T>
    std::optional<T> take(Result<std::optional<T>> value);
    void check_text(std::string_view key, std::string_view text);

    const Json* object_;
    JsonReader reader_;
    std::optional<Error>* error_;
};

// null, false, 0, "", and lists and objects of nothing else.
bool is_empty_value(const Json& value);
std::string lower_case(std::string_view text);

} // namespace berth::engine
