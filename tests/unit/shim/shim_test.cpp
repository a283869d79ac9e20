// Containers under the real berth-shim on this kernel: ends, signals, logs, limits, and nothing left behind.
#include "containers.hpp"
#include "runtime/shim/directory.hpp"

#include <gmock/gmock.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

namespace berth::runtime {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class Shim : public test::Containers {};

TEST_F(Shim, RecordsTheExitCodeAndEveryLine) {
    const auto directory = make("echo one; echo two >&2; printf three; exit 3");
    const auto status = launch(directory);
    EXPECT_GT(status.pid, 0);
    EXPECT_EQ(status.cgroup, cgroup_path(directory));
    const auto exit = wait(directory, status);
    EXPECT_EQ(exit.exit_code, 3);
    EXPECT_EQ(exit.signal, 0);
    EXPECT_FALSE(exit.oom_killed);
    EXPECT_GT(exit.peak_memory_bytes, 0U);
    EXPECT_GE(exit.finished_at, status.started_at);
    EXPECT_THAT(lines(directory), ElementsAre("one", "three"));
    EXPECT_THAT(lines(directory, true), ElementsAre("two"));
    const auto found = inspect(directory);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->found, Found::exited);
    EXPECT_EQ(found->exit->exit_code, 3);
}

TEST_F(Shim, SignalsReachTheContainer) {
    const auto directory = make("trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done");
    const auto status = launch(directory);
    wait_for_lines(directory, 1);
    ASSERT_TRUE(send_signal(status, SIGTERM));
    EXPECT_EQ(wait(directory, status).exit_code, 7);
    EXPECT_TRUE(send_signal(status, SIGTERM)) << "already gone is success";
}

TEST_F(Shim, DeathBySignalIs128AndTheSignal) {
    const auto directory = make_running({"/bin/sleep", "1000"});
    const auto status = launch(directory);
    ASSERT_TRUE(send_signal(status, SIGKILL));
    const auto exit = wait(directory, status);
    EXPECT_EQ(exit.exit_code, 137);
    EXPECT_EQ(exit.signal, SIGKILL);
    EXPECT_FALSE(exit.oom_killed);
}

TEST_F(Shim, SignalsAreNotSentToAnotherProcessOfTheSameNumber) {
    StatusRecord status;
    status.pid = ::getpid();
    status.boot_id = *boot_id();
    status.pid_start_ticks = *start_ticks(::getpid()) + 1;
    EXPECT_TRUE(send_signal(status, SIGKILL));
    status.pid_start_ticks -= 1;
    status.boot_id = "of an earlier boot";
    EXPECT_TRUE(send_signal(status, SIGKILL));
}

TEST_F(Shim, OutOfMemoryIsTold) {
    const auto directory = make_running({"/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=200M", "count=1"});
    const auto exit = launch_and_wait(directory);
    EXPECT_EQ(exit.exit_code, 137);
    EXPECT_EQ(exit.signal, SIGKILL);
    EXPECT_TRUE(exit.oom_killed);
    EXPECT_GT(exit.peak_memory_bytes, 60U << 20);
}

TEST_F(Shim, OutOfMemoryOfAChildIsToldAlthoughTheContainerWentOn) {
    const auto exit = launch_and_wait(make("dd if=/dev/zero of=/dev/null bs=200M count=1; exit 0"));
    EXPECT_EQ(exit.exit_code, 0);
    EXPECT_TRUE(exit.oom_killed);
}

TEST_F(Shim, LongLinesAndBinaryOutputAreKept) {
    const auto directory = make("head -c 1048576 /dev/zero | tr '\\0' x; echo; printf 'a\\000b\\377\\r\\n'");
    EXPECT_EQ(launch_and_wait(directory).exit_code, 0);
    const auto read = lines(directory);
    ASSERT_THAT(read, SizeIs(2));
    EXPECT_EQ(read[0], std::string(1 << 20, 'x'));
    EXPECT_EQ(read[1], std::string("a\0b\377\r", 5));
}

TEST_F(Shim, EveryLineOfAFloodIsKept) {
    const auto directory = make("seq 1 100000; seq 1 1000 >&2");
    EXPECT_EQ(launch_and_wait(directory).exit_code, 0);
    const auto read = lines(directory);
    ASSERT_THAT(read, SizeIs(100'000));
    for (std::size_t i = 0; i < read.size(); ++i) ASSERT_EQ(read[i], std::to_string(i + 1));
    EXPECT_THAT(lines(directory, true), SizeIs(1000));
}

TEST_F(Shim, LogIsRotated) {
    const auto directory = make("seq 1 100000");
    auto config = shim_config(directory);
    config.log_segment_bytes = 100'000;
    config.log_segments = 2;
    write_shim_config(directory, config);
    EXPECT_EQ(launch_and_wait(directory).exit_code, 0);
    std::uintmax_t bytes = 0;
    for (const auto& file : fs::directory_iterator(directory / kLogDirectory)) bytes += file.file_size();
    EXPECT_LE(bytes, 200'000U);
    EXPECT_EQ(lines(directory).back(), "100000");
}

TEST_F(Shim, TerminalOutputIsLogged) {
    const auto directory =
        make("test -t 0 && test -t 1 && echo on a terminal; exit 4", R"({"process":{"terminal":true}})");
    auto config = shim_config(directory);
    config.terminal = true;
    write_shim_config(directory, config);
    EXPECT_EQ(launch_and_wait(directory).exit_code, 4);
    EXPECT_THAT(lines(directory), ElementsAre("on a terminal\r"));
}

TEST_F(Shim, NothingIsStartedTwice) {
    const auto directory = make_running({"/bin/sleep", "1000"});
    const auto status = launch(directory);
    auto again = test::run(runtime::launch(request(directory), test::soon()));
    ASSERT_FALSE(again);
    EXPECT_THAT(again.error().message(), HasSubstr("already running"));
    EXPECT_EQ(again.error().name(), "CannotStartContainerError");
    EXPECT_EQ(inspect(directory)->found, Found::running);
    ASSERT_TRUE(send_signal(status, SIGKILL));
    wait(directory, status);
    again = test::run(runtime::launch(request(directory), test::soon()));
    ASSERT_FALSE(again);
    EXPECT_THAT(again.error().message(), HasSubstr("has run already"));
}

TEST_F(Shim, FailedStartSaysWhyAndLeavesNothing) {
    const auto directory = make_running({"/bin/missing"});
    const auto status = test::run(runtime::launch(request(directory), test::soon()));
    ASSERT_FALSE(status);
    EXPECT_THAT(status.error().message(), HasSubstr("/bin/missing"));
    EXPECT_EQ(status.error().name(), "CannotStartContainerError");
    EXPECT_EQ(inspect(directory)->found, Found::never_started);
}

TEST_F(Shim, MissingProgramAndConfigurationAreNamed) {
    const auto directory = make("true");
    auto launch_of = request(directory);
    launch_of.shim_program = "/nowhere/berth-shim";
    auto status = test::run(runtime::launch(launch_of, test::soon()));
    ASSERT_FALSE(status);
    EXPECT_THAT(status.error().message(), HasSubstr("/nowhere/berth-shim"));
    fs::remove(directory / kShimFile);
    status = test::run(runtime::launch(request(directory), test::soon()));
    ASSERT_FALSE(status);
    EXPECT_THAT(status.error().message(), HasSubstr("shim.json"));
    ASSERT_TRUE(write_file_atomic(directory / kShimFile, R"({"id": 7})"));
    status = test::run(runtime::launch(request(directory), test::soon()));
    ASSERT_FALSE(status);
    EXPECT_THAT(status.error().message(), HasSubstr("shim.json.id: expected a string"));
}

TEST_F(Shim, OneThatHangsIsKilledAtTheDeadline) {
    const auto directory = make("true");
    const auto program = root_.path() / "hangs";
    ASSERT_TRUE(write_file_atomic(program, "#!/bin/sh\nexec sleep 1000\n", 0755));
    auto launch_of = request(directory);
    launch_of.shim_program = program;
    const auto status = test::run(runtime::launch(launch_of, deadline_in(std::chrono::milliseconds(100))));
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code(), ErrorCode::timeout); // and TearDown finds no child
}

TEST_F(Shim, LimitsAreInForce) {
    const auto directory =
        make("cat /proc/self/cgroup; echo done; sleep 1000",
             R"({"linux":{"resources":{"cpu":{"shares":512,"quota":50000,"period":100000}}}})");
    const auto status = launch(directory);
    wait_for_lines(directory, 1);
    const auto stats = group(directory).stats();
    ASSERT_TRUE(stats);
    EXPECT_EQ(stats->memory_limit_bytes, 67'108'864U);
    const auto value = [&](const char* controller, const char* v1_file, const char* v2_file) {
        const auto v1 = layout_.v1.find(controller);
        const auto file = (v1 == layout_.v1.end() ? layout_.v2 : v1->second) / cgroup_path(directory) /
                          (v1 == layout_.v1.end() ? v2_file : v1_file);
        return read_file(file).value_or("missing\n");
    };
    EXPECT_THAT(value("cpu", "cpu.cfs_quota_us", "cpu.max"), HasSubstr("50000"));
    EXPECT_EQ(value("pids", "pids.max", "pids.max"), "300\n");
    ASSERT_TRUE(test::run(kill_all(directory, test::soon())));
    EXPECT_EQ(wait(directory, status).exit_code, 137);
}

TEST_F(Shim, KillAllEndsAForkBomb) {
    const auto directory = make("echo go; while :; do sleep 1000 & done 2>/dev/null");
    const auto status = launch(directory);
    wait_for_lines(directory, 1);
    ASSERT_TRUE(test::run(kill_all(directory, test::soon())));
    EXPECT_FALSE(group(directory).populated());
    EXPECT_EQ(wait(directory, status).exit_code, 137);
}

constexpr auto kHostPids = R"({"linux":{"namespaces":[{"type":"mount"},{"type":"cgroup"}]}})";

TEST_F(Shim, ProcessesThatOutliveTheInitAreKilled) {
    const auto directory = make("setsid sleep 1000 & echo $!; exit 5", kHostPids);
    const auto status = launch(directory);
    const auto exit = wait(directory, status);
    EXPECT_EQ(exit.exit_code, 5);
    const auto orphan = std::stoi(wait_for_lines(directory, 1).at(0));
    EXPECT_FALSE(start_ticks(orphan)) << "process " << orphan << " lives";
}

TEST_F(Shim, SomebodyElseHoldingTheOutputDoesNotHoldTheEnd) {
    const auto directory = make_running({"/bin/sleep", "1000"});
    const auto status = launch(directory);
    const auto pipe = open_file(fmt::format("/proc/{}/fd/1", status.pid), O_WRONLY);
    ASSERT_TRUE(pipe) << pipe.error().message();
    ASSERT_TRUE(write_all(pipe->get(), "from outside", "pipe"));
    ASSERT_TRUE(send_signal(status, SIGTERM));
    ASSERT_TRUE(send_signal(status, SIGKILL)); // the init of a pid namespace may ignore the first
    wait(directory, status);
    EXPECT_THAT(lines(directory), ElementsAre("from outside"));
}

TEST_F(Shim, GoesWhereItIsToldAndKeepsNothingOfTheAgent) {
    const auto directory = make_running({"/bin/sleep", "1000"});
    auto config = shim_config(directory);
    config.shim_cgroup = groups_ + "/shims";
    write_shim_config(directory, config);
    const auto mine = open_file("/proc/self/maps", O_RDONLY);
    const int inheritable = ::dup(mine->get());
    const auto status = launch(directory);
    ::close(inheritable);
    EXPECT_THAT(*read_file(fmt::format("/proc/{}/cgroup", status.shim_pid)), HasSubstr(config.shim_cgroup));
    EXPECT_THAT(*read_file(fmt::format("/proc/{}/cgroup", status.pid)), Not(HasSubstr(config.shim_cgroup)));
    EXPECT_EQ(::getsid(status.shim_pid), status.shim_pid);
    for (const int pid : {status.shim_pid, status.pid})
        for (const auto& fd : fs::directory_iterator(fmt::format("/proc/{}/fd", pid))) {
            const auto target = fs::read_symlink(fd).string();
            EXPECT_THAT(target, Not(HasSubstr("/maps")));
            if (pid == status.pid) EXPECT_THAT(target, AnyOf("/dev/null", HasSubstr("pipe:")));
        }
    ASSERT_TRUE(send_signal(status, SIGKILL));
    wait(directory, status);
    EXPECT_TRUE(Cgroup::open(layout_, config.shim_cgroup).remove());
}

TEST_F(Shim, NothingToRemoveIsSuccess) {
    EXPECT_TRUE(remove_traces(root_.path() / "containers" / "never"));
    EXPECT_EQ(inspect(root_.path() / "containers" / "never")->found, Found::never_started);
}

} // namespace
} // namespace berth::runtime
