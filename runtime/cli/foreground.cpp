// `run` in the foreground: signals and the terminal are passed on until the container ends.
#include "berth/base/files.hpp"
#include "berth/base/scope_exit.hpp"

#include "runtime/cli/commands.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

namespace berth::runtime::cli {

namespace {

sigset_t forwarded_signals() {
    sigset_t set;
    sigfillset(&set);
    // Faults are ours, job control is the shell's, and the end of children is watched otherwise.
    for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGCHLD, SIGPIPE, SIGTTIN,
                             SIGTTOU, SIGTSTP, SIGURG})
        sigdelset(&set, signal);
    return set;
}

void copy_size(int terminal) {
    winsize size = {};
    if (::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) ::ioctl(terminal, TIOCSWINSZ, &size);
}

// Our terminal in raw mode: what is typed is for the container's terminal to interpret.
class RawMode {
  public:
    explicit RawMode(bool wanted) : active_(wanted && ::tcgetattr(STDIN_FILENO, &before_) == 0) {
        if (!active_) return;
        termios raw = before_;
        ::cfmakeraw(&raw);
        ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    RawMode(const RawMode&) = delete;
    RawMode& operator=(const RawMode&) = delete;
    ~RawMode() {
        if (active_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
    }

  private:
    termios before_ = {};
    bool active_;
};

// False: nothing more comes from there.
bool copy_some(int from, int to) {
    std::array<char, 16384> buffer;
    const ssize_t got = ::read(from, buffer.data(), buffer.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return true;
    if (got <= 0) return false;
    return write_all(to, {buffer.data(), static_cast<std::size_t>(got)}, "the terminal").has_value();
}

void forward_signal(int signals, int pidfd, int terminal) {
    signalfd_siginfo info = {};
    if (::read(signals, &info, sizeof info) != sizeof info) return;
    const int signal = static_cast<int>(info.ssi_signo);
    if (signal == SIGWINCH && terminal >= 0)
        copy_size(terminal);
    else
        ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0);
}

Result<int> exit_status(int pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return fail_errno(errno, "waiting for the container's process");
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

} // namespace

void block_signals() {
    const auto set = forwarded_signals();
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
}

Outcome attend_foreground(int pidfd, int pid, int terminal) {
    const auto set = forwarded_signals();
    const UniqueFd signals(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals) return fail_errno(errno, "making a signal descriptor");
    const RawMode raw(terminal >= 0);
    if (terminal >= 0) copy_size(terminal);
    // A negative descriptor is skipped by poll.
    std::array<pollfd, 4> events{{{pidfd, POLLIN, 0},
                                  {signals.get(), POLLIN, 0},
                                  {terminal, POLLIN, 0},
                                  {terminal >= 0 ? STDIN_FILENO : -1, POLLIN, 0}}};
    for (;;) {
        if (::poll(events.data(), events.size(), -1) < 0) {
            if (errno == EINTR) continue;
            return fail_errno(errno, "waiting for the container");
        }
        if (events[1].revents != 0) forward_signal(signals.get(), pidfd, terminal);
        if (events[2].revents != 0 && !copy_some(terminal, STDOUT_FILENO)) events[2].fd = -1;
        if (events[3].revents != 0 && !copy_some(STDIN_FILENO, terminal)) events[3].fd = -1;
        // What it wrote last is still to be copied; the terminal reports its end by an error.
        if (events[0].revents != 0 && (events[2].fd < 0 || events[2].revents == 0)) return exit_status(pid);
    }
}

} // namespace berth::runtime::cli
