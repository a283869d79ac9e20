// Where an AWS service answers: overrides first, then the partition's naming scheme.
#include "berth/aws/aws.hpp"

#include <array>
#include <utility>

namespace berth::aws {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kSuffixes{{
    {"cn-", "amazonaws.com.cn"},
    {"us-iso-", "c2s.ic.gov"},
    {"us-isob-", "sc2s.sgov.gov"},
    {"", "amazonaws.com"}, // aws and aws-us-gov
}};

// AWS_ENDPOINT_URL_* uses the SDKs' service ids, which differ from the signing names.
std::string service_id(const std::string& service) {
    if (service == "logs") return "cloudwatch_logs";
    if (service == "secretsmanager") return "secrets_manager";
    return service;
}

std::string host_prefix(const std::string& service, bool fips) {
    if (fips) return service + "-fips";
    return service == "ecr" ? "api.ecr" : service;
}

} // namespace

std::string endpoint_for(const config::Config& config, const std::string& service,
                         const std::string& region) {
    if (service == "ecs" && !config.backend_host.empty()) return config.backend_host;
    for (const auto& key : {service_id(service), service, std::string()})
        if (const auto found = config.endpoint_urls.find(key); found != config.endpoint_urls.end())
            return found->second;
    std::string_view suffix;
    for (const auto& [prefix, candidate] : kSuffixes)
        if (suffix.empty() && region.starts_with(prefix)) suffix = candidate;
    return fmt::format("https://{}.{}.{}", host_prefix(service, config.use_fips), region, suffix);
}

} // namespace berth::aws
