// Filtering by what a task needs, then ranking by strategy.
#include "cluster/scheduling/placement.hpp"

#include "cluster/definition/definition.hpp"
#include "cluster/model/fields.hpp"
#include "cluster/model/refusal.hpp"

#include <algorithm>
#include <limits>

namespace berth::cluster {
namespace {

// The value by which tasks are spread; instances without the attribute share one bucket.
std::string bucket(const Instance& instance, const std::string& field) {
    if (!field.starts_with("attribute:")) return instance.arn;
    for (const Attribute& attribute : instance.attributes)
        if (attribute.name == field.substr(10)) return attribute.value.value_or("");
    return {};
}

bool overlap(const std::set<std::uint16_t>& a, const std::set<std::uint16_t>& b) {
    return std::ranges::any_of(a, [&](std::uint16_t port) { return b.contains(port); });
}

void take_resources(Resources& left, const Resources& needs) {
    left.cpu -= needs.cpu;
    left.memory -= needs.memory;
    left.tcp.insert(needs.tcp.begin(), needs.tcp.end());
    left.udp.insert(needs.udp.begin(), needs.udp.end());
}

// Ports that the agent chose for a task are taken too.
void take_bindings(Resources& left, const Task& task) {
    for (const TaskContainer& container : task.containers)
        for (const Json& binding : container.network_bindings) {
            const auto port = integer_of(binding, "hostPort", 0);
            if (port < 1 || port > std::numeric_limits<std::uint16_t>::max()) continue;
            auto& ports = text_of(binding, "protocol") == "udp" ? left.udp : left.tcp;
            ports.insert(static_cast<std::uint16_t>(port));
        }
}

void take_task(Resources& left, const Task& task) {
    take_resources(left, task.needs);
    take_bindings(left, task);
}

} // namespace

Result<PlacementRules> read_placement(const Json& constraints, const Json& strategy) {
    PlacementRules rules;
    for (const Json& constraint : constraints) {
        const auto type = text_of(constraint, "type");
        if (type == "distinctInstance") {
            rules.distinct_instance = true;
        } else if (type == "memberOf") {
            auto expression = parse_expression(text_of(constraint, "expression"));
            if (!expression) return fail(std::move(expression.error()));
            rules.member_of.push_back(std::move(*expression));
        } else {
            return bad_parameter("Invalid placement constraint type '{}'.", type.substr(0, 64));
        }
    }
    for (const Json& item : strategy) {
        const auto type = text_of(item, "type");
        auto field = text_of(item, "field");
        if (field == "CPU" || field == "MEMORY") field = field == "CPU" ? "cpu" : "memory";
        if (type == "random") {
            rules.strategy.push_back({Strategy::Type::random, {}});
        } else if (type == "binpack" && (field == "cpu" || field == "memory")) {
            rules.strategy.push_back({Strategy::Type::binpack, field});
        } else if (type == "spread" &&
                   (field == "instanceId" || field == "host" || field.starts_with("attribute:"))) {
            rules.strategy.push_back({Strategy::Type::spread, field});
        } else {
            return bad_parameter("Invalid placement strategy '{}' on field '{}'.", type.substr(0, 64),
                                 field.substr(0, 64));
        }
    }
    return rules;
}

Demand demand_of(const Definition& definition, const Json& overrides, std::string group) {
    Demand demand;
    demand.needs = needs_of(definition.document, overrides);
    demand.devices = needs_devices(definition.document, overrides);
    for (const Json& attribute : list_of(definition.document, "requiresAttributes"))
        demand.attributes.push_back(text_of(attribute, "name"));
    demand.group = std::move(group);
    return demand;
}

Resources remaining(const World& world, const Instance& instance) {
    Resources left = instance.total;
    for (const auto& [arn, task] : world.tasks)
        if (task.instance == instance.arn && task.last != TaskStatus::stopped) take_task(left, task);
    return left;
}

Facts facts_of(const World& world, const Instance& instance) {
    return [&world, &instance](std::string_view subject) {
        std::vector<std::string> values;
        if (subject == "ec2InstanceId") {
            if (!instance.ec2_instance_id.empty()) values.push_back(instance.ec2_instance_id);
        } else if (subject == "agentConnected") {
            values.emplace_back(world.is_connected(instance.arn) ? "true" : "false");
        } else if (subject == "task:group") {
            for (const auto& [arn, task] : world.tasks)
                if (task.instance == instance.arn && task.last != TaskStatus::stopped)
                    values.push_back(task.group);
        } else if (subject.starts_with("attribute:")) {
            for (const Attribute& attribute : instance.attributes)
                if (attribute.name == subject.substr(10)) values.push_back(attribute.value.value_or(""));
        }
        return values;
    };
}

Candidates::Candidates(const World& world, std::string_view cluster) : world_(&world) {
    for (const auto& [arn, instance] : world.instances)
        if (instance.cluster == cluster && instance.status != InstanceStatus::inactive)
            list_.push_back({&instance, world.is_connected(arn), instance.total, {}});
    for (const auto& [arn, task] : world.tasks) {
        if (task.last == TaskStatus::stopped || task.cluster != cluster) continue;
        const auto host =
            std::ranges::find(list_, task.instance, [](const Candidate& c) { return c.instance->arn; });
        if (host == list_.end()) continue;
        take_task(host->left, task);
        if (task.desired == TaskStatus::running) ++host->groups[task.group];
    }
}

std::optional<Failure> Candidates::objection(const Candidate& candidate, const Demand& demand,
                                             const PlacementRules& rules) const {
    const Instance& instance = *candidate.instance;
    const auto no = [&](std::string reason, std::string detail = {}) {
        return Failure{instance.arn, std::move(reason), std::move(detail)};
    };
    if (instance.status != InstanceStatus::active)
        return no("DRAINING", "the container instance is draining");
    if (!candidate.connected) return no("AGENT", "the agent is not connected");
    for (const std::string& name : demand.attributes)
        if (std::ranges::find(instance.attributes, name, &Attribute::name) == instance.attributes.end())
            return no("ATTRIBUTE", "the container instance lacks " + name);
    if (demand.devices) return no("RESOURCE:GPU");
    if (demand.needs.cpu > candidate.left.cpu) return no("RESOURCE:CPU");
    if (demand.needs.memory > candidate.left.memory) return no("RESOURCE:MEMORY");
    if (overlap(demand.needs.tcp, candidate.left.tcp) || overlap(demand.needs.udp, candidate.left.udp))
        return no("RESOURCE:PORTS");
    const auto facts = facts_of(*world_, instance);
    for (const Expression& matches : rules.member_of)
        if (!matches(facts)) return no("MemberOf placement constraint unsatisfied.");
    if (rules.distinct_instance && candidate.groups.contains(demand.group))
        return no("DistinctInstance placement constraint unsatisfied.");
    return std::nullopt;
}

void Candidates::take(Candidate& candidate, const Demand& demand) {
    take_resources(candidate.left, demand.needs);
    ++candidate.groups[demand.group];
}

// Each strategy in turn keeps the instances that are best by it.
std::size_t Candidates::choose(std::vector<std::size_t> fitting, const Demand& demand,
                               const PlacementRules& rules, const Random& random) const {
    const auto in_group = [&](const Candidate& candidate) {
        const auto it = candidate.groups.find(demand.group);
        return it == candidate.groups.end() ? 0 : it->second;
    };
    const auto keep_lowest = [&](auto rank) {
        std::vector<std::size_t> kept;
        auto lowest = std::numeric_limits<std::int64_t>::max();
        for (const std::size_t index : fitting) {
            const std::int64_t value = rank(list_[index]);
            if (value < lowest) kept.clear();
            if (value <= lowest) kept.push_back(index);
            lowest = std::min(lowest, value);
        }
        fitting = std::move(kept);
    };
    for (const Strategy& strategy : rules.strategy) {
        if (strategy.type == Strategy::Type::binpack) {
            keep_lowest(
                [&](const Candidate& c) { return strategy.field == "cpu" ? c.left.cpu : c.left.memory; });
        } else if (strategy.type == Strategy::Type::spread) {
            std::map<std::string, std::int64_t> load;
            for (const Candidate& c : list_) load[bucket(*c.instance, strategy.field)] += in_group(c);
            keep_lowest([&](const Candidate& c) { return load[bucket(*c.instance, strategy.field)]; });
        }
    }
    return fitting[random(fitting.size())];
}

std::expected<std::string, std::vector<Failure>>
Candidates::place(const Demand& demand, const PlacementRules& rules, const Random& random) {
    std::vector<std::size_t> fitting;
    std::vector<Failure> failures;
    for (std::size_t i = 0; i < list_.size(); ++i) {
        if (auto failure = objection(list_[i], demand, rules))
            failures.push_back(std::move(*failure));
        else
            fitting.push_back(i);
    }
    if (fitting.empty()) return std::unexpected(std::move(failures));
    Candidate& chosen = list_[choose(std::move(fitting), demand, rules, random)];
    take(chosen, demand);
    return chosen.instance->arn;
}

std::expected<void, Failure> Candidates::place_on(std::string_view arn, const Demand& demand,
                                                  const PlacementRules& rules) {
    const auto found =
        std::ranges::find(list_, arn, [](const Candidate& c) { return std::string_view(c.instance->arn); });
    if (found == list_.end()) return std::unexpected(Failure{std::string(arn), "MISSING", {}});
    if (auto failure = objection(*found, demand, rules)) return std::unexpected(std::move(*failure));
    take(*found, demand);
    return {};
}

} // namespace berth::cluster
