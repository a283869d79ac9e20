// What a group says about itself: figures, processes, out-of-memory events.
#include "runtime/cgroup/groups.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <limits>

namespace berth::runtime {

namespace {

// First number in the file; "max", a missing file or anything else is 0.
std::uint64_t number_in(const fs::path& file) {
    const auto text = read_file(file).value_or("");
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

// The number after `key` in a file of "key value" lines.
std::uint64_t field_of(const fs::path& file, std::string_view key) {
    const auto text = "\n" + read_file(file).value_or("");
    const auto at = text.find(fmt::format("\n{} ", key));
    std::uint64_t value = 0;
    if (at != std::string::npos)
        std::from_chars(text.data() + at + key.size() + 2, text.data() + text.size(), value);
    return value;
}

void read_v1_memory(const fs::path& group, CgroupStats& stats) {
    // What v1 says when there is no limit: the largest multiple of the page size.
    constexpr std::uint64_t kNoLimit =
        std::uint64_t{std::numeric_limits<std::int64_t>::max()} & ~std::uint64_t{0xffff};
    stats.memory_bytes = number_in(group / "memory.usage_in_bytes");
    stats.memory_peak_bytes = number_in(group / "memory.max_usage_in_bytes");
    const auto limit = number_in(group / "memory.limit_in_bytes");
    stats.memory_limit_bytes = limit >= kNoLimit ? 0 : limit;
}

} // namespace

Result<CgroupStats> Cgroup::stats() const {
    CgroupStats stats;
    std::error_code error;
    bool found = false;
    const auto group_of = [&](const char* controller) {
        const auto v1 = layout_.v1.find(controller);
        return v1 == layout_.v1.end() ? fs::path() : v1->second / path_;
    };
    const auto v2 = layout_.v2.empty() ? fs::path() : layout_.v2 / path_;
    for (const auto& mount : hierarchies(layout_)) found = found || fs::exists(mount / path_, error);
    if (!found) return fail(ErrorCode::not_found, "there is no cgroup {}", path_);

    if (const auto group = group_of("cpuacct"); !group.empty())
        stats.cpu_usage_ns = number_in(group / "cpuacct.usage");
    else
        stats.cpu_usage_ns = field_of(v2 / "cpu.stat", "usage_usec") * 1000;
    if (const auto group = group_of("memory"); !group.empty()) {
        read_v1_memory(group, stats);
    } else {
        stats.memory_bytes = number_in(v2 / "memory.current");
        stats.memory_peak_bytes = number_in(v2 / "memory.peak");
        stats.memory_limit_bytes = number_in(v2 / "memory.max");
    }
    stats.oom_kills = oom_kills();
    const auto pids = group_of("pids");
    stats.pids = number_in((pids.empty() ? v2 : pids) / "pids.current");
    return stats;
}

Result<std::vector<int>> Cgroup::processes() const {
    std::vector<int> pids;
    // The v2 group is enough where there is one: nobody leaves it but by writing to the file system that the
    // v1 groups are in, too.
    const auto mounts = hierarchies(layout_);
    for (const auto& group : groups_below(mounts.back() / path_)) {
        const auto text = read_file(group / "cgroup.procs");
        if (!text && text.error().sys() != ENOENT && text.error().sys() != ENODEV) return fail(text.error());
        if (!text) continue; // removed meanwhile
        for (const char *at = text->data(), *end = at + text->size(); at < end;) {
            int pid = 0;
            const auto parsed = std::from_chars(at, end, pid);
            if (parsed.ec == std::errc() && pid > 0) // 0: in a pid namespace that we do not see
                pids.push_back(pid);
            at = parsed.ptr + 1;
        }
    }
    std::ranges::sort(pids);
    pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
    return pids;
}

bool Cgroup::populated() const {
    if (!layout_.v2.empty()) return field_of(layout_.v2 / path_ / "cgroup.events", "populated") != 0;
    const auto pids = processes();
    return pids && !pids->empty();
}

std::uint64_t Cgroup::oom_kills() const {
    const auto memory = layout_.v1.find("memory");
    if (memory == layout_.v1.end()) return field_of(layout_.v2 / path_ / "memory.events", "oom_kill");
    std::uint64_t kills = 0;
    for (const auto& group : groups_below(memory->second / path_)) // the v1 counter is of one group alone
        kills += field_of(group / "memory.oom_control", "oom_kill");
    return kills;
}

Result<UniqueFd> Cgroup::oom_events() const {
    if (const auto memory = layout_.v1.find("memory"); memory != layout_.v1.end()) {
        const auto group = memory->second / path_;
        const auto control = open_file(group / "memory.oom_control", O_RDONLY);
        if (!control) return fail(control.error());
        UniqueFd events(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        if (!events) return fail_errno(errno, "making an eventfd");
        auto asked = write_control_file(group / "cgroup.event_control",
                                        fmt::format("{} {}", events.get(), control->get()));
        if (!asked) return fail(std::move(asked.error()));
        return events;
    }
    UniqueFd events(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!events) return fail_errno(errno, "making an inotify descriptor");
    const auto file = layout_.v2 / path_ / "memory.events";
    if (::inotify_add_watch(events.get(), file.c_str(), IN_MODIFY) < 0)
        return fail_errno(errno, "watching {}", file.string());
    return events;
}

} // namespace berth::runtime
