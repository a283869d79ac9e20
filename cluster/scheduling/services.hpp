// Services: keeping the desired number of tasks of the newest deployment, replacing old ones within limits.
#pragma once

#include "cluster/model/context.hpp"

#include <optional>
#include <string>
#include <vector>

namespace berth::cluster {

struct ServicePlan {
    std::int64_t start = 0;
    std::vector<std::string> stop; // task ARNs
    bool steady = false;
};
// What a service needs now. `fresh` are its tasks of the PRIMARY deployment on active instances, `stale` all
// others; both hold only tasks that shall run.
ServicePlan plan_service(const Service& service, std::vector<const Task*> fresh,
                         std::vector<const Task*> stale);

// Carries out the plans of all services. Returns when a service that holds back wants to be looked at again.
std::optional<Time> reconcile_services(Context& context);

// A task of a service stopped: counts failures in a row and lets the service wait before it tries again.
void note_task_end(Context& context, const Task& task);

void add_event(Context& context, Service& service, std::string message);

} // namespace berth::cluster
