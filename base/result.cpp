// Error: codes from errno, texts, and which errors may heal.
#include "berth/base/result.hpp"

#include <cerrno>
#include <system_error>

namespace berth {

std::string_view to_string(ErrorCode code) {
    switch (code) {
    case ErrorCode::invalid: return "invalid";
    case ErrorCode::not_found: return "not found";
    case ErrorCode::exists: return "exists";
    case ErrorCode::permission: return "permission denied";
    case ErrorCode::auth: return "not authenticated";
    case ErrorCode::io: return "input/output";
    case ErrorCode::protocol: return "protocol";
    case ErrorCode::timeout: return "timeout";
    case ErrorCode::cancelled: return "cancelled";
    case ErrorCode::unavailable: return "unavailable";
    case ErrorCode::no_space: return "no space";
    case ErrorCode::limit: return "limit";
    case ErrorCode::closed: return "closed";
    case ErrorCode::internal: return "internal";
    }
    return "unknown";
}

bool Error::may_heal() const {
    switch (code_) {
    case ErrorCode::io:
    case ErrorCode::timeout:
    case ErrorCode::unavailable:
    case ErrorCode::closed: return true;
    default: return false;
    }
}

namespace {
ErrorCode code_from_errno(int error) {
    switch (error) {
    case ENOENT:
    case ESRCH:
    case ENODEV: return ErrorCode::not_found;
    case EEXIST: return ErrorCode::exists;
    case EACCES:
    case EPERM: return ErrorCode::permission;
    case EINVAL: return ErrorCode::invalid;
    case ENOSPC:
    case EDQUOT: return ErrorCode::no_space;
    case ETIMEDOUT: return ErrorCode::timeout;
    case ECANCELED: return ErrorCode::cancelled;
    case ELOOP:
    case ENAMETOOLONG: return ErrorCode::limit;
    default: return ErrorCode::io;
    }
}
} // namespace

std::unexpected<Error> fail_errno_text(int error, std::string message) {
    message += ": ";
    message += std::generic_category().message(error);
    return std::unexpected(Error(code_from_errno(error), std::move(message)).with_errno(error));
}

} // namespace berth
