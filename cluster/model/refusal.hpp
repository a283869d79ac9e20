// Errors that a client of the service sees: an AWS exception name and a sentence.
#pragma once

#include "berth/base/http/message.hpp"
#include "berth/base/result.hpp"

namespace berth::cluster {

template <class... Args>
std::unexpected<Error> refuse(std::string name, fmt::format_string<Args...> text, Args&&... args) {
    return std::unexpected(
        Error(ErrorCode::invalid, fmt::format(text, std::forward<Args>(args)...)).with_name(std::move(name)));
}
template <class... Args>
std::unexpected<Error> client_error(fmt::format_string<Args...> text, Args&&... args) {
    return refuse("ClientException", text, std::forward<Args>(args)...);
}
template <class... Args>
std::unexpected<Error> bad_parameter(fmt::format_string<Args...> text, Args&&... args) {
    return refuse("InvalidParameterException", text, std::forward<Args>(args)...);
}

// The answer of a JSON 1.1 service to a request it refuses.
http::Response error_response(const Error& error);

} // namespace berth::cluster
