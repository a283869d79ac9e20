// Agents and shims that are killed: whoever comes next finds out what is true.
#include "containers.hpp"
#include "runtime/shim/directory.hpp"
#include "runtime/shim/end_of_process.hpp"

#include <gmock/gmock.h>

#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <csignal>

namespace berth::runtime {
namespace {

class Crash : public test::Containers {
  protected:
    // Another process launches the container, as an agent that dies afterwards (or before, if it is killed).
    int fork_agent(const fs::path& directory) const {
        const int agent = ::fork();
        if (agent == 0) {
            const auto status = test::run(runtime::launch(request(directory), test::soon()));
            ::_exit(status ? 0 : 1);
        }
        return agent;
    }
    static bool is_alive(int pid) {
        const auto text = read_file(fmt::format("/proc/{}/stat", pid)).value_or("");
        return !text.empty() && text.find(") Z ") == std::string::npos; // zombies are init's, not ours
    }
    static void wait_for_end_of(const StatusRecord& status) {
        const auto process = open_process(status.shim_pid, status.shim_start_ticks, status.boot_id);
        if (!process || !*process) return;
        const auto waiting = [](int fd) -> Async<Status> {
            co_return co_await wait_readable(fd, test::soon());
        };
        EXPECT_TRUE(test::run(waiting(process->get())));
    }
};

TEST_F(Crash, ShimAndContainerOutliveTheirAgent) {
    const auto directory = make("echo ready; trap 'echo bye; exit 9' TERM; while :; do sleep 0.01; done");
    int status = 0;
    const int agent = fork_agent(directory);
    ASSERT_EQ(::waitpid(agent, &status, 0), agent);
    ASSERT_EQ(status, 0);
    wait_for_lines(directory, 1);
    const auto found = inspect(directory);
    ASSERT_TRUE(found);
    ASSERT_EQ(found->found, Found::running);
    ASSERT_TRUE(send_signal(*found->status, SIGTERM));
    const auto exit = wait(directory, *found->status);
    EXPECT_EQ(exit.exit_code, 9);
    EXPECT_THAT(lines(directory), testing::ElementsAre("ready", "bye"));
}

TEST_F(Crash, ExitThatHappenedMeanwhileIsFound) {
    const auto directory = make("exit 6");
    const auto status = launch(directory);
    wait_for_end_of(status);
    EXPECT_EQ(inspect(directory)->found, Found::exited);
    EXPECT_EQ(wait(directory, status).exit_code, 6);
}

TEST_F(Crash, ContainerOfAKilledShimIsKilled) {
    const auto directory = make("sleep 1000 & sleep 1000");
    const auto status = launch(directory);
    ASSERT_EQ(::kill(status.shim_pid, SIGKILL), 0);
    const auto exit = wait(directory, status);
    EXPECT_EQ(exit.exit_code, 137);
    EXPECT_EQ(exit.signal, SIGKILL);
    EXPECT_FALSE(is_alive(status.pid));
    EXPECT_EQ(inspect(directory)->found, Found::exited);
    EXPECT_EQ(inspect(directory)->exit->exit_code, 137);
}

TEST_F(Crash, LostContainerIsKnownAsLostUntilItIsKilled) {
    const auto directory = make_running({"/bin/sleep", "1000"});
    const auto status = launch(directory);
    ASSERT_EQ(::kill(status.shim_pid, SIGKILL), 0);
    wait_for_end_of(status);
    const auto found = inspect(directory);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->found, Found::lost);
    EXPECT_TRUE(group(directory).populated());
    EXPECT_EQ(wait(directory, *found->status).exit_code, 137);
    EXPECT_FALSE(group(directory).populated());
}

TEST_F(Crash, RecordsOfAnEarlierBootAreNotMistakenForRunningOnes) {
    const auto directory = make("true");
    StatusRecord status;
    status.pid = status.shim_pid = ::getpid();
    status.pid_start_ticks = status.shim_start_ticks = *start_ticks(::getpid());
    status.boot_id = "of an earlier boot";
    status.cgroup = cgroup_path(directory);
    ASSERT_TRUE(write_file_atomic(directory / kStatusFile, dump_json(to_json(status))));
    EXPECT_EQ(inspect(directory)->found, Found::lost);
    EXPECT_EQ(wait(directory, status).exit_code, 137);
}

TEST_F(Crash, AgentKilledDuringTheLaunchLeavesAContainerThatIsHeldOrNone) {
    for (int round = 0; round < 10; ++round) {
        const auto directory = make_running({"/bin/sleep", "1000"});
        const int agent = fork_agent(directory);
        const timespec moment = {0, round * 1'000'000};
        ::nanosleep(&moment, nullptr); // where in the launch it dies differs from round to round
        ::kill(agent, SIGKILL);
        ::waitpid(agent, nullptr, 0);
        // Until it is settled: a shim that has begun goes on by itself.
        const auto give_up = test::soon();
        auto found = inspect(directory);
        while (found && found->found == Found::running && !found->status &&
               std::chrono::steady_clock::now() < give_up)
            found = inspect(directory);
        ASSERT_TRUE(found);
        if (found->found == Found::never_started) {
            const auto status = launch(directory); // nothing stands in the way
            ASSERT_TRUE(send_signal(status, SIGKILL));
            EXPECT_EQ(wait(directory, status).exit_code, 137);
        } else {
            ASSERT_EQ(found->found, Found::running);
            EXPECT_FALSE(test::run(runtime::launch(request(directory), test::soon())));
            ASSERT_TRUE(send_signal(*found->status, SIGKILL));
            EXPECT_EQ(wait(directory, *found->status).exit_code, 137);
        }
    }
}

} // namespace
} // namespace berth::runtime
