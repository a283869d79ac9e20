// Real groups on this machine: limits as the kernel has them, members, freezing, killing, nothing left.
#include "berth/base/scope_exit.hpp"
#include "berth/base/time.hpp"
#include "berth/runtime/cgroup.hpp"

#include "runtime/cgroup/groups.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>

namespace berth::runtime {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

// A process that does `work` once released; killed and reaped in the end.
class Child {
  public:
    explicit Child(std::function<int()> work) {
        std::array<int, 2> gate = {};
        if (::pipe2(gate.data(), O_CLOEXEC) != 0) std::abort();
        pid_ = ::fork();
        if (pid_ == 0) {
            ::close(gate[1]);
            char byte = 0;
            (void)!::read(gate[0], &byte, 1);
            ::_exit(work());
        }
        ::close(gate[0]);
        gate_ = UniqueFd(gate[1]);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            (void)wait();
        }
    }
    int pid() const { return pid_; }
    void release() { gate_.reset(); }
    int wait() {
        int status = 0;
        ::waitpid(std::exchange(pid_, -1), &status, 0);
        return status;
    }

  private:
    int pid_ = -1;
    UniqueFd gate_;
};

int sleep_for_ever() {
    for (;;) ::pause();
}

class CgroupTest : public testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "needs root";
        auto layout = CgroupLayout::detect();
        ASSERT_TRUE(layout) << layout.error().message();
        layout_ = std::move(*layout);
        static std::atomic<int> count = 0;
        path_ = fmt::format("berth-test-{}-{}", ::getpid(), ++count);
    }
    void TearDown() override {
        if (path_.empty()) return;
        const auto group = Cgroup::open(layout_, path_);
        (void)group.kill();
        EXPECT_TRUE(group.remove());
        for (const auto& mount : hierarchies(layout_)) EXPECT_FALSE(fs::exists(mount / path_)) << mount;
    }
    // The same machine as one that has only v2: what of it needs no controller works on hybrid hosts as well.
    void use_v2_only() {
        if (layout_.v2.empty()) GTEST_SKIP() << "needs cgroup v2";
        layout_.v1.clear();
    }
    Cgroup create(std::string_view resources = "null", const std::string& below = "") {
        auto group = Cgroup::create(layout_, path_ + below, Json::parse(resources));
        if (!group)
            throw std::runtime_error(group.error().message());
        return std::move(*group);
    }
    // Content of the file in whichever hierarchy has it.
    std::string value(const std::string& file, const std::string& below = "") {
        for (const auto& mount : hierarchies(layout_))
            if (auto text = read_file(mount / (path_ + below) / file))
                return text->substr(0, text->find('\n'));
        return "missing";
    }

    CgroupLayout layout_;
    std::string path_;
};

TEST_F(CgroupTest, LimitsAreInTheKernelsFiles) {
    const auto group = create(R"({"memory":{"limit":67108864,"swap":67108864,"reservation":33554432},
        "cpu":{"shares":512,"quota":20000,"period":100000},"pids":{"limit":50}})",
                              "/one/two");
    EXPECT_EQ(group.path(), path_ + "/one/two");
    const auto below = "/one/two";
    EXPECT_EQ(value("pids.max", below), "50");
    if (layout_.v1.contains("memory")) {
        EXPECT_EQ(value("memory.limit_in_bytes", below), "67108864");
        EXPECT_EQ(value("memory.memsw.limit_in_bytes", below), "67108864");
        EXPECT_EQ(value("memory.soft_limit_in_bytes", below), "33554432");
        EXPECT_EQ(value("memory.use_hierarchy", below), "1");
    } else {
        EXPECT_EQ(value("memory.max", below), "67108864");
    }
    if (layout_.v1.contains("cpu")) {
        EXPECT_EQ(value("cpu.shares", below), "512");
        EXPECT_EQ(value("cpu.cfs_quota_us", below), "20000");
    } else {
        EXPECT_EQ(value("cpu.max", below), "20000 100000");
    }
    const auto stats = group.stats();
    ASSERT_TRUE(stats);
    EXPECT_EQ(stats->memory_limit_bytes, 67108864U);
    EXPECT_EQ(stats->pids, 0U);
}

TEST_F(CgroupTest, NewGroupsOfACpusetHaveTheCpusOfTheirParent) {
    if (!layout_.v1.contains("cpuset")) GTEST_SKIP() << "v2 inherits by itself";
    create("null", "/one/two");
    const auto root = read_file(layout_.v1.at("cpuset") / "cpuset.cpus");
    EXPECT_EQ(value("cpuset.cpus", "/one/two") + "\n", *root);
    EXPECT_NE(value("cpuset.mems", "/one/two"), "");
}

TEST_F(CgroupTest, LimitsGrowAndShrinkInOneStep) {
    const auto group = create(R"({"memory":{"limit":16777216,"swap":16777216}})");
    const auto both = [](int mib) {
        const auto bytes = std::int64_t{mib} << 20;
        return Json{{"memory", {{"limit", bytes}, {"swap", bytes}}}};
    };
    for (const int mib : {64, 32, 128}) {
        const auto changed = group.set_resources(both(mib));
        ASSERT_TRUE(changed) << changed.error().message();
        EXPECT_EQ(group.stats()->memory_limit_bytes, std::uint64_t(mib) << 20);
    }
    ASSERT_TRUE(group.set_resources(Json::parse(R"({"memory":{"limit":-1}})")));
    EXPECT_EQ(group.stats()->memory_limit_bytes, 0U);
}

TEST_F(CgroupTest, RefusedLimitNamesTheFileAndLeavesNoGroup) {
    const auto group = Cgroup::create(layout_, path_, Json::parse(R"({"cpu":{"cpus":"4000"}})"));
    ASSERT_FALSE(group);
    EXPECT_THAT(group.error().message(), HasSubstr("cpuset.cpus"));
    EXPECT_THAT(group.error().message(), HasSubstr(path_));
    for (const auto& mount : hierarchies(layout_)) EXPECT_FALSE(fs::exists(mount / path_)) << mount;
}

TEST_F(CgroupTest, PathsThatClimbAreRefused) {
    EXPECT_FALSE(Cgroup::create(layout_, "../" + path_, Json()));
    EXPECT_FALSE(Cgroup::open(layout_, "/").populated());
    EXPECT_TRUE(Cgroup::open(layout_, "/").kill());
}

TEST_F(CgroupTest, MembersAreInEveryHierarchyUntilKilled) {
    const auto group = create();
    EXPECT_FALSE(group.populated());
    Child child(sleep_for_ever);
    ASSERT_TRUE(group.add_process(child.pid()));
    const auto membership = read_file(fmt::format("/proc/{}/cgroup", child.pid()));
    std::size_t lines = 0;
    for (std::size_t at = 0; (at = membership->find(":/" + path_ + "\n", at)) != std::string::npos; ++at)
        ++lines;
    EXPECT_EQ(lines, hierarchies(layout_).size()) << *membership;
    EXPECT_THAT(group.processes().value(), ElementsAre(child.pid()));
    EXPECT_TRUE(group.populated());
    EXPECT_EQ(group.stats()->pids, 1U);
    ASSERT_TRUE(group.kill());
    const int status = child.wait();
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
    EXPECT_FALSE(group.populated());
}

TEST_F(CgroupTest, KillsWithoutTheKernelsHelp) {
    layout_.v2.clear(); // no cgroup.kill
    if (layout_.v1.empty()) GTEST_SKIP() << "needs cgroup v1";
    const auto group = create();
    std::array<Child, 3> children = {Child(sleep_for_ever), Child(sleep_for_ever), Child(sleep_for_ever)};
    for (const auto& child : children) ASSERT_TRUE(group.add_process(child.pid()));
    ASSERT_TRUE(group.freeze(true));
    ASSERT_TRUE(group.kill()) << "frozen processes must die, too";
    for (auto& child : children) EXPECT_TRUE(WIFSIGNALED(child.wait()));
    EXPECT_FALSE(group.populated());
}

TEST_F(CgroupTest, FreezesAndThaws) {
    const auto group = create();
    std::array<int, 2> answer = {};
    ASSERT_EQ(::pipe2(answer.data(), O_CLOEXEC), 0);
    const UniqueFd out(answer[0]), in(answer[1]);
    Child child([&] { return ::write(in.get(), "x", 1) == 1 ? 0 : 1; });
    ASSERT_TRUE(group.add_process(child.pid()));
    ASSERT_TRUE(group.freeze(true));
    child.release();
    pollfd ready = {out.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&ready, 1, 50), 0) << "a frozen process wrote";
    ASSERT_TRUE(group.freeze(false));
    EXPECT_EQ(::poll(&ready, 1, 10'000), 1);
}

TEST_F(CgroupTest, OutOfMemoryIsCountedAndTold) {
    const auto group = create(R"({"memory":{"limit":8388608,"swap":8388608}})");
    const auto events = group.oom_events();
    ASSERT_TRUE(events) << events.error().message();
    Child child([] {
        constexpr std::size_t kSize = 64 << 20;
        auto* memory = static_cast<volatile char*>(
            ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        for (std::size_t i = 0; i < kSize; i += 4096) memory[i] = 1;
        return 0;
    });
    ASSERT_TRUE(group.add_process(child.pid()));
    EXPECT_EQ(group.stats()->oom_kills, 0U);
    child.release();
    pollfd ready = {events->get(), POLLIN, 0};
    EXPECT_EQ(::poll(&ready, 1, 10'000), 1);
    EXPECT_TRUE(WIFSIGNALED(child.wait()));
    const auto stats = group.stats();
    EXPECT_EQ(stats->oom_kills, 1U);
    EXPECT_GT(stats->memory_peak_bytes, 7U << 20);
    EXPECT_LE(stats->memory_peak_bytes, 8U << 20);
}

TEST_F(CgroupTest, RemoveTakesSubGroupsAndMissingIsFine) {
    const auto group = create();
    for (const auto& mount : hierarchies(layout_)) ASSERT_TRUE(make_directories(mount / path_ / "a" / "b"));
    EXPECT_TRUE(group.remove());
    for (const auto& mount : hierarchies(layout_)) EXPECT_FALSE(fs::exists(mount / path_));
    EXPECT_TRUE(group.remove());
    EXPECT_TRUE(group.kill());
    EXPECT_FALSE(group.stats());
    EXPECT_THAT(group.processes().value(), SizeIs(0));
}

TEST_F(CgroupTest, ProcessesInSubGroupsCountAndDie) {
    const auto group = create();
    const auto inner = create("null", "/inner");
    Child child(sleep_for_ever);
    ASSERT_TRUE(inner.add_process(child.pid()));
    EXPECT_THAT(group.processes().value(), ElementsAre(child.pid()));
    EXPECT_TRUE(group.populated());
    ASSERT_TRUE(group.kill());
    EXPECT_TRUE(WIFSIGNALED(child.wait()));
}

// Exit code of a process in the group that opens the device node.
int open_device_in(const Cgroup& group, const char* path, int flags) {
    Child child([=] { return UniqueFd(::open(path, flags | O_CLOEXEC)) ? 0 : errno; });
    EXPECT_TRUE(group.add_process(child.pid()));
    child.release();
    return WEXITSTATUS(child.wait());
}

constexpr auto kNullReadOnlyZeroAll = R"({"devices":[{"allow":false,"access":"rwm"},
    {"allow":true,"type":"c","major":1,"minor":3,"access":"r"},{"allow":true,"type":"c","major":1,"minor":5}]})";

void expect_null_read_only_zero_all(const Cgroup& group) {
    EXPECT_EQ(open_device_in(group, "/dev/null", O_RDONLY), 0);
    EXPECT_EQ(open_device_in(group, "/dev/null", O_WRONLY), EPERM);
    EXPECT_EQ(open_device_in(group, "/dev/null", O_RDWR), EPERM);
    EXPECT_EQ(open_device_in(group, "/dev/zero", O_RDWR), 0);
    EXPECT_EQ(open_device_in(group, "/dev/urandom", O_RDONLY), EPERM);
}

TEST_F(CgroupTest, DeviceRulesBite) { expect_null_read_only_zero_all(create(kNullReadOnlyZeroAll)); }

TEST_F(CgroupTest, DeviceRulesBiteOnV2AndCanBeReplaced) {
    use_v2_only();
    const auto group = create(kNullReadOnlyZeroAll);
    expect_null_read_only_zero_all(group);
    // Everything but reading of random: a denial matches when any access asked for is in it.
    ASSERT_TRUE(group.set_resources(Json::parse(
        R"({"devices":[{"allow":true,"access":"rwm"},{"allow":false,"type":"c","major":1,"minor":9,"access":"r"}]})")));
    EXPECT_EQ(open_device_in(group, "/dev/null", O_RDWR), 0);
    EXPECT_EQ(open_device_in(group, "/dev/urandom", O_RDWR), EPERM);
    EXPECT_EQ(open_device_in(group, "/dev/urandom", O_WRONLY), 0);
}

TEST_F(CgroupTest, V2AloneKillsFreezesAndRemoves) {
    use_v2_only();
    const auto group = create("null", "/one");
    EXPECT_TRUE(group.v2_fd());
    Child child(sleep_for_ever);
    ASSERT_TRUE(group.add_process(child.pid()));
    ASSERT_TRUE(group.freeze(true));
    ASSERT_TRUE(group.kill());
    EXPECT_TRUE(WIFSIGNALED(child.wait()));
    EXPECT_FALSE(group.populated());
}

TEST_F(CgroupTest, V2ControllersAreEnabledOnTheWayDown) {
    if (layout_.v2_controllers.empty()) GTEST_SKIP() << "needs a controller on cgroup v2";
    const auto controller = layout_.v2_controllers.front();
    const auto root = layout_.v2 / "cgroup.subtree_control";
    const bool was_on = read_file(root)->find(controller) != std::string::npos;
    ScopeExit restore([&] {
        (void)Cgroup::open(layout_, path_).remove();
        if (!was_on) (void)write_control_file(root, "-" + controller);
    });
    create("null", "/one/two");
    enable_controllers(layout_, path_ + "/one/two", {controller});
    EXPECT_THAT(*read_file(layout_.v2 / path_ / "one/two/cgroup.controllers"), HasSubstr(controller));
}

} // namespace
} // namespace berth::runtime
