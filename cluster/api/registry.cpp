// ECR's GetAuthorizationToken, for the one registry this endpoint was told about.
#include "berth/base/encoding.hpp"

#include "cluster/api/operations.hpp"
#include "cluster/model/refusal.hpp"

namespace berth::cluster {
namespace {

constexpr auto kLifetime = std::chrono::hours(12);

Result<Json> get_authorization_token(Context& context, const Input&) {
    const Settings& settings = context.settings;
    if (settings.registry_endpoint.empty())
        return bad_parameter("No registry is configured: start berth-cluster with --ecr-proxy-endpoint.");
    Json data{
        {"authorizationToken", base64_encode(settings.registry_user + ":" + settings.registry_password)},
        {"expiresAt", to_epoch_seconds(context.now + kLifetime)},
        {"proxyEndpoint", settings.registry_endpoint}};
    return Json{{"authorizationData", Json::array({std::move(data)})}};
}

} // namespace

std::span<const Operation> registry_operations() {
    static constexpr Operation kAll[]{{"GetAuthorizationToken", get_authorization_token}};
    return kAll;
}

} // namespace berth::cluster
