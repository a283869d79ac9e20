// Result and Error: how every function of berth says that the world did not co-operate.
//
// An Error names what failed, on what, why, and (where it helps) what to do; callers add context on the way
// up, outermost first: "pulling app:1: GET https://…/manifests/1: connection refused". Values, no exceptions:
// exceptions are left for violated invariants and for what libraries throw, converted at the edge.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace berth {

enum class ErrorCode : std::uint8_t {
    invalid,     // the input is wrong; the same input will fail again
    not_found,   // the named thing does not exist
    exists,      // the named thing is already there
    permission,  // not allowed (EPERM, HTTP 403)
    auth,        // credentials are missing, wrong or expired (HTTP 401, bad signature)
    io,          // a system call or connection failed
    protocol,    // the peer said something it must not say
    timeout,     // the deadline passed
    cancelled,   // somebody asked to stop
    unavailable, // the peer is there but cannot serve now (HTTP 429, 5xx)
    no_space,    // disk, quota or pool exhausted
    limit,       // a limit of ours was exceeded by the input
    closed,      // the connection ended
    internal,    // a bug of ours
};

std::string_view to_string(ErrorCode code);

class [[nodiscard]] Error {
  public:
    Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

    ErrorCode code() const { return code_; }
    // The whole chain, outermost context first.
    const std::string& message() const { return message_; }
    // errno of the system call that failed, 0 if none did.
    int sys() const { return errno_; }
    // HTTP status of the answer that was an error, 0 if none.
    unsigned http_status() const { return http_status_; }
    // Name as a user of ECS or AWS knows it ("CannotPullContainerError", "ThrottlingException"), or empty.
    const std::string& name() const { return name_; }
    // Whether the same call may succeed later without anybody changing anything.
    bool may_heal() const;

    Error&& with_errno(int value) && {
        errno_ = value;
        return std::move(*this);
    }
    Error&& with_http_status(unsigned value) && {
        http_status_ = value;
        return std::move(*this);
    }
    Error&& with_name(std::string value) && {
        name_ = std::move(value);
        return std::move(*this);
    }
    // Puts what the caller was doing in front of the message.
    Error&& while_doing(std::string_view what) && {
        message_ = fmt::format("{}: {}", what, message_);
        return std::move(*this);
    }

  private:
    ErrorCode code_;
    int errno_ = 0;
    unsigned http_status_ = 0;
    std::string message_;
    std::string name_;
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

// `return fail(ErrorCode::invalid, "port {} is not in 1..65535", port);`
template <class... Args>
std::unexpected<Error> fail(ErrorCode code, fmt::format_string<Args...> text, Args&&... args) {
    return std::unexpected(Error(code, fmt::format(text, std::forward<Args>(args)...)));
}

// For a system call that failed: the code follows from errno, its text is appended.
std::unexpected<Error> fail_errno_text(int error, std::string message);
template <class... Args>
std::unexpected<Error> fail_errno(int error, fmt::format_string<Args...> text, Args&&... args) {
    return fail_errno_text(error, fmt::format(text, std::forward<Args>(args)...));
}

// Passes an error on with what we were doing: `if (!x) return fail(std::move(x.error()), "reading {}",
// path);`
template <class... Args>
std::unexpected<Error> fail(Error error, fmt::format_string<Args...> text, Args&&... args) {
    return std::unexpected(std::move(error).while_doing(fmt::format(text, std::forward<Args>(args)...)));
}
inline std::unexpected<Error> fail(Error error) { return std::unexpected(std::move(error)); }

} // namespace berth
