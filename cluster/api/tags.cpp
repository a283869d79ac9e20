// ListTagsForResource, TagResource, UntagResource.
#include "cluster/api/operations.hpp"
#include "cluster/api/views.hpp"
#include "cluster/model/refusal.hpp"

namespace berth::cluster {
namespace {

bool exists(const World& world, std::string_view arn) {
    if (world.tasks.find(arn) || world.services.find(arn) || world.instances.find(arn)) return true;
    const auto resource = resource_of(arn);
    if (resource.starts_with("cluster/")) return world.cluster(arn).has_value();
    return resource.starts_with("task-definition/") && world.definition(arn) != nullptr;
}

Result<std::string> resource_in(const Context& context, const Input& in) {
    auto arn = in.text("resourceArn");
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    if (!exists(context.world, arn))
        return bad_parameter("The specified resource was not found: \"{}\"", arn.substr(0, 255));
    return arn;
}

Result<Json> list_tags(Context& context, const Input& in) {
    const auto arn = resource_in(context, in);
    if (!arn) return fail(arn.error());
    return Json{{"tags", view_tags(context.world.tags_of(*arn))}};
}

Result<Json> tag_resource(Context& context, const Input& in) {
    const auto added = in.tags();
    const auto arn = resource_in(context, in);
    if (!arn) return fail(arn.error());
    auto tags = context.world.tags_of(*arn);
    for (const auto& [key, value] : added) tags[key] = value;
    if (tags.size() > 50) return bad_parameter("A resource has at most 50 tags.");
    context.world.tags.put(*arn, std::move(tags));
    return Json::object();
}

Result<Json> untag_resource(Context& context, const Input& in) {
    const auto keys = in.strings("tagKeys");
    const auto arn = resource_in(context, in);
    if (!arn) return fail(arn.error());
    auto tags = context.world.tags_of(*arn);
    for (const std::string& key : keys) tags.erase(key);
    context.world.tags.put(*arn, std::move(tags));
    return Json::object();
}

} // namespace

std::span<const Operation> tag_operations() {
    static constexpr Operation kAll[]{
        {"ListTagsForResource", list_tags}, {"TagResource", tag_resource}, {"UntagResource", untag_resource}};
    return kAll;
}

} // namespace berth::cluster
