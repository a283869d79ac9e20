// Hooks: fork, exec, the state on standard input, a deadline.
#include "runtime/process/hooks.hpp"

#include "berth/base/time.hpp"

#include "runtime/namespaces/namespaces.hpp"
#include "runtime/process/identity.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

namespace berth::runtime {

namespace {

std::vector<char*> pointers(const std::vector<std::string>& strings) {
    std::vector<char*> result;
    for (const auto& text : strings)
        result.push_back(const_cast<char*>(text.c_str())); // execve does not write
    result.push_back(nullptr);
    return result;
}

Result<UniqueFd> memory_file(const std::string& text) {
    UniqueFd memory(::memfd_create("state", MFD_CLOEXEC));
    if (!memory) return fail_errno(errno, "making a memory file");
    if (auto written = write_all(memory.get(), text, "the state for a hook"); !written)
        return std::unexpected(std::move(written.error()));
    if (::lseek(memory.get(), 0, SEEK_SET) != 0) return fail_errno(errno, "rewinding the state for a hook");
    return memory;
}

// Waits for the hook's end; past its timeout it is killed.
Result<int> wait_for(const Cloned& hook, std::optional<int> timeout_seconds) {
    pollfd ended{.fd = hook.pidfd.get(), .events = POLLIN, .revents = 0};
    const auto deadline = deadline_in(std::chrono::seconds(timeout_seconds.value_or(0)));
    bool late = false;
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        const int wait = timeout_seconds && !late ? static_cast<int>(std::max<long>(left.count(), 0)) : -1;
        const int got = ::poll(&ended, 1, wait);
        if (got > 0) break;
        if (got < 0 && errno != EINTR) return fail_errno(errno, "waiting");
        if (got == 0) {
            late = true;
            ::kill(hook.pid, SIGKILL); // our child, not yet waited for: the number is still its own
        }
    }
    int status = 0;
    if (::waitpid(hook.pid, &status, 0) < 0) return fail_errno(errno, "waiting");
    if (late) return fail(ErrorCode::timeout, "took longer than {} s and was killed", *timeout_seconds);
    return status;
}

Status run_hook(const Hook& hook, const std::string& state) {
    const auto input = memory_file(state);
    if (!input) return std::unexpected(input.error());
    auto args = pointers(hook.args);
    if (hook.args.empty()) args.insert(args.begin(), const_cast<char*>(hook.path.c_str()));
    auto env = pointers(hook.env);
    const auto child = clone_process(0, -1);
    if (!child) return std::unexpected(child.error());
    if (child->pid == 0) {
        if (reset_signals() && ::dup2(input->get(), STDIN_FILENO) == STDIN_FILENO) {
            ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
            ::execve(hook.path.c_str(), args.data(), env.data());
        }
        const int error = errno;
        ::_exit(error == ENOENT ? 127 : 126);
    }
    const auto status = wait_for(*child, hook.timeout_seconds);
    if (!status) return std::unexpected(status.error());
    if (WIFSIGNALED(*status)) return fail(ErrorCode::io, "killed by signal {}", WTERMSIG(*status));
    if (WEXITSTATUS(*status) != 0) return fail(ErrorCode::io, "exit status {}", WEXITSTATUS(*status));
    return {};
}

} // namespace

Json state_json(const Spec& spec, const std::string& id, std::string_view status, int pid,
                const std::string& bundle) {
    Json state{{"ociVersion", spec.version}, {"id", id}, {"status", status}, {"bundle", bundle}};
    if (pid > 0) state["pid"] = pid;
    if (!spec.annotations.empty()) state["annotations"] = spec.annotations;
    return state;
}

Status run_hooks(const std::vector<Hook>& hooks, std::string_view kind, const Json& state) {
    if (hooks.empty()) return {};
    const auto text = dump_json(state);
    for (std::size_t i = 0; i < hooks.size(); ++i)
        if (auto run = run_hook(hooks[i], text); !run)
            return fail(std::move(run.error()), "hooks.{}[{}] ({})", kind, i, hooks[i].path);
    return {};
}

} // namespace berth::runtime
