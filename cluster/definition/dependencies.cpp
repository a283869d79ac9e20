// dependsOn between the containers of a task definition.
#include "cluster/definition/definition.hpp"
#include "cluster/model/fields.hpp"
#include "cluster/model/refusal.hpp"

namespace berth::cluster {

Status check_dependencies(const Json& containers) {
    std::map<std::string, std::set<std::string>> waits_for;
    for (const Json& container : containers) {
        const auto name = text_of(container, "name");
        for (const Json& dependency : list_of(container, "dependsOn")) {
            const auto other = text_of(dependency, "containerName");
            const auto condition = text_of(dependency, "condition");
            const Json* target = find_named(containers, "name", other);
            if (!target || other == name)
                return client_error(
                    "Container '{}' depends on '{}', which is no other container of the task.", name,
                    other.substr(0, 255));
            if (condition != "START" && condition != "COMPLETE" && condition != "SUCCESS" &&
                condition != "HEALTHY")
                return client_error("Container '{}' has an unknown dependency condition '{}'.", name,
                                    condition.substr(0, 32));
            if ((condition == "COMPLETE" || condition == "SUCCESS") && flag_of(*target, "essential", true))
                return client_error("Container '{}' waits for the end of '{}', which is essential.", name,
                                    other);
            if (condition == "HEALTHY" && !has(*target, "healthCheck"))
                return client_error("Container '{}' waits for '{}' to be healthy, which has no healthCheck.",
                                    name, other);
            waits_for[name].insert(other);
        }
    }
    // Take away whoever waits for nobody that is left; what cannot be taken away waits in a circle.
    while (!waits_for.empty()) {
        const auto before = waits_for.size();
        std::erase_if(waits_for, [&](const auto& entry) {
            for (const std::string& other : entry.second)
                if (waits_for.contains(other)) return false;
            return true;
        });
        if (waits_for.size() == before)
            return client_error("Containers depend on each other in a circle: '{}' is part of it.",
                                waits_for.begin()->first);
    }
    return {};
}

} // namespace berth::cluster
