// Log drivers by name.
#include "berth/resources/log_target.hpp"

#include "berth/aws/aws.hpp"

#include <set>

namespace berth::resources {

Result<std::optional<logs::AwslogsTarget>> log_target(const config::Config& config,
                                                      const engine::TaskSpec& task,
                                                      const engine::ContainerSpec& container) {
    // The spool is berth's json-file; its rotation is the host's and `docker logs` options have no reader
    // here.
    static const std::set<std::string> kSpoolOnly{"", "json-file", "none"};
    if (kSpoolOnly.contains(container.log.driver)) return std::nullopt;
    if (container.log.driver != "awslogs")
        return fail(
            ErrorCode::invalid,
            "LogConfig: log driver \"{}\" is not supported by this version; use awslogs, json-file or none",
            container.log.driver);
    const auto option = container.log.options.find("awslogs-region");
    const auto region = option != container.log.options.end() ? option->second : config.region;
    auto target =
        logs::parse_awslogs_options(container.log.options, region, aws::endpoint_for(config, "logs", region),
                                    fmt::format("{}/{}", container.name, task.id()));
    if (!target) return fail(std::move(target.error()), "LogConfig");
    return std::optional(std::move(*target));
}

} // namespace berth::resources
