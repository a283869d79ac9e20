// Typed reading of a request.
#include "cluster/model/input.hpp"

#include "cluster/model/fields.hpp"

#include <algorithm>

namespace berth::cluster {

template <class T>
T Input::take(Result<T> value) const {
    if (value) return std::move(*value);
    note(std::move(value.error()).with_name("SerializationException"));
    return {};
}

void Input::note(Error problem) const {
    if (!problem_) problem_ = std::move(problem);
}

Status Input::check() const {
    if (problem_) return fail(*problem_);
    return {};
}

std::string Input::text(std::string_view key, std::string_view fallback) const {
    return take(reader_.string(key)).value_or(std::string(fallback));
}
std::optional<std::string> Input::maybe_text(std::string_view key) const { return take(reader_.string(key)); }
std::optional<std::int64_t> Input::integer(std::string_view key) const { return take(reader_.integer(key)); }
std::optional<double> Input::number(std::string_view key) const { return take(reader_.number(key)); }
bool Input::flag(std::string_view key, bool fallback) const {
    return take(reader_.boolean(key)).value_or(fallback);
}
std::vector<std::string> Input::strings(std::string_view key) const {
    return take(reader_.strings(key)).value_or(std::vector<std::string>());
}

const Json& Input::objects(std::string_view key) const {
    const Json* list = take(reader_.array(key));
    if (!list) return no_items();
    for (std::size_t i = 0; i < list->size(); ++i)
        if (!(*list)[i].is_object()) {
            note(Error(ErrorCode::invalid, fmt::format("{}[{}]: expected an object", path_of(key), i))
                     .with_name("SerializationException"));
            return no_items();
        }
    return *list;
}

const Json& Input::object(std::string_view key) const {
    const Json* value = take(reader_.object(key));
    return value ? *value : no_members();
}

std::map<std::string, std::string> Input::tags(std::string_view key) const {
    std::map<std::string, std::string> tags;
    for (const Json& tag : objects(key)) {
        const Input reader(tag, path_of(key));
        tags[reader.text("key")] = reader.text("value");
        if (Status good = reader.check(); !good) note(good.error());
    }
    if (tags.size() > 50 || tags.contains(""))
        note(Error(ErrorCode::invalid, "tags must be at most 50, each with a key")
                 .with_name("InvalidParameterException"));
    return tags;
}

bool Input::includes(std::string_view what) const {
    const auto list = strings("include");
    return std::ranges::find(list, what) != list.end();
}

} // namespace berth::cluster
