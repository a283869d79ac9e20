// Structs to JSON and back from one list of members each: fields(archive, value) names them once.
//
// Writing leaves out empty optionals. Reading leaves alone what is missing, so that a member added later gets
// its default from older records; what is there with the wrong type is an error that names it.
#pragma once

#include "berth/base/json.hpp"
#include "berth/base/time.hpp"

#include "agent/engine/names.hpp"

#include <chrono>
#include <concepts>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace berth::engine {

template <class T>
concept Named = std::is_enum_v<T>;
template <class T>
concept Number = std::is_arithmetic_v<T>;
template <class T>
concept Id = requires(const T& id) {
    { id.str() } -> std::same_as<const std::string&>;
};

class Writer {
  public:
    template <class T>
    void operator()(const char* key, const T& value) {
        if constexpr (requires { value.has_value(); }) {
            if (value) json_[key] = write(*value);
        } else {
            json_[key] = write(value);
        }
    }
    Json take() { return std::move(json_); }

  private:
    static Json write(const std::string& text) { return text; }
    template <Number T>
    static Json write(T number) {
        return number;
    }
    template <Named T>
    static Json write(T value) {
        return std::string(name_of(value));
    }
    template <Id T>
    static Json write(const T& id) {
        return id.str();
    }
    static Json write(Time time) { return time.time_since_epoch().count(); }
    template <class Rep, class Period>
    static Json write(std::chrono::duration<Rep, Period> duration) {
        return duration.count();
    }
    template <class T>
    static Json write(const std::vector<T>& list) {
        Json result = Json::array();
        for (const auto& element : list) result.push_back(write(element));
        return result;
    }
    template <class T>
    static Json write(const std::map<std::string, T>& map) {
        Json result = Json::object();
        for (const auto& [key, value] : map) result[key] = write(value);
        return result;
    }
    template <class T>
        requires requires(Writer& writer, const T& value) { fields(writer, value); }
    static Json write(const T& value) {
        Writer inner;
        fields(inner, value);
        return inner.take();
    }

    Json json_ = Json::object();
};

class Reader {
  public:
    Reader(const Json& object, std::string path, std::optional<Error>& error)
        : object_(object), path_(std::move(path)), error_(error) {
        if (!object.is_object()) complain("an object");
    }

    template <class T>
    void operator()(const char* key, T& value) {
        const auto member = object_.is_object() ? object_.find(key) : object_.end();
        if (error_ || member == object_.end()) return;
        Reader inner(path_.empty() ? key : path_ + "." + key, error_, *member);
        inner.read(value);
    }

  private:
    Reader(std::string path, std::optional<Error>& error, const Json& value)
        : object_(value), path_(std::move(path)), error_(error) {}

    void complain(std::string_view expected) {
        if (!error_)
            error_ = Error(ErrorCode::invalid,
                           fmt::format("{}: expected {}, got {}", path_, expected, object_.type_name()));
    }
    void read(std::string& text) {
        if (!object_.is_string()) return complain("a string");
        text = object_.get<std::string>();
    }
    void read(bool& value) {
        if (!object_.is_boolean()) return complain("a boolean");
        value = object_.get<bool>();
    }
    template <std::integral T>
    void read(T& number) {
        if (!object_.is_number_integer()) return complain("a whole number");
        if (object_.is_number_unsigned() ? !std::in_range<T>(object_.get<std::uint64_t>())
                                         : !std::in_range<T>(object_.get<std::int64_t>()))
            return complain("a smaller number");
        number = object_.get<T>();
    }
    void read(double& number) {
        if (!object_.is_number()) return complain("a number");
        number = object_.get<double>();
    }
    template <Named T>
    void read(T& value) {
        std::string name;
        read(name);
        if (const auto known = value_of<T>(name))
            value = *known;
        else
            complain("a known name");
    }
    template <Id T>
    void read(T& id) {
        std::string text;
        read(text);
        id = T(std::move(text));
    }
    void read(Time& time) {
        std::int64_t count = 0;
        read(count);
        time = Time(std::chrono::nanoseconds(count));
    }
    template <class Rep, class Period>
    void read(std::chrono::duration<Rep, Period>& duration) {
        Rep count = 0;
        read(count);
        duration = std::chrono::duration<Rep, Period>(count);
    }
    template <class T>
    void read(std::optional<T>& value) {
        read(value.emplace());
    }
    template <class T>
    void read(std::vector<T>& list) {
        if (!object_.is_array()) return complain("a list");
        list.clear();
        for (std::size_t i = 0; i < object_.size() && !error_; ++i)
            Reader(fmt::format("{}[{}]", path_, i), error_, object_[i]).read(list.emplace_back());
    }
    template <class T>
    void read(std::map<std::string, T>& map) {
        if (!object_.is_object()) return complain("an object");
        map.clear();
        for (const auto& [key, value] : object_.items())
            Reader(path_ + "." + key, error_, value).read(map[key]);
    }
    template <class T>
        requires requires(Reader& reader, T& value) { fields(reader, value); }
    void read(T& value) {
        if (!object_.is_object()) return complain("an object");
        fields(*this, value);
    }

    const Json& object_;
    std::string path_;
    std::optional<Error>& error_;
};

template <class T>
Json write_json(const T& value) {
    Writer writer;
    fields(writer, value);
    return writer.take();
}

template <class T>
Result<T> read_json(const Json& json) {
    std::optional<Error> error;
    Reader reader(json, "", error);
    T value;
    fields(reader, value);
    if (error) return std::unexpected(std::move(*error));
    return value;
}

// A list of members serves reading and writing: T is the struct or the struct const.
template <class T, class Struct>
concept Maybe = std::same_as<std::remove_const_t<T>, Struct>;

} // namespace berth::engine
