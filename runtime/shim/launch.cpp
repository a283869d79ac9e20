// Starting a shim and hearing from it whether its container runs.
#include "runtime/shim/directory.hpp"
#include "runtime/shim/end_of_process.hpp"
#include "runtime/shim/launch_protocol.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <vector>

namespace berth::runtime {

namespace {

constexpr auto kErrorName = "CannotStartContainerError"; // what users of ECS know it as
constexpr std::size_t kMaxAnswer = 64 << 10;

struct StartedShim {
    UniqueFd process; // pidfd
    UniqueFd answer;  // reading end of the notify pipe
};

// posix_spawn(3) with its many calls that all answer alike.
class Spawn {
  public:
    Spawn() {
        ::posix_spawn_file_actions_init(&actions_);
        ::posix_spawnattr_init(&attributes_);
        sigset_t all, none;
        ::sigfillset(&all);
        ::sigemptyset(&none);
        keep(::posix_spawnattr_setsigdefault(&attributes_, &all));
        keep(::posix_spawnattr_setsigmask(&attributes_, &none));
        keep(::posix_spawnattr_setflags(&attributes_,
                                        POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK));
    }
    Spawn(const Spawn&) = delete;
    Spawn& operator=(const Spawn&) = delete;
    ~Spawn() {
        ::posix_spawn_file_actions_destroy(&actions_);
        ::posix_spawnattr_destroy(&attributes_);
    }
    void open(int as, const char* path, int flags) {
        keep(::posix_spawn_file_actions_addopen(&actions_, as, path, flags, 0));
    }
    // By way of a copy above all the numbers that the child is given descriptors as.
    Status give(int fd, int as) {
        UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 16));
        if (!copy) return fail_errno(errno, "duplicating descriptor {}", fd);
        keep(::posix_spawn_file_actions_adddup2(&actions_, copy.get(), as));
        copies_.push_back(std::move(copy));
        return {};
    }
    void close_from(int fd) { keep(::posix_spawn_file_actions_addclosefrom_np(&actions_, fd)); }
    Result<int> run(std::vector<std::string> words) {
        std::vector<char*> arguments;
        for (auto& word : words) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        std::array<char*, 1> no_environment = {nullptr};
        int pid = -1;
        if (error_ == 0)
            error_ = ::posix_spawn(&pid, arguments[0], &actions_, &attributes_, arguments.data(),
                                   no_environment.data());
        if (error_ != 0) return fail_errno(error_, "starting {}", words[0]);
        return pid;
    }

  private:
    void keep(int error) {
        if (error_ == 0) error_ = error;
    }
    posix_spawn_file_actions_t actions_;
    posix_spawnattr_t attributes_;
    std::vector<UniqueFd> copies_;
    int error_ = 0;
};

Result<StartedShim> start_shim(const LaunchRequest& request) {
    const auto lock = take_lock(request.directory);
    if (!lock) return fail(lock.error());
    std::array<int, 2> ends = {};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno(errno, "making a pipe");
    StartedShim started{UniqueFd(), UniqueFd(ends[0])};
    const UniqueFd writing(ends[1]);
    Spawn spawn;
    spawn.open(0, "/dev/null", O_RDONLY);
    spawn.open(1, "/dev/null", O_WRONLY);
    spawn.open(2, "/dev/null", O_WRONLY);
    if (auto given = spawn.give(writing.get(), kNotifyFd); !given) return fail(std::move(given.error()));
    if (auto given = spawn.give(lock->get(), kLockFd); !given) return fail(std::move(given.error()));
    const bool has_netns = request.netns >= 0;
    if (has_netns)
        if (auto given = spawn.give(request.netns, kNetnsFd); !given) return fail(std::move(given.error()));
    spawn.close_from(has_netns ? kNetnsFd + 1 : kNetnsFd);
    std::vector<std::string> words = {request.shim_program.string(), request.directory.string(),
                                      std::to_string(kNotifyFd), std::to_string(kLockFd)};
    if (has_netns) words.push_back(std::to_string(kNetnsFd));
    const auto pid = spawn.run(std::move(words));
    if (!pid) return fail(pid.error());
    // Our own child keeps its number until we reap it.
    started.process = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0)));
    if (!started.process) {
        const int error = errno;
        ::kill(*pid, SIGKILL);
        ::waitpid(*pid, nullptr, 0);
        return fail_errno(error, "opening process {}", *pid);
    }
    return started;
}

Result<StatusRecord> parse_answer(const std::string& line) {
    const auto json = parse_json(line);
    if (!json) return fail(json.error(), "reading the answer of berth-shim");
    const auto error = JsonReader(*json, "answer of berth-shim").string("error");
    if (!error) return fail(error.error());
    if (*error) return fail(ErrorCode::io, "{}", **error);
    return status_record_from_json(*json);
}

constexpr auto kEndPatience = std::chrono::seconds(5);

// Of a shim that has said it will end, has been killed, or has closed its pipe.
Async<siginfo_t> reap_at_end(int process) {
    std::ignore = co_await wait_for_end(process, deadline_in(kEndPatience));
    co_return reap(process);
}

Async<Result<std::string>> read_line(int fd, Deadline deadline) {
    std::string line;
    for (std::array<char, 4096> buffer; line.size() < kMaxAnswer;) {
        auto ready = co_await wait_readable(fd, deadline);
        if (!ready) co_return fail(std::move(ready.error()));
        const auto got = ::read(fd, buffer.data(), buffer.size());
        if (got < 0 && errno != EINTR && errno != EAGAIN)
            co_return fail_errno(errno, "reading the answer of berth-shim");
        if (got == 0) break;
        line.append(buffer.data(), got < 0 ? 0 : static_cast<std::size_t>(got));
        if (line.ends_with('\n')) break;
    }
    co_return line;
}

} // namespace

Async<Result<StatusRecord>> launch(LaunchRequest request, Deadline deadline) {
    const auto failed = [&request](Error error) {
        return std::unexpected(std::move(error)
                                   .while_doing("starting " + request.directory.filename().string())
                                   .with_name(kErrorName));
    };
    auto shim = start_shim(request);
    if (!shim) co_return failed(std::move(shim.error()));
    const auto line = co_await read_line(shim->answer.get(), deadline);
    if (!line && line.error().code() == ErrorCode::cancelled)
        co_return fail(line.error()); // we end, the shim goes on: whoever comes next finds it by its lock
    if (!line) {
        // It hangs, perhaps in a mount. Both it and what it started must go before anybody tries again.
        ::syscall(SYS_pidfd_send_signal, shim->process.get(), SIGKILL, nullptr, 0);
        std::ignore = co_await reap_at_end(shim->process.get());
        std::ignore = co_await kill_all(request.directory, deadline_in(kEndPatience));
        co_return failed(line.error());
    }
    if (line->empty()) {
        const auto end = co_await reap_at_end(shim->process.get());
        co_return failed(
            Error(ErrorCode::internal,
                  fmt::format("berth-shim {} {} without an answer",
                              end.si_code == CLD_EXITED ? "ended with code" : "was killed by signal",
                              end.si_status)));
    }
    auto status = parse_answer(*line);
    if (status) co_return status;
    std::ignore = co_await reap_at_end(shim->process.get());
    co_return failed(std::move(status.error()));
}

} // namespace berth::runtime
