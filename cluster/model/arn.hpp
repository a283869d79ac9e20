// Amazon resource names of this endpoint: made for one account and region, and taken apart.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace berth::cluster {

struct Identity {
    std::string region = "us-west-2";
    std::string account = "111122223333";

    std::string arn(std::string_view resource, std::string_view service = "ecs") const;
    std::string cluster(std::string_view name) const;
    std::string definition(std::string_view family, std::int64_t revision) const;
    std::string instance(std::string_view cluster, std::string_view id) const;
    std::string task(std::string_view cluster, std::string_view id) const;
    std::string container(std::string_view cluster, std::string_view task_id, std::string_view id) const;
    std::string service(std::string_view cluster, std::string_view name) const;
};

// "arn:aws:ecs:r:a:task/prod/0f1e" -> "task/prod/0f1e"; anything else comes back unchanged.
std::string_view resource_of(std::string_view arn_or_name);
// What comes after the last '/': a name is its own last part.
std::string_view last_part(std::string_view arn_or_name);

} // namespace berth::cluster
