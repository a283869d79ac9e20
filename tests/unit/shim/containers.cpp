// Containers for tests of the shim.
#include "containers.hpp"

#include "runtime/shim/directory.hpp"

#include <poll.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

namespace berth::test {

using namespace runtime;

namespace {

constexpr auto kConfig = R"({
  "ociVersion": "1.0.2",
  "process": {"cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}},
  "root": {"path": "rootfs"},
  "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
             {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
             {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
              "options": ["newinstance", "ptmxmode=0666", "mode=0620"]}],
  "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}, {"type": "network"},
                           {"type": "cgroup"}],
            "resources": {"memory": {"limit": 67108864, "swap": 67108864}, "pids": {"limit": 300}}}})";

bool is_gone(const CgroupLayout& layout, const std::string& path) {
    bool gone = layout.v2.empty() || !fs::exists(layout.v2 / path);
    for (const auto& [controller, mount] : layout.v1) gone = gone && !fs::exists(mount / path);
    return gone;
}

} // namespace

void Containers::SetUp() {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    auto layout = CgroupLayout::detect();
    ASSERT_TRUE(layout) << layout.error().message();
    layout_ = std::move(*layout);
    groups_ = root_.path().filename();
}

void Containers::TearDown() {
    if (groups_.empty()) return;
    for (int i = 1; i <= count_; ++i) {
        const auto directory = root_.path() / "containers" / std::to_string(i);
        EXPECT_TRUE(is_gone(layout_, cgroup_path(directory))) << "cgroups of container " << i;
        std::ignore = run(kill_all(directory, soon()));
        EXPECT_TRUE(remove_traces(directory));
        const auto locked = is_locked(directory);
        EXPECT_TRUE(locked && !*locked) << "a shim of container " << i << " lives";
    }
    std::ignore = Cgroup::open(layout_, groups_).remove();
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "children are left";
    const auto mounts = read_file("/proc/self/mountinfo");
    EXPECT_EQ(mounts->find(root_.path().string()), std::string::npos) << *mounts;
}

fs::path Containers::make(const std::string& script, const std::string& changes) {
    return make_running({"/bin/sh", "-c", script}, changes);
}

fs::path Containers::make_running(const std::vector<std::string>& arguments, const std::string& changes) {
    const auto directory = root_.path() / "containers" / std::to_string(++count_);
    const auto rootfs = directory / "bundle/rootfs";
    for (const auto* name : {"bin", "proc", "dev", "sys", "tmp"}) fs::create_directories(rootfs / name);
    fs::copy_file("/bin/busybox", rootfs / "bin/busybox");
    for (const auto* name : {"sh", "cat", "dd", "echo", "head", "sleep", "seq", "setsid", "tr", "true"})
        fs::create_symlink("busybox", rootfs / "bin" / name);
    auto config = Json::parse(kConfig);
    config["process"]["args"] = arguments;
    config["linux"]["cgroupsPath"] = cgroup_path(directory);
    config.merge_patch(Json::parse(changes));
    EXPECT_TRUE(write_file_atomic(directory / kConfigFile, dump_json(config)));
    write_shim_config(directory, shim_config(directory));
    return directory;
}

ShimConfig Containers::shim_config(const fs::path& directory) const {
    ShimConfig config;
    config.id = ContainerId(directory.filename());
    return config;
}

void Containers::write_shim_config(const fs::path& directory, const ShimConfig& config) const {
    EXPECT_TRUE(write_file_atomic(directory / kShimFile, dump_json(to_json(config))));
}

LaunchRequest Containers::request(const fs::path& directory) const {
    LaunchRequest request;
    request.shim_program = BERTH_SHIM_PROGRAM;
    request.directory = directory;
    return request;
}

StatusRecord Containers::launch(const fs::path& directory) const {
    auto status = run(runtime::launch(request(directory), soon()));
    if (!status) throw std::runtime_error(status.error().message());
    return std::move(*status);
}

ExitRecord Containers::wait(const fs::path& directory, const StatusRecord& status) const {
    const auto exit = run(wait_exit(directory, status));
    if (!exit) throw std::runtime_error(exit.error().message());
    return *exit;
}

ExitRecord Containers::launch_and_wait(const fs::path& directory) const {
    return wait(directory, launch(directory));
}

std::vector<std::string> Containers::lines(const fs::path& directory, bool is_stderr) const {
    std::vector<std::string> lines;
    bool continued = false;
    SpoolPosition at;
    for (bool more = true; more;) {
        auto batch = read_spool(directory / kLogDirectory, at, 1 << 20);
        if (!batch) throw std::runtime_error(batch.error().message());
        for (const auto& line : batch->lines) {
            if (line.is_stderr != is_stderr) continue;
            if (!continued) lines.emplace_back();
            lines.back() += line.text;
            continued = line.partial;
        }
        at = batch->next;
        more = batch->more;
    }
    return lines;
}

std::vector<std::string> Containers::wait_for_lines(const fs::path& directory, std::size_t count) const {
    const UniqueFd events(::inotify_init1(IN_CLOEXEC));
    ::inotify_add_watch(events.get(), (directory / kLogDirectory).c_str(), IN_MODIFY | IN_CREATE);
    for (auto found = lines(directory);; found = lines(directory)) {
        if (found.size() >= count) return found;
        pollfd ready = {events.get(), POLLIN, 0};
        if (::poll(&ready, 1, 30'000) != 1)
            throw std::runtime_error("the container does not write its lines");
        std::array<char, 4096> ignored;
        (void)!::read(events.get(), ignored.data(), ignored.size());
    }
}

Cgroup Containers::group(const fs::path& directory) const {
    return Cgroup::open(layout_, cgroup_path(directory));
}

std::string Containers::cgroup_path(const fs::path& directory) const {
    return groups_ + "/" + directory.filename().string();
}

} // namespace berth::test
