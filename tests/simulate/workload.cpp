// Random tasks that are small, quarrel over the host and fail often.
#include "tests/simulate/workload.hpp"

namespace berth::simulate {

namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;

Behaviour make_behaviour(Random& random) {
    Behaviour how;
    how.pull_fails = random.percent(8);
    how.image_is_cached = random.percent(50);
    how.create_fails = random.percent(5);
    how.start_fails = random.percent(5);
    how.heeds_stop_signal = random.percent(80);
    how.becomes_healthy = random.percent(85);
    how.runs_out_of_memory = random.percent(10);
    how.exit_code = random.percent(60) ? 0 : static_cast<int>(random.between(1, 255));
    how.runs_that_end = random.percent(55) ? static_cast<int>(random.between(1, 3)) : 0;
    how.run_time = random.percent(30) ? random.ms(0, 5) : random.ms(0, 60'000);
    return how;
}

void add_dependencies(Random& random, ContainerSpec& container, std::vector<ContainerSpec>& earlier) {
    for (auto& other : earlier) {
        if (!random.percent(35)) continue;
        const auto condition = static_cast<Condition>(random.between(0, 4));
        if (condition == Condition::healthy) other.health_check = HealthCheck{.test = {"CMD", "check"}};
        container.depends_on.push_back({other.name, condition});
    }
}

ContainerSpec make_container(Random& random, int number, std::vector<ContainerSpec>& earlier) {
    ContainerSpec container;
    container.name = fmt::format("c{}", number);
    container.image = "image";
    container.essential = random.percent(60);
    container.cpu_units = random.between(0, 700);
    container.memory_bytes = random.between(0, 300) * kMiB;
    if (number == 0 && random.percent(40))
        container.ports.push_back(
            {80, static_cast<std::uint16_t>(8000 + random.between(0, 2)), Protocol::tcp});
    if (random.percent(20)) container.start_timeout = std::chrono::seconds(random.between(1, 30));
    if (random.percent(50)) container.stop_timeout = std::chrono::seconds(random.between(1, 10));
    container.restart.enabled = random.percent(25);
    container.restart.attempt_period = std::chrono::seconds(random.between(0, 20));
    if (random.percent(30)) container.restart.ignored_exit_codes = {0};
    add_dependencies(random, container, earlier);
    return container;
}

} // namespace

HostResources make_host() { return {.cpu = 2048, .memory_mib = 1024, .tcp_ports = {8002}, .udp_ports = {}}; }

EngineOptions make_options(Random& random) {
    EngineOptions options;
    options.stop_timeout = random.ms(1000, 5000);
    options.cleanup_wait = random.ms(1000, 100'000);
    options.pull_failure_is_fatal = random.percent(15);
    return options;
}

Workload make_workload(Random& random, int number) {
    Workload work;
    work.spec.arn = TaskArn(fmt::format("arn:aws:ecs:r:1:task/sim/t{}", number));
    work.spec.network_mode = "bridge";
    if (random.percent(20)) work.spec.cpu = static_cast<double>(random.between(1, 8)) / 4;
    if (random.percent(20)) work.spec.memory_mib = random.between(10, 1100);
    const auto count = random.between(1, 4);
    for (int i = 0; i < count; ++i)
        work.spec.containers.push_back(make_container(random, i, work.spec.containers));
    for (const auto& container : work.spec.containers)
        work.behaviours[container.name] = make_behaviour(random);
    return work;
}

} // namespace berth::simulate
