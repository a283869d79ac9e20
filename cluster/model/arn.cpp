// Making and taking apart resource names.
#include "cluster/model/arn.hpp"

#include <fmt/format.h>

namespace berth::cluster {
namespace {

std::string_view partition_of(std::string_view region) {
    if (region.starts_with("cn-")) return "aws-cn";
    if (region.starts_with("us-gov-")) return "aws-us-gov";
    return "aws";
}

} // namespace

std::string Identity::arn(std::string_view resource, std::string_view service) const {
    return fmt::format("arn:{}:{}:{}:{}:{}", partition_of(region), service, region, account, resource);
}
std::string Identity::cluster(std::string_view name) const { return arn(fmt::format("cluster/{}", name)); }
std::string Identity::definition(std::string_view family, std::int64_t revision) const {
    return arn(fmt::format("task-definition/{}:{}", family, revision));
}
std::string Identity::instance(std::string_view cluster, std::string_view id) const {
    return arn(fmt::format("container-instance/{}/{}", cluster, id));
}
std::string Identity::task(std::string_view cluster, std::string_view id) const {
    return arn(fmt::format("task/{}/{}", cluster, id));
}
std::string Identity::container(std::string_view cluster, std::string_view task_id,
                                std::string_view id) const {
    return arn(fmt::format("container/{}/{}/{}", cluster, task_id, id));
}
std::string Identity::service(std::string_view cluster, std::string_view name) const {
    return arn(fmt::format("service/{}/{}", cluster, name));
}

std::string_view resource_of(std::string_view arn_or_name) {
    if (!arn_or_name.starts_with("arn:")) return arn_or_name;
    std::string_view rest = arn_or_name;
    for (int colon = 0; colon < 5; ++colon) {
        const auto at = rest.find(':');
        if (at == std::string_view::npos) return arn_or_name;
        rest.remove_prefix(at + 1);
    }
    return rest;
}

std::string_view last_part(std::string_view arn_or_name) {
    const std::string_view resource = resource_of(arn_or_name);
    const auto slash = resource.rfind('/');
    return slash == std::string_view::npos ? resource : resource.substr(slash + 1);
}

} // namespace berth::cluster
