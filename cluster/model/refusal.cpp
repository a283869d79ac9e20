// Errors as the JSON 1.1 protocol of AWS carries them.
#include "cluster/model/refusal.hpp"

#include "berth/base/json.hpp"

namespace berth::cluster {

http::Response error_response(const Error& error) {
    const std::string name = error.name().empty() ? "ServerException" : error.name();
    const unsigned status = error.code() == ErrorCode::auth ? 403 : error.name().empty() ? 500 : 400;
    const Json body{{"__type", name}, {"message", error.message()}};
    http::Response response(status, "application/x-amz-json-1.1", dump_json(body));
    response.headers.set("x-amzn-ErrorType", name);
    return response;
}

} // namespace berth::cluster
