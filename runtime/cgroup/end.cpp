// Freezing, killing and removing a group with everything in it.
#include "berth/base/time.hpp"

#include "runtime/cgroup/groups.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

namespace berth::runtime {

namespace {

constexpr auto kPatience = std::chrono::seconds(1);

void wait_a_moment() {
    const timespec pause = {0, 500'000};
    ::nanosleep(&pause, nullptr);
}

bool is_missing(const Status& status) {
    return !status && (status.error().sys() == ENOENT || status.error().sys() == ENODEV);
}

} // namespace

Status Cgroup::freeze(bool frozen) const {
    if (!layout_.v2.empty()) // of the two the one in which a frozen process can be killed
        return write_control_file(layout_.v2 / path_ / "cgroup.freeze", frozen ? "1" : "0");
    const auto freezer = layout_.v1.find("freezer");
    if (freezer == layout_.v1.end())
        return fail(ErrorCode::not_found, "this machine has no freezer cgroup controller");
    const auto file = freezer->second / path_ / "freezer.state";
    // FREEZING stays when processes are created meanwhile: asked again, the kernel tries again.
    const auto wanted = std::string_view(frozen ? "FROZEN" : "THAWED");
    for (const auto deadline = deadline_in(kPatience);;) {
        if (auto written = write_control_file(file, wanted); !written) return written;
        const auto state = read_file(file);
        if (!state) return fail(state.error());
        if (state->starts_with(wanted)) return {};
        if (std::chrono::steady_clock::now() >= deadline) {
            (void)write_control_file(file, "THAWED");
            return fail(ErrorCode::timeout, "the cgroup {} does not freeze", path_);
        }
        wait_a_moment();
    }
}

Status Cgroup::kill_once() const {
    if (!layout_.v2.empty()) {
        auto killed = write_control_file(layout_.v2 / path_ / "cgroup.kill", "1");
        if (killed) return killed;
        if (!is_missing(killed)) // before 5.14 there is no such file
            return fail(std::move(killed.error()), "killing the cgroup {}", path_);
    }
    const auto pids = processes();
    if (!pids) return fail(pids.error(), "killing the cgroup {}", path_);
    for (const int pid : *pids) ::kill(pid, SIGKILL);
    if (const auto freezer = layout_.v1.find("freezer"); freezer != layout_.v1.end() && !pids->empty())
        (void)write_control_file(freezer->second / path_ / "freezer.state", "THAWED");
    return {};
}

Status Cgroup::kill() const {
    // Before the kernel did it at once, new processes could appear while we signal: go on until there are
    // none.
    for (const auto deadline = deadline_in(kPatience);;) {
        if (auto killed = kill_once(); !killed) return killed;
        if (!populated()) return {};
        if (std::chrono::steady_clock::now() >= deadline)
            return fail(ErrorCode::timeout, "the cgroup {} still has processes after SIGKILL", path_);
        wait_a_moment();
    }
}

Status Cgroup::remove() const {
    const auto deadline = deadline_in(kPatience);
    for (const auto& mount : hierarchies(layout_)) {
        const auto top = mount / path_;
        while (::rmdir(top.c_str()) != 0 && errno != ENOENT) {
            if (errno != EBUSY) return fail_errno(errno, "removing the cgroup {}", top.string());
            // Sub-groups, or processes that are on their way out.
            for (const auto& group : groups_below(top))
                if (group != top) ::rmdir(group.c_str());
            if (::rmdir(top.c_str()) == 0 || errno == ENOENT) break;
            if (std::chrono::steady_clock::now() >= deadline)
                return fail_errno(EBUSY, "removing the cgroup {}: it still has processes in it",
                                  top.string());
            wait_a_moment();
        }
    }
    return {};
}

} // namespace berth::runtime
