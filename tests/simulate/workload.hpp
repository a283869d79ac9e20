// Random tasks: containers, dependencies, limits, and how each container will behave.
#pragma once

#include "tests/simulate/world.hpp"

namespace berth::simulate {

struct Workload {
    TaskSpec spec;
    std::map<std::string, Behaviour> behaviours; // by container
};

HostResources make_host();
EngineOptions make_options(Random& random);
Workload make_workload(Random& random, int number);

} // namespace berth::simulate
