// The service scheduler.
#include "cluster/scheduling/services.hpp"

#include "cluster/definition/definition.hpp"
#include "cluster/lifecycle/lifecycle.hpp"
#include "cluster/model/fields.hpp"
#include "cluster/scheduling/placement.hpp"

#include <algorithm>

namespace berth::cluster {
namespace {

constexpr std::size_t kMaxEvents = 100;
constexpr auto kShortLife = std::chrono::seconds(30);
constexpr auto kLongestWait = std::chrono::seconds(300);
constexpr std::int64_t kWorthAnEvent = 3; // failures in a row

bool is_running(const Task* task) { return task->last == TaskStatus::running; }

std::string task_list(const std::vector<std::string>& arns) {
    std::string text;
    for (const std::string& arn : arns) text += fmt::format(" (task {})", last_part(arn));
    return text;
}

std::string closest_reason(const std::vector<Failure>& failures) {
    if (failures.empty()) return "No container instance is registered in the cluster.";
    const Failure& first = failures.front();
    return fmt::format("The container instance {} says: {}{}{}.", last_part(first.arn), first.reason,
                       first.detail.empty() ? "" : ", ", first.detail);
}

// Constraints of the definition and of the service apply both.
Result<PlacementRules> rules_of(const Service& service, const Definition& definition) {
    Json constraints = service.constraints;
    for (const Json& constraint : list_of(definition.document, "placementConstraints"))
        constraints.push_back(constraint);
    return read_placement(constraints, service.strategy);
}

void start_tasks(Context& context, const std::string& arn, std::int64_t count) {
    const Service service = *context.world.services.find(arn);
    const Deployment& primary = service.deployments.front();
    const Definition* definition = context.world.definitions.find(primary.definition);
    if (!definition) return;
    const auto rules = rules_of(service, *definition);
    if (!rules) return; // checked when the service was made
    const Demand demand = demand_of(*definition, no_members(), "service:" + service.name);
    Candidates candidates(context.world, service.cluster);
    std::vector<std::string> started;
    for (; count > 0; --count) {
        const auto place =
            candidates.place(demand, *rules, [&](std::size_t choices) { return context.random(choices); });
        if (!place) {
            auto message =
                fmt::format("(service {}) was unable to place a task because no container instance met all "
                            "of its requirements. {}",
                            service.name, closest_reason(place.error()));
            if (service.events.empty() || service.events.front().message != message)
                add_event(context, *context.world.services.edit(arn), std::move(message));
            break;
        }
        TaskRequest request;
        request.cluster = service.cluster;
        request.definition = primary.definition;
        request.instance = *place;
        request.group = demand.group;
        request.started_by = primary.id;
        request.service = service.name;
        request.deployment = primary.id;
        if (service.propagate_tags == "SERVICE") request.tags = context.world.tags_of(arn);
        if (service.propagate_tags == "TASK_DEFINITION")
            request.tags = context.world.tags_of(definition->arn);
        started.push_back(make_task(context, std::move(request)).arn);
    }
    if (!started.empty())
        add_event(context, *context.world.services.edit(arn),
                  fmt::format("(service {}) has started {} tasks:{}.", service.name, started.size(),
                              task_list(started)));
}

void stop_tasks(Context& context, const std::string& arn, const std::vector<std::string>& tasks) {
    Service& service = *context.world.services.edit(arn);
    const auto reason =
        fmt::format("Scaling activity initiated by (deployment {})", service.deployments.front().id);
    for (const std::string& task : tasks) request_stop(context, task, "ServiceSchedulerInitiated", reason);
    add_event(context, service,
              fmt::format("(service {}) has stopped {} running tasks:{}.", service.name, tasks.size(),
                          task_list(tasks)));
}

void become_steady(Context& context, const std::string& arn) {
    Service& service = *context.world.services.edit(arn);
    service.steady = true;
    service.failures = 0;
    service.deployments.resize(1);
    Deployment& primary = service.deployments.front();
    if (!primary.completed) {
        primary.completed = true;
        primary.updated = context.now;
        add_event(
            context, service,
            fmt::format("(service {}) (deployment {}) deployment completed.", service.name, primary.id));
    }
    add_event(context, service, fmt::format("(service {}) has reached a steady state.", service.name));
}

// The tasks of a service that shall run, and whether any task of it has not stopped yet.
struct Members {
    std::vector<const Task*> fresh, stale;
    bool any = false;
};

Members members_of(const World& world, const Service& service) {
    Members members;
    for (const auto& [arn, task] : world.tasks) {
        if (task.service != service.name || task.cluster != service.cluster ||
            task.last == TaskStatus::stopped)
            continue;
        members.any = true;
        if (task.desired == TaskStatus::stopped) continue;
        const Instance* instance = world.instances.find(task.instance);
        const bool fresh = task.deployment == service.deployments.front().id && instance &&
                           instance->status == InstanceStatus::active;
        (fresh ? members.fresh : members.stale).push_back(&task);
    }
    return members;
}

void reconcile(Context& context, const std::string& arn) {
    World& world = context.world;
    const Service& service = *world.services.find(arn);
    const Members members = members_of(world, service);
    if (service.status == ServiceStatus::draining && !members.any) {
        Service& ended = *world.services.edit(arn);
        ended.status = ServiceStatus::inactive;
        ended.deployments.clear();
        ended.deleted = context.now;
        return;
    }
    const ServicePlan plan = plan_service(service, members.fresh, members.stale);
    if (service.steady && !plan.steady) world.services.edit(arn)->steady = false;
    if (!service.steady && plan.steady && service.status == ServiceStatus::active)
        become_steady(context, arn);
    if (!plan.stop.empty()) stop_tasks(context, arn, plan.stop);
    const bool waits = service.resume && *service.resume > context.now;
    if (plan.start > 0 && !waits) start_tasks(context, arn, plan.start);
}

} // namespace

ServicePlan plan_service(const Service& service, std::vector<const Task*> fresh,
                         std::vector<const Task*> stale) {
    const auto running_last_then_oldest = [](const Task* a, const Task* b) {
        return std::pair(is_running(a), a->created) < std::pair(is_running(b), b->created);
    };
    const auto count = [](const auto& tasks) { return static_cast<std::int64_t>(tasks.size()); };
    ServicePlan plan;
    const std::int64_t desired = service.desired;
    // Rounding as the API documents it: the upper limit down, the lower limit up.
    const std::int64_t most =
        std::max(desired * service.maximum_percent / 100, desired > 0 ? std::int64_t{1} : 0);
    const std::int64_t least = (desired * service.minimum_healthy_percent + 99) / 100;

    std::ranges::sort(stale, running_last_then_oldest);
    std::int64_t running =
        std::ranges::count_if(fresh, is_running) + std::ranges::count_if(stale, is_running);
    for (const Task* task : stale) {
        if (is_running(task) && running - 1 < least) break;
        running -= is_running(task);
        plan.stop.push_back(task->arn);
    }
    const std::int64_t kept = count(stale) - count(plan.stop);

    if (count(fresh) > desired) {
        std::ranges::sort(fresh, [](const Task* a, const Task* b) {
            return std::pair(is_running(a), b->created) < std::pair(is_running(b), a->created);
        });
        for (std::int64_t i = 0; i < count(fresh) - desired; ++i)
            plan.stop.push_back(fresh[static_cast<std::size_t>(i)]->arn);
    } else {
        const std::int64_t missing = desired - count(fresh);
        // Without old tasks the limit is the desired count itself.
        const std::int64_t room = kept == 0 ? missing : most - count(fresh) - kept;
        plan.start = std::clamp(room, std::int64_t{0}, missing);
    }
    plan.steady = stale.empty() && count(fresh) == desired && std::ranges::all_of(fresh, is_running);
    return plan;
}

std::optional<Time> reconcile_services(Context& context) {
    std::vector<std::string> arns;
    for (const auto& [arn, service] : context.world.services)
        if (service.status != ServiceStatus::inactive) arns.push_back(arn);
    std::optional<Time> next;
    for (const std::string& arn : arns) {
        reconcile(context, arn);
        const auto& resume = context.world.services.find(arn)->resume;
        if (resume && *resume > context.now) next = std::min(next.value_or(*resume), *resume);
    }
    return next;
}

void note_task_end(Context& context, const Task& task) {
    const auto arn = context.world.identity.service(task.cluster, task.service);
    const Service* found = context.world.services.find(arn);
    if (!found || task.stop_code == "ServiceSchedulerInitiated" || task.stop_code == "UserInitiated") return;
    Service& service = *context.world.services.edit(arn);
    const bool lived = task.started && context.now - *task.started >= kShortLife;
    service.failures = lived ? 0 : service.failures + 1;
    if (lived) return;
    for (Deployment& deployment : service.deployments)
        if (deployment.id == task.deployment) ++deployment.failed_tasks;
    // The first failure is replaced at once, then 1 s, 2 s, 4 s …
    if (service.failures > 1) {
        const auto wait =
            std::chrono::seconds(1) * (std::int64_t{1} << std::min<std::int64_t>(service.failures - 2, 9));
        service.resume = context.now + std::min<std::chrono::seconds>(wait, kLongestWait);
    }
    if (service.failures == kWorthAnEvent)
        add_event(context, service,
                  fmt::format(
                      "(service {}) is unable to consistently start tasks successfully. The last one stopped "
                      "because: {}",
                      service.name, task.stopped_reason));
}

void add_event(Context& context, Service& service, std::string message) {
    service.events.insert(service.events.begin(), {context.make_uuid(), std::move(message), context.now});
    if (service.events.size() > kMaxEvents) service.events.resize(kMaxEvents);
}

} // namespace berth::cluster
