// Placement: which instance takes a task, or why each of them cannot. Pure.
#pragma once

#include "cluster/model/world.hpp"
#include "cluster/scheduling/expression.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace berth::cluster {

struct Strategy {
    enum class Type : std::uint8_t { random, spread, binpack } type = Type::random;
    std::string field; // "cpu", "memory", "instanceId", "attribute:…"
};

struct PlacementRules {
    std::vector<Expression> member_of;
    bool distinct_instance = false;
    std::vector<Strategy> strategy;
};

// From placementConstraints and placementStrategy as the API gives them, both lists of objects.
Result<PlacementRules> read_placement(const Json& constraints, const Json& strategy);

struct Demand {
    Resources needs;
    bool devices = false;
    std::vector<std::string> attributes; // required names
    std::string group;                   // tasks of this group count for distinctInstance and spread
};

Demand demand_of(const Definition& definition, const Json& overrides, std::string group);

struct Failure {
    std::string arn, reason, detail;
};

// Chooses a number below `count`.
using Random = std::function<std::size_t(std::size_t count)>;

// The instances of one cluster with what is left on each; placing takes from it what it gives away. Refers to
// the world, whose instances must not come or go meanwhile.
class Candidates {
  public:
    Candidates(const World& world, std::string_view cluster);

    // The ARN of the chosen instance. Otherwise one failure per instance, in order of ARN.
    std::expected<std::string, std::vector<Failure>> place(const Demand& demand, const PlacementRules& rules,
                                                           const Random& random);
    // Takes from the named instance, or says why not.
    std::expected<void, Failure> place_on(std::string_view arn, const Demand& demand,
                                          const PlacementRules& rules);
    bool empty() const { return list_.empty(); }

  private:
    struct Candidate {
        const Instance* instance;
        bool connected;
        Resources left;                    // tcp, udp: the ports taken
        std::map<std::string, int> groups; // tasks that shall run, by group
    };
    std::optional<Failure> objection(const Candidate& candidate, const Demand& demand,
                                     const PlacementRules& rules) const;
    static void take(Candidate& candidate, const Demand& demand);
    std::size_t choose(std::vector<std::size_t> fitting, const Demand& demand, const PlacementRules& rules,
                       const Random& random) const;

    const World* world_;
    std::vector<Candidate> list_;
};

// What is left of an instance after its tasks that have not stopped; ports: those that are taken.
Resources remaining(const World& world, const Instance& instance);

// Facts about an instance for expressions.
Facts facts_of(const World& world, const Instance& instance);

} // namespace berth::cluster
