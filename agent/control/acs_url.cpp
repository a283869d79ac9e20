// Building the ACS URL.
#include "agent/control/acs_url.hpp"

#include "berth/base/encoding.hpp"

#include <utility>
#include <vector>

namespace berth::control {

Result<http::Url> acs_url(const std::string& endpoint, const AcsParameters& parameters) {
    auto url = http::parse_url(endpoint);
    if (!url) return fail(std::move(url.error()), "ACS endpoint");
    if (url->scheme == "http") url->scheme = "ws";
    if (url->scheme == "https") url->scheme = "wss";

    std::vector<std::pair<std::string_view, std::string>> query{
        {"agentHash", parameters.agent_hash},
        {"agentVersion", parameters.agent_version},
        {"clusterArn", parameters.cluster},
        {"containerInstanceArn", parameters.container_instance_arn},
    };
    if (!parameters.docker_version.empty())
        query.emplace_back("dockerVersion", "DockerVersion: " + parameters.docker_version);
    query.emplace_back("protocolVersion", "2"); // the service may rely on heartbeat acknowledgements
    query.emplace_back("sendCredentials", parameters.send_credentials ? "true" : "false");
    query.emplace_back("seqNum", "1");

    auto target = url->path();
    if (!target.ends_with('/')) target += '/';
    target += "ws";
    char separator = '?';
    for (const auto& [key, value] : query) {
        target += fmt::format("{}{}={}", separator, key, percent_encode(value));
        separator = '&';
    }
    url->target = std::move(target);
    return url;
}

} // namespace berth::control
