// Finding log groups and streams.
#include "cluster/logs/log_access.hpp"

#include "cluster/model/refusal.hpp"

namespace berth::cluster {

Result<const LogGroup*> find_group(const World& world, const Input& in) {
    auto name = in.text("logGroupName");
    if (name.empty()) {
        // arn:aws:logs:us-west-2:111122223333:log-group:/web:*
        const auto identifier = in.text("logGroupIdentifier");
        std::string_view resource = resource_of(identifier);
        if (resource.starts_with("log-group:")) resource.remove_prefix(10);
        if (resource.ends_with(":*")) resource.remove_suffix(2);
        name = resource;
    }
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    const LogGroup* group = world.log_groups.find(name);
    if (!group) return refuse("ResourceNotFoundException", "The specified log group does not exist.");
    return group;
}

Result<std::string> find_stream(const World& world, const Input& in) {
    const auto name = in.text("logStreamName");
    const auto group = find_group(world, in);
    if (!group) return fail(group.error());
    auto key = log_stream_key((*group)->name, name);
    if (!world.log_streams.find(key))
        return refuse("ResourceNotFoundException", "The specified log stream does not exist.");
    return key;
}

std::int64_t milliseconds(Time time) {
    return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

} // namespace berth::cluster
