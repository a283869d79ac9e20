// RegisterTaskDefinition, DescribeTaskDefinition, ListTaskDefinitions, ListTaskDefinitionFamilies,
// DeregisterTaskDefinition.
#include "cluster/api/operations.hpp"
#include "cluster/api/pages.hpp"
#include "cluster/api/views.hpp"
#include "cluster/definition/definition.hpp"
#include "cluster/model/fields.hpp"
#include "cluster/model/refusal.hpp"
#include "cluster/scheduling/placement.hpp"

#include <algorithm>

namespace berth::cluster {
namespace {

std::int64_t next_revision(const World& world, const std::string& family) {
    std::int64_t newest = 0;
    for (auto it = world.definitions.lower_bound(family + ":");
         it != world.definitions.end() && it->second.family == family; ++it)
        newest = it->second.revision;
    return newest + 1;
}

Result<Json> register_definition(Context& context, const Input& in) {
    auto tags = in.tags();
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    auto document = read_definition(in.json());
    if (!document) return fail(std::move(document.error()));
    if (auto rules = read_placement(list_of(*document, "placementConstraints"), no_items()); !rules)
        return client_error("{}", rules.error().message());
    World& world = context.world;
    Definition definition;
    definition.family = text_of(*document, "family");
    definition.revision = next_revision(world, definition.family);
    definition.arn = world.identity.definition(definition.family, definition.revision);
    definition.document = std::move(*document);
    definition.document["registeredBy"] =
        fmt::format("arn:aws:iam::{}:user/berth-cluster", world.identity.account);
    definition.registered = context.now;
    if (!tags.empty()) world.tags.put(definition.arn, tags);
    auto key = definition_key(definition.family, definition.revision);
    const auto& stored = world.definitions.put(std::move(key), std::move(definition));
    return Json{{"taskDefinition", view(stored)}, {"tags", view_tags(tags)}};
}

Result<Json> describe_definition(Context& context, const Input& in) {
    const auto name = in.text("taskDefinition");
    const bool tags = in.includes("TAGS");
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    const Definition* definition = context.world.definition(name);
    if (!definition) return client_error("Unable to describe task definition.");
    Json out{{"taskDefinition", view(*definition)}};
    if (tags) out["tags"] = view_tags(context.world.tags_of(definition->arn));
    return out;
}

Result<Json> list_definitions(Context& context, const Input& in) {
    const auto family = in.text("familyPrefix");
    const auto status = in.text("status", "ACTIVE");
    const bool descending = in.text("sort") == "DESC";
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    // Keys sort by revision number, ARNs would not.
    std::vector<std::string> keys;
    for (const auto& [key, definition] : context.world.definitions)
        if ((family.empty() || definition.family == family) && definition.active == (status == "ACTIVE"))
            keys.push_back(key);
    if (descending) std::ranges::reverse(keys);
    auto page = page_of(in, "taskDefinitionArns", keys, descending);
    if (!page) return page;
    for (Json& key : (*page)["taskDefinitionArns"])
        key = context.world.definitions.find(key.get<std::string>())->arn;
    return page;
}

Result<Json> list_families(Context& context, const Input& in) {
    const auto prefix = in.text("familyPrefix");
    const auto status = in.text("status", "ACTIVE");
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    std::map<std::string, bool> families; // and whether one revision is active
    for (const auto& [key, definition] : context.world.definitions)
        if (definition.family.starts_with(prefix)) families[definition.family] |= definition.active;
    std::vector<std::string> names;
    for (const auto& [family, active] : families)
        if (status == "ALL" || active == (status == "ACTIVE")) names.push_back(family);
    return page_of(in, "families", names);
}

Result<Json> deregister_definition(Context& context, const Input& in) {
    const auto name = in.text("taskDefinition");
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    const Definition* found = last_part(name).contains(':') ? context.world.definition(name) : nullptr;
    if (!found)
        return client_error(
            "The specified task definition does not exist. Specify a valid family and revision "
            "and try again.");
    Definition& definition = *context.world.definitions.edit(definition_key(found->family, found->revision));
    if (definition.active) definition.deregistered = context.now;
    definition.active = false;
    return Json{{"taskDefinition", view(definition)}};
}

} // namespace

std::span<const Operation> definition_operations() {
    static constexpr Operation kAll[]{{"RegisterTaskDefinition", register_definition},
                                      {"DescribeTaskDefinition", describe_definition},
                                      {"ListTaskDefinitions", list_definitions},
                                      {"ListTaskDefinitionFamilies", list_families},
                                      {"DeregisterTaskDefinition", deregister_definition}};
    return kAll;
}

} // namespace berth::cluster
