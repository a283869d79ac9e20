// Starting programs with their output in a pipe.
#include "tests/integration/images/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>

namespace berth::images::test {

namespace {

constexpr int kPatienceMs = 60'000;

pid_t start(const std::vector<std::string>& command, UniqueFd& output) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
    output = UniqueFd(ends[0]);
    const UniqueFd write_end(ends[1]);
    std::vector<char*> arguments;
    for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const pid_t pid = ::fork();
    if (pid < 0) throw std::runtime_error("fork failed");
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::dup2(write_end.get(), STDOUT_FILENO);
        ::dup2(write_end.get(), STDERR_FILENO);
        ::execvp(arguments[0], arguments.data());
        ::_exit(127);
    }
    return pid;
}

int wait_for(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

} // namespace

std::string run(const std::vector<std::string>& command) {
    UniqueFd output;
    const auto pid = start(command, output);
    std::string text;
    std::array<char, 4096> buffer;
    for (ssize_t got = 0; (got = ::read(output.get(), buffer.data(), buffer.size())) > 0;)
        text.append(buffer.data(), static_cast<std::size_t>(got));
    if (wait_for(pid) != 0) throw std::runtime_error(command[0] + " failed: " + text);
    return text;
}

Process::Process(const std::vector<std::string>& command) : pid_(start(command, output_)) {}

Process::~Process() {
    kill();
    if (drain_.joinable()) drain_.join();
}

void Process::kill() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    wait_for(std::exchange(pid_, -1));
}

std::string Process::read_line() {
    for (;;) {
        if (const auto end = pending_.find('\n'); end != std::string::npos) {
            auto line = pending_.substr(0, end);
            pending_.erase(0, end + 1);
            return line;
        }
        pollfd ready{.fd = output_.get(), .events = POLLIN, .revents = 0};
        if (::poll(&ready, 1, kPatienceMs) <= 0) throw std::runtime_error("no output: " + pending_);
        std::array<char, 4096> buffer;
        const auto got = ::read(output_.get(), buffer.data(), buffer.size());
        if (got <= 0) throw std::runtime_error("the program ended: " + pending_);
        pending_.append(buffer.data(), static_cast<std::size_t>(got));
    }
}

void Process::drain() {
    drain_ = std::thread([fd = output_.get()] {
        std::array<char, 4096> buffer;
        while (::read(fd, buffer.data(), buffer.size()) > 0) {
        }
    });
}

} // namespace berth::images::test
