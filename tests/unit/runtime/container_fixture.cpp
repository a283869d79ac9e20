// Fixture for tests with real containers.
#include "container_fixture.hpp"

#include "berth/base/encoding.hpp"
#include "berth/runtime/cgroup.hpp"

#include "runtime/spec/spec.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>

namespace berth::runtime::testing {

namespace {

constexpr int kAMinute = 60'000;

struct Pipe {
    UniqueFd read, write;
};
Pipe make_pipe() {
    std::array<int, 2> ends = {};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// Both pipes to their ends.
void collect(const Pipe& output, const Pipe& errors, Outcome& outcome) {
    std::array<pollfd, 2> events{{{output.read.get(), POLLIN, 0}, {errors.read.get(), POLLIN, 0}}};
    while (events[0].fd >= 0 || events[1].fd >= 0) {
        if (::poll(events.data(), events.size(), kAMinute) <= 0) {
            ADD_FAILURE() << "no end after a minute";
            return;
        }
        for (std::size_t i = 0; i < 2; ++i) {
            if (events[i].revents == 0) continue;
            std::array<char, 4096> buffer;
            const auto got = ::read(events[i].fd, buffer.data(), buffer.size());
            auto& text = i == 0 ? outcome.output : outcome.errors;
            if (got > 0)
                text.append(buffer.data(), static_cast<std::size_t>(got));
            else
                events[i].fd = -1;
        }
    }
}

} // namespace

TemporaryDirectory::TemporaryDirectory() {
    std::string name = "/tmp/berth-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
}
TemporaryDirectory::~TemporaryDirectory() { std::ignore = remove_tree(path_); }

int wait_for_exit(int pid) {
    int status = 0;
    if (::waitpid(pid, &status, 0) != pid) return -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

Outcome run_program(const std::vector<std::string>& args, const fs::path& directory) {
    // Files, not pipes: a container that lives on keeps them open.
    const UniqueFd output(::memfd_create("output", MFD_CLOEXEC)),
        errors(::memfd_create("errors", MFD_CLOEXEC));
    std::vector<char*> pointers;
    for (const auto& arg : args) pointers.push_back(const_cast<char*>(arg.c_str()));
    pointers.push_back(nullptr);
    const int pid = ::fork();
    if (pid == 0) {
        const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        ::dup2(null.get(), 0);
        ::dup2(output.get(), 1);
        ::dup2(errors.get(), 2);
        if (::chdir(directory.c_str()) == 0) ::execvp(pointers[0], pointers.data());
        ::_exit(127);
    }
    const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    pollfd ended{pidfd.get(), POLLIN, 0};
    if (::poll(&ended, 1, kAMinute) != 1) {
        ADD_FAILURE() << args[0] << " has not ended after a minute";
        ::kill(pid, SIGKILL);
    }
    Outcome outcome;
    outcome.status = wait_for_exit(pid);
    ::lseek(output.get(), 0, SEEK_SET);
    ::lseek(errors.get(), 0, SEEK_SET);
    outcome.output = read_fd(output.get(), "output").value_or("");
    outcome.errors = read_fd(errors.get(), "errors").value_or("");
    return outcome;
}

std::string text_of(const fs::path& path) {
    auto text = read_file(path);
    EXPECT_TRUE(text) << (text ? "" : text.error().message());
    return text.value_or("");
}

ContainerTest::ContainerTest() : config(example_spec()), id_("test-" + random_hex(12)) {
    for (const auto* name : {"bin", "etc", "proc", "dev", "sys"})
        EXPECT_TRUE(make_directories(rootfs() / name));
    fs::copy_file("/bin/busybox", rootfs() / "bin/busybox");
    for (const auto* name :
         {"sh",   "cat",  "ls",      "id",   "true", "grep",     "readlink", "hostname", "mount", "sleep",
          "stat", "head", "tty",     "env",  "pwd",  "mkdir",    "mknod",    "ps",       "wc",    "sort",
          "tr",   "stty", "unshare", "kill", "dd",   "ifconfig", "touch",    "dirname"})
        fs::create_symlink("busybox", rootfs() / "bin" / name);
    config["process"]["terminal"] = false;
    config["root"]["readonly"] = false;
    set_script("true");
}

ContainerTest::~ContainerTest() { // only there when a test failed
    const auto layout = CgroupLayout::detect();
    if (!layout) return;
    const auto group = Cgroup::open(*layout, "berth/" + id_);
    std::ignore = group.kill();
    std::ignore = group.remove();
}

void ContainerTest::write_config() const {
    ASSERT_TRUE(write_file_atomic(bundle() / "config.json", dump_json(config), 0644, false));
}

void ContainerTest::set_script(const std::string& script) {
    config["process"]["args"] = {"sh", "-c", script};
}

void ContainerTest::remove_mount(const std::string& destination) {
    auto& mounts = config["mounts"];
    for (auto mount = mounts.begin(); mount != mounts.end(); ++mount)
        if ((*mount)["destination"] == destination) {
            mounts.erase(mount);
            return;
        }
}

void ContainerTest::add_mount(const std::string& destination, const std::string& type,
                              const std::string& source, std::vector<std::string> options) {
    config["mounts"].push_back(
        {{"destination", destination}, {"type", type}, {"source", source}, {"options", std::move(options)}});
}

CreateOptions ContainerTest::options() const {
    CreateOptions options;
    options.id = id_;
    options.bundle = bundle();
    return options;
}

Result<std::unique_ptr<Created>> ContainerTest::create_it(const CreateOptions& given) {
    write_config();
    return create(given);
}

Outcome ContainerTest::run(const std::string& script) {
    set_script(script);
    return run(options());
}

Outcome ContainerTest::run(const CreateOptions& given) {
    auto output = make_pipe(), errors = make_pipe();
    auto with_pipes = given;
    const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    with_pipes.stdio = {null.get(), output.write.get(), errors.write.get()};
    Outcome outcome;
    auto created = create_it(with_pipes);
    output.write.reset();
    errors.write.reset();
    EXPECT_TRUE(created) << (created ? "" : created.error().message());
    if (!created) return outcome;
    const auto started = (*created)->start();
    EXPECT_TRUE(started) << (started ? "" : started.error().message());
    if (!started) return outcome;
    collect(output, errors, outcome);
    outcome.status = wait_for_exit((*created)->pid());
    if (const auto layout = CgroupLayout::detect()) {
        const auto removed = Cgroup::open(*layout, (*created)->cgroup_path()).remove();
        EXPECT_TRUE(removed) << (removed ? "" : removed.error().message());
    }
    return outcome;
}

std::string ContainerTest::failure() {
    auto created = create_it(options());
    if (!created) return created.error().message();
    const auto started = (*created)->start();
    if (!started) return started.error().message();
    ADD_FAILURE() << "it started";
    ::kill((*created)->pid(), SIGKILL);
    wait_for_exit((*created)->pid());
    return {};
}

std::vector<std::string> ContainerTest::cgroups() const {
    std::vector<std::string> found;
    const auto layout = CgroupLayout::detect();
    if (!layout) return found;
    std::vector<fs::path> mounts{layout->v2};
    for (const auto& [controller, mount] : layout->v1) mounts.push_back(mount);
    for (const auto& mount : mounts)
        if (!mount.empty() && fs::exists(mount / "berth" / id_)) found.push_back(mount.string());
    return found;
}

} // namespace berth::runtime::testing
