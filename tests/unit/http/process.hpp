// A child process whose output the test reads on its event loop; killed and reaped when the object goes.
#pragma once

#include "berth/base/unique_fd.hpp"

#include "loop.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

namespace berth::test {

class Process {
  public:
    explicit Process(std::vector<std::string> words) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::system_category(), "pipe2");
        output_ = UniqueFd(ends[0]);
        UniqueFd write_end(ends[1]);
        std::vector<char*> arguments;
        for (std::string& word : words) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&actions, write_end.get(), 1);
        const int error = posix_spawnp(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ);
        posix_spawn_file_actions_destroy(&actions);
        if (error != 0) throw std::system_error(error, std::system_category(), words[0]);
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process() {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }

    // Everything it writes until it ends.
    Async<std::string> output() { return read(output_.get(), '\0'); }
    // Its next line.
    Async<std::string> line() { return read(output_.get(), '\n'); }

  private:
    static Async<std::string> read(int fd, char end) {
        asio::posix::stream_descriptor stream(co_await asio::this_coro::executor, dup(fd));
        std::string text;
        char byte = 0;
        while (true) {
            auto [error, bytes] = co_await stream.async_read_some(asio::buffer(&byte, 1), kTuple);
            if (error || byte == end) co_return text;
            text += byte;
        }
    }
    UniqueFd output_;
    pid_t pid_ = -1;
};

inline std::string program_path() { return std::filesystem::read_symlink("/proc/self/exe"); }

// A directory that goes with the object.
class TempDir {
  public:
    TempDir() {
        std::string name = std::filesystem::temp_directory_path() / "berth-http-XXXXXX";
        if (mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::system_category(), name);
        path_ = name;
    }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    ~TempDir() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    std::string operator/(const std::string& name) const { return path_ / name; }

  private:
    std::filesystem::path path_;
};

} // namespace berth::test
