// Starting, watching and ending a child process.
#include "tests/integration/cluster/child.hpp"

#include "berth/base/files.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace berth::test {
namespace {

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (std::string& text : texts) pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
}

// Reads what is there now; true at the end.
bool drain(int fd, std::string& text) {
    char buffer[4096];
    const auto count = ::read(fd, buffer, sizeof buffer);
    if (count > 0) text.append(buffer, static_cast<std::size_t>(count));
    return count == 0;
}

} // namespace

Child::Child(const std::vector<std::string>& arguments,
             const std::map<std::string, std::string>& environment) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
    out_.reset(ends[0]);
    const UniqueFd out(ends[1]);
    err_.reset(memfd_create("stderr", MFD_CLOEXEC));

    auto argv_texts = arguments;
    const char* path = std::getenv("PATH");
    std::vector<std::string> env_texts{std::string("PATH=") + (path ? path : "/usr/bin:/bin")};
    for (const char* kept : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"})
        if (const char* value = std::getenv(kept)) env_texts.push_back(std::string(kept) + "=" + value);
    for (const auto& [name, value] : environment) env_texts.push_back(name + "=" + value);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out.get(), 1);
    posix_spawn_file_actions_adddup2(&actions, err_.get(), 2);
    const int error = posix_spawnp(&pid_, argv_texts.front().c_str(), &actions, nullptr,
                                   pointers_to(argv_texts).data(), pointers_to(env_texts).data());
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::runtime_error("cannot start " + arguments.front());
    pidfd_.reset(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
}

Child::~Child() {
    if (reaped_ || pid_ < 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
}

void Child::signal(int number) const { kill(pid_, number); }

Async<std::string> Child::first_line(Deadline deadline) {
    while (!text_.contains('\n')) {
        if (!co_await wait_readable(out_.get(), deadline) || drain(out_.get(), text_))
            throw std::runtime_error("the program said nothing: " + errors());
    }
    co_return text_.substr(0, text_.find('\n'));
}

Async<Outcome> Child::wait(Deadline deadline) {
    Outcome outcome;
    do {
        if (!co_await wait_readable(out_.get(), deadline))
            throw std::runtime_error("the program does not end");
    } while (!drain(out_.get(), text_));
    if (!co_await wait_readable(pidfd_.get(), deadline)) throw std::runtime_error("the program does not end");
    int status = 0;
    waitpid(pid_, &status, 0);
    reaped_ = true;
    outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    outcome.out = text_;
    outcome.err = errors();
    co_return outcome;
}

std::string Child::errors() const {
    const int copy = dup(err_.get());
    const UniqueFd owner(copy);
    lseek(copy, 0, SEEK_SET);
    auto text = read_fd(copy, "stderr");
    lseek(copy, 0, SEEK_END);
    return text.value_or("");
}

} // namespace berth::test
