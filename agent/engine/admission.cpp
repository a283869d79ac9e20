// Who may use the host: CPU, memory and fixed ports are given out first come, first served.
//
// Only the head of the queue is tried: a large task is not starved by small ones behind it. What is in use is
// counted from the tasks themselves at every turn, so it cannot drift.
#include "agent/engine/rules.hpp"

#include <algorithm>
#include <cmath>

namespace berth::engine {

namespace {

struct Share {
    std::int64_t cpu = 0, memory_mib = 0;
    std::set<std::uint16_t> tcp, udp;
};

constexpr std::int64_t kMiB = std::int64_t{1} << 20;

Share share_of(const TaskSpec& task) {
    Share share{.cpu = std::llround(task.cpu * 1024), .memory_mib = task.memory_mib};
    for (const auto& container : task.containers) {
        if (task.cpu == 0) share.cpu += container.cpu_units;
        const auto bytes = container.memory_reservation_bytes != 0 ? container.memory_reservation_bytes
                                                                   : container.memory_bytes;
        if (task.memory_mib == 0) share.memory_mib += bytes / kMiB;
        for (const auto& port : container.ports)
            if (port.host_port != 0)
                (port.protocol == Protocol::tcp ? share.tcp : share.udp).insert(port.host_port);
    }
    return share;
}

bool holds_share(const TaskState& task) { return task.admitted && task.known != TaskStatus::stopped; }

// What is missing for an amount, "" when it is there.
std::string shortage(std::int64_t wanted, std::int64_t used, std::int64_t total, std::string_view unit) {
    if (wanted <= total - used) return {};
    return fmt::format("{} {} (of {}, {} are in use)", wanted, unit, total, used);
}

std::string port_shortage(const EngineState& state, std::uint16_t port, Protocol protocol) {
    const bool tcp = protocol == Protocol::tcp;
    const auto& reserved = tcp ? state.host.tcp_ports : state.host.udp_ports;
    if (reserved.contains(port))
        return fmt::format("host port {}/{}, which is reserved", port, tcp ? "tcp" : "udp");
    for (const auto& [arn, task] : state.tasks) {
        if (!holds_share(task)) continue;
        const auto share = share_of(task.spec);
        if ((tcp ? share.tcp : share.udp).contains(port))
            return fmt::format("host port {}/{}, which task {} has", port, tcp ? "tcp" : "udp",
                               task.spec.id());
    }
    return {};
}

std::string missing_for(const EngineState& state, const Share& wanted) {
    Share used;
    for (const auto& [arn, task] : state.tasks) {
        if (!holds_share(task)) continue;
        const auto share = share_of(task.spec);
        used.cpu += share.cpu;
        used.memory_mib += share.memory_mib;
    }
    std::vector<std::string> missing = {
        shortage(wanted.cpu, used.cpu, state.host.cpu, "CPU units"),
        shortage(wanted.memory_mib, used.memory_mib, state.host.memory_mib, "MiB of memory")};
    for (const auto port : wanted.tcp) missing.push_back(port_shortage(state, port, Protocol::tcp));
    for (const auto port : wanted.udp) missing.push_back(port_shortage(state, port, Protocol::udp));
    std::erase(missing, "");
    return fmt::format("{}", fmt::join(missing, " and "));
}

// More than the whole host has: waiting would block everybody behind it for ever.
std::string beyond_host(const HostResources& host, const Share& wanted) {
    if (wanted.cpu > host.cpu) return fmt::format("{} CPU units, but the host has {}", wanted.cpu, host.cpu);
    if (wanted.memory_mib > host.memory_mib)
        return fmt::format("{} MiB of memory, but the host has {} for tasks", wanted.memory_mib,
                           host.memory_mib);
    for (const auto port : wanted.tcp)
        if (host.tcp_ports.contains(port))
            return fmt::format("host port {}/tcp, which is reserved on the host", port);
    for (const auto port : wanted.udp)
        if (host.udp_ports.contains(port))
            return fmt::format("host port {}/udp, which is reserved on the host", port);
    return {};
}

void refuse(Turn& turn, TaskState& task, std::string_view why) {
    task.reason = fmt::format("ResourceInitializationError: the task needs {}", why);
    want_stopped(task);
    turn.save(task);
    settle(turn, task);
}

void note_followers(Turn& turn, const TaskState& head) {
    for (const auto& arn : turn.state.queue)
        if (arn != head.spec.arn)
            note_waiting(turn.state.tasks.at(arn),
                         fmt::format("waits behind task {}, which {}", head.spec.id(), head.waiting_for),
                         turn.at);
}

} // namespace

void enqueue(EngineState& state, const TaskArn& task) { state.queue.push_back(task); }

void admit(Turn& turn) {
    auto& queue = turn.state.queue;
    const auto is_over = [&](const TaskArn& arn) {
        const TaskState* task = find_task(turn.state, arn);
        return task == nullptr || task->desired == TaskStatus::stopped;
    };
    for (;;) {
        std::erase_if(queue, is_over);
        if (queue.empty()) return;
        TaskState& head = turn.state.tasks.at(queue.front());
        const auto wanted = share_of(head.spec);
        if (const auto why = beyond_host(turn.state.host, wanted); !why.empty()) {
            refuse(turn, head, why);
            continue;
        }
        if (const auto missing = missing_for(turn.state, wanted); !missing.empty()) {
            note_waiting(head, "waits for " + missing, turn.at);
            return note_followers(turn, head);
        }
        queue.erase(queue.begin());
        head.admitted = true;
        turn.save(head);
        settle(turn, head);
    }
}

} // namespace berth::engine
