// HTTP messages as values: the header list, request and response.
#include "berth/base/http/message.hpp"

#include "berth/base/encoding.hpp"

#include "base/http/text.hpp"

#include <algorithm>

namespace berth::http {

void Headers::add(std::string name, std::string value) {
    list_.emplace_back(std::move(name), std::move(value));
}

void Headers::set(std::string name, std::string value) {
    erase(name);
    add(std::move(name), std::move(value));
}

void Headers::erase(std::string_view name) {
    std::erase_if(list_, [&](const Header& header) { return same_text(header.name, name); });
}

const std::string* Headers::find(std::string_view name) const {
    auto it = std::ranges::find_if(list_, [&](const Header& header) { return same_text(header.name, name); });
    return it == list_.end() ? nullptr : &it->value;
}

std::vector<std::string> Headers::all(std::string_view name) const {
    std::vector<std::string> values;
    for (const Header& header : list_)
        if (same_text(header.name, name)) values.push_back(header.value);
    return values;
}

std::string Request::path() const { return std::string(path_of(target)); }

std::vector<std::pair<std::string, std::string>> Request::query_parameters() const {
    std::vector<std::pair<std::string, std::string>> parameters;
    auto decode = [](std::string_view text) {
        std::string spaced(text);
        std::ranges::replace(spaced, '+', ' ');
        return percent_decode(spaced).value_or(spaced);
    };
    std::string_view rest = query_of(target);
    while (!rest.empty()) {
        const std::string_view pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
        if (pair.empty()) continue;
        const std::size_t equals = std::min(pair.find('='), pair.size());
        const std::string_view value = pair.substr(std::min(equals + 1, pair.size()));
        parameters.emplace_back(decode(pair.substr(0, equals)), decode(value));
    }
    return parameters;
}

Response::Response(unsigned status_, std::string content_type, std::string body_)
    : status(status_), body(std::move(body_)) {
    headers.set("Content-Type", std::move(content_type));
}

} // namespace berth::http
