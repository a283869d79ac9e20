// CreateService, UpdateService, DescribeServices, ListServices, DeleteService.
#include "cluster/scheduling/services.hpp"

#include "cluster/api/operations.hpp"
#include "cluster/api/pages.hpp"
#include "cluster/api/task_operations.hpp"
#include "cluster/api/views.hpp"
#include "cluster/model/refusal.hpp"
#include "cluster/scheduling/placement.hpp"

#include <algorithm>

namespace berth::cluster {
namespace {

constexpr std::int64_t kMaxDesired = 5000;

bool is_service_name(std::string_view name) {
    const auto is_allowed = [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_'; };
    return !name.empty() && name.size() <= 255 && std::ranges::all_of(name, is_allowed);
}

Deployment new_deployment(const Context& context, const Definition& definition) {
    Deployment deployment;
    deployment.id = "ecs-svc/" + context.make_digits();
    deployment.definition = definition_key(definition.family, definition.revision);
    deployment.created = deployment.updated = context.now;
    return deployment;
}

// The members that CreateService and UpdateService share.
Status read_common(const Input& in, Service& service) {
    const Input limits(in.object("deploymentConfiguration"), "deploymentConfiguration");
    const auto desired = in.integer("desiredCount");
    const auto maximum = limits.integer("maximumPercent");
    const auto minimum = limits.integer("minimumHealthyPercent");
    const bool places = in.json().contains("placementConstraints") || in.json().contains("placementStrategy");
    const Json& constraints = in.objects("placementConstraints");
    const Json& strategy = in.objects("placementStrategy");
    if (auto tags = in.maybe_text("propagateTags")) service.propagate_tags = *tags == "NONE" ? "" : *tags;
    const auto unsupported = check_unsupported(in);
    if (auto bad = in.check(); !bad) return bad;
    if (auto bad = limits.check(); !bad) return bad;
    if (!unsupported) return unsupported;
    if (desired && (*desired < 0 || *desired > kMaxDesired))
        return bad_parameter("desiredCount must be 0 to {}.", kMaxDesired);
    service.desired = desired.value_or(service.desired);
    service.maximum_percent = maximum.value_or(service.maximum_percent);
    service.minimum_healthy_percent = minimum.value_or(service.minimum_healthy_percent);
    if (service.minimum_healthy_percent < 0 || service.minimum_healthy_percent > service.maximum_percent ||
        service.maximum_percent > 100'000)
        return bad_parameter("minimumHealthyPercent must be 0 to maximumPercent.");
    if (service.maximum_percent == service.minimum_healthy_percent && service.maximum_percent == 100)
        return bad_parameter("Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block "
                             "deployments.");
    if (!places) return {};
    if (auto rules = read_placement(constraints, strategy); !rules) return fail(std::move(rules.error()));
    service.constraints = constraints;
    service.strategy = strategy;
    return {};
}

Result<Json> create_service(Context& context, const Input& in) {
    const auto cluster_name = in.text("cluster");
    const auto definition_name = in.text("taskDefinition");
    const auto scheduling = in.text("schedulingStrategy", "REPLICA");
    Service service;
    service.name = in.text("serviceName");
    service.client_token = in.text("clientToken");
    auto tags = in.tags();
    if (Status bad = read_common(in, service); !bad) return fail(std::move(bad.error()));
    if (scheduling != "REPLICA")
        return bad_parameter("This endpoint keeps services of the scheduling strategy REPLICA only.");
    if (!is_service_name(service.name))
        return bad_parameter("serviceName must be 1 to 255 letters, digits, hyphens and underscores.");
    World& world = context.world;
    const auto cluster = world.cluster(cluster_name);
    if (!cluster) return fail(cluster.error());
    const auto definition = runnable_definition(world, definition_name);
    if (!definition) return fail(definition.error());
    service.cluster = (*cluster)->name;
    service.arn = world.identity.service(service.cluster, service.name);
    service.created = context.now;
    if (const Service* existing = world.services.find(service.arn);
        existing && existing->status != ServiceStatus::inactive) {
        if (!service.client_token.empty() && existing->client_token == service.client_token)
            return Json{{"service", view(world, *existing, true)}};
        if (existing->status == ServiceStatus::draining)
            return bad_parameter("Unable to Start a service that is still Draining.");
        return bad_parameter("Creation of service was not idempotent.");
    }
    service.deployments.push_back(new_deployment(context, **definition));
    if (!tags.empty()) world.tags.put(service.arn, std::move(tags));
    std::string arn = service.arn;
    return Json{{"service", view(world, world.services.put(std::move(arn), std::move(service)), true)}};
}

// Names the service of an operation, which must not be INACTIVE.
Result<const Service*> find_service(const World& world, const std::string& cluster_name,
                                    const std::string& name) {
    const auto cluster = world.cluster(cluster_name);
    if (!cluster) return fail(cluster.error());
    const Service* service = world.service((*cluster)->name, name);
    if (!service || service->status == ServiceStatus::inactive)
        return refuse("ServiceNotFoundException", "Service not found.");
    return service;
}

Result<Json> update_service(Context& context, const Input& in) {
    const auto cluster_name = in.text("cluster");
    const auto name = in.text("service");
    const auto definition_name = in.maybe_text("taskDefinition");
    const bool force = in.flag("forceNewDeployment");
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    World& world = context.world;
    const auto found = find_service(world, cluster_name, name);
    if (!found) return fail(found.error());
    if ((*found)->status != ServiceStatus::active)
        return refuse("ServiceNotActiveException", "Service was not ACTIVE.");
    Service changed = **found;
    if (Status bad = read_common(in, changed); !bad) return fail(std::move(bad.error()));
    const Definition* definition = world.definitions.find(changed.deployments.front().definition);
    if (definition_name) {
        const auto other = runnable_definition(world, *definition_name);
        if (!other) return fail(other.error());
        definition = *other;
    }
    Deployment& primary = changed.deployments.front();
    if (definition &&
        (force || definition_key(definition->family, definition->revision) != primary.definition))
        changed.deployments.insert(changed.deployments.begin(), new_deployment(context, *definition));
    else
        primary.updated = context.now;
    // Whoever updates a service wants it tried at once.
    changed.failures = 0;
    changed.resume.reset();
    changed.steady = false;
    std::string arn = changed.arn;
    return Json{{"service", view(world, world.services.put(std::move(arn), std::move(changed)), true)}};
}

Result<Json> describe_services(Context& context, const Input& in) {
    const auto cluster_name = in.text("cluster");
    const auto names = in.strings("services");
    const bool tags = in.includes("TAGS");
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    const auto cluster = context.world.cluster(cluster_name);
    if (!cluster) return fail(cluster.error());
    if (names.empty()) return bad_parameter("Services cannot be empty.");
    if (names.size() > 10) return bad_parameter("Services cannot have more than 10 elements.");
    Json found = Json::array(), failures = Json::array();
    for (const std::string& name : names) {
        if (const Service* service = context.world.service((*cluster)->name, name))
            found.push_back(view(context.world, *service, tags));
        else
            failures.push_back(
                view_failure(context.world.identity.service((*cluster)->name, last_part(name)), "MISSING"));
    }
    return Json{{"services", std::move(found)}, {"failures", std::move(failures)}};
}

Result<Json> list_services(Context& context, const Input& in) {
    const auto cluster_name = in.text("cluster");
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    const auto cluster = context.world.cluster(cluster_name);
    if (!cluster) return fail(cluster.error());
    std::vector<std::string> arns;
    for (const auto& [arn, service] : context.world.services)
        if (service.cluster == (*cluster)->name && service.status != ServiceStatus::inactive)
            arns.push_back(arn);
    return page_of(in, "serviceArns", arns);
}

Result<Json> delete_service(Context& context, const Input& in) {
    const auto cluster_name = in.text("cluster");
    const auto name = in.text("service");
    const bool force = in.flag("force");
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    World& world = context.world;
    const auto found = find_service(world, cluster_name, name);
    if (!found) return fail(found.error());
    if ((*found)->desired > 0 && !force && (*found)->status == ServiceStatus::active)
        return bad_parameter("The service cannot be stopped while it is scaled above 0.");
    Service& service = *world.services.edit((*found)->arn);
    service.status = ServiceStatus::draining;
    service.desired = 0;
    return Json{{"service", view(world, service, true)}};
}

} // namespace

std::span<const Operation> service_operations() {
    static constexpr Operation kAll[]{{"CreateService", create_service},
                                      {"UpdateService", update_service},
                                      {"DescribeServices", describe_services},
                                      {"ListServices", list_services},
                                      {"DeleteService", delete_service}};
    return kAll;
}

} // namespace berth::cluster
