// berth-runtime as engines and people call it.
#include "container_fixture.hpp"
#include "runtime/cli/signals.hpp"

#include <gmock/gmock.h>

#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>

namespace berth::runtime::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

TEST(Signals, ByNameAndNumber) {
    EXPECT_EQ(cli::parse_signal("TERM").value_or(0), SIGTERM);
    EXPECT_EQ(cli::parse_signal("SIGKILL").value_or(0), SIGKILL);
    EXPECT_EQ(cli::parse_signal("hup").value_or(0), SIGHUP);
    EXPECT_EQ(cli::parse_signal("15").value_or(0), SIGTERM);
    EXPECT_EQ(cli::parse_signal("RTMIN+3").value_or(0), SIGRTMIN + 3);
    EXPECT_EQ(cli::parse_signal("SIGRTMAX-1").value_or(0), SIGRTMAX - 1);
    for (const auto* wrong : {"", "0", "65", "-1", "TERMX", "RTMIN+99", "9x"})
        EXPECT_FALSE(cli::parse_signal(wrong)) << wrong;
}

class CommandLine : public ContainerTest {
  protected:
    CommandLine() { // so that orphaned containers become our children and can be waited for
        EXPECT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    }
    ~CommandLine() override { call({"delete", "--force", id()}); }

    Outcome call(std::vector<std::string> args, const fs::path& directory = "/") const {
        args.insert(args.begin(), {BERTH_RUNTIME, "--root", state().string()});
        return run_program(args, directory);
    }
    fs::path state() const { return bundle() / "state"; }
    Outcome create(const std::string& script) {
        set_script(script);
        write_config();
        return call(
            {"create", "--bundle", bundle().string(), "--pid-file", (bundle() / "pid").string(), id()});
    }
    Json state_of() const {
        const auto outcome = call({"state", id()});
        EXPECT_EQ(outcome.status, 0) << outcome.errors;
        return Json::parse(outcome.output, nullptr, false);
    }
    int pid() const { return std::stoi(text_of(bundle() / "pid")); }
};

TEST_F(CommandLine, LifeOfAContainer) {
    config["annotations"] = {{"colour", "blue"}};
    const auto created = create("echo started > /started; exec sleep 1000");
    ASSERT_EQ(created.status, 0) << created.errors;
    auto json = state_of();
    EXPECT_EQ(json["ociVersion"], "1.1.0");
    EXPECT_EQ(json["id"], id());
    EXPECT_EQ(json["status"], "created");
    EXPECT_EQ(json["pid"], pid());
    EXPECT_EQ(json["bundle"], bundle().string());
    EXPECT_EQ(json["annotations"]["colour"], "blue");
    EXPECT_FALSE(fs::exists(rootfs() / "started"));

    EXPECT_EQ(call({"start", id()}).status, 0);
    EXPECT_EQ(state_of()["status"], "running");
    EXPECT_THAT(call({"start", id()}).errors, HasSubstr("cannot be started: it is running"));
    EXPECT_THAT(call({"delete", id()}).errors, HasSubstr("cannot be deleted: it is running (use --force)"));
    EXPECT_THAT(call({"list"}).output, ContainsRegex(id() + " +[0-9]+ +running"));
    EXPECT_EQ(call({"list", "-q"}).output, id() + "\n");
    EXPECT_EQ(Json::parse(call({"list", "-f", "json"}).output)[0]["id"], id());

    EXPECT_EQ(call({"kill", id(), "KILL"}).status, 0);
    EXPECT_EQ(wait_for_exit(pid()), 137);
    json = state_of();
    EXPECT_EQ(json["status"], "stopped");
    EXPECT_EQ(json["pid"], 0);
    EXPECT_THAT(call({"kill", id()}).errors, HasSubstr("is not running"));
    EXPECT_EQ(call({"delete", id()}).status, 0);
    EXPECT_THAT(call({"state", id()}).errors, HasSubstr("container " + id() + " does not exist"));
    EXPECT_THAT(cgroups(), IsEmpty());
    EXPECT_FALSE(fs::exists(state() / id()));
}

TEST_F(CommandLine, ForceDeletesWhatRuns) {
    ASSERT_EQ(create("exec sleep 1000").status, 0);
    ASSERT_EQ(call({"start", id()}).status, 0);
    const int process = pid();
    EXPECT_EQ(call({"delete", "--force", id()}).status, 0);
    EXPECT_EQ(wait_for_exit(process), 137);
    EXPECT_THAT(cgroups(), IsEmpty());
    EXPECT_EQ(call({"delete", "--force", id()}).status, 0); // nothing there is fine when forced
    EXPECT_THAT(call({"delete", id()}).errors, HasSubstr("does not exist"));
}

TEST_F(CommandLine, CreatedContainerIsDeletedWithoutForce) {
    ASSERT_EQ(create("true").status, 0);
    EXPECT_EQ(call({"delete", id()}).status, 0);
    EXPECT_EQ(wait_for_exit(pid()), 137);
    EXPECT_THAT(cgroups(), IsEmpty());
}

TEST_F(CommandLine, StartTellsWhatExecveSays) {
    ASSERT_TRUE(write_file_atomic(rootfs() / "noise", "\x01\x02", 0755, false));
    config["process"]["args"] = {"/noise"};
    write_config();
    ASSERT_EQ(call({"create", "--bundle", bundle().string(), id()}).status, 0);
    const auto started = call({"start", id()});
    EXPECT_EQ(started.status, 1);
    EXPECT_THAT(started.errors, HasSubstr("executing \"/noise\": Exec format error"));
    EXPECT_EQ(state_of()["status"], "stopped");
}

TEST_F(CommandLine, StartAfterTheProcessDied) {
    ASSERT_EQ(create("true").status, 0);
    ASSERT_EQ(::kill(pid(), SIGKILL), 0);
    EXPECT_EQ(wait_for_exit(pid()), 137);
    EXPECT_THAT(call({"start", id()}).errors, HasSubstr("cannot be started: it is stopped"));
}

TEST_F(CommandLine, RunReturnsTheExitStatus) {
    set_script("echo out; echo err >&2; exit 42");
    write_config();
    const auto outcome = call({"run", id()}, bundle()); // the bundle is where one is
    EXPECT_EQ(outcome.status, 42);
    EXPECT_EQ(outcome.output, "out\n");
    EXPECT_EQ(outcome.errors, "err\n");
    EXPECT_FALSE(fs::exists(state() / id()));
    EXPECT_THAT(cgroups(), IsEmpty());
}

TEST_F(CommandLine, RunDetached) {
    set_script("exec sleep 1000");
    write_config();
    // The path is relative to the caller, not to the bundle.
    const auto outcome =
        call({"run", "--detach", "--bundle", bundle().string(), "--pid-file", "relative", id()}, rootfs());
    EXPECT_EQ(outcome.status, 0);
    EXPECT_EQ(state_of()["status"], "running");
    const int process = std::stoi(text_of(rootfs() / "relative"));
    EXPECT_EQ(state_of()["pid"], process);
    EXPECT_EQ(call({"kill", id(), "9"}).status, 0);
    EXPECT_EQ(wait_for_exit(process), 137);
}

TEST_F(CommandLine, RunPassesSignalsOn) {
    set_script("trap 'echo got; exit 5' TERM; echo ready; while :; do read x; done");
    write_config();
    // The signal is sent by the container's own line reaching the shell outside.
    const auto script =
        fmt::format("mkfifo fifo; {} --root {} run --bundle . {} < fifo > out & p=$!; exec 3>fifo; "
                    "until grep -q ready out; do :; done; kill -TERM $p; wait $p; echo $?; cat out",
                    BERTH_RUNTIME, state().string(), id());
    EXPECT_EQ(run_program({"sh", "-c", script}, bundle()).output, "5\nready\ngot\n");
}

TEST_F(CommandLine, NamesAreCheckedAndTakenOnce) {
    ASSERT_EQ(create("true").status, 0);
    EXPECT_THAT(create("true").errors, HasSubstr("a container named " + id() + " exists already"));
    for (const auto* wrong : {"../x", ".", "a/b", ".hidden", "a b"})
        EXPECT_THAT(call({"state", wrong}).errors, HasSubstr("cannot be a container's name"));
}

TEST_F(CommandLine, FailedCreateLeavesNothing) {
    config["process"]["args"] = {"nosuch"};
    write_config();
    const auto outcome = call({"create", "--bundle", bundle().string(), id()});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.errors,
                HasSubstr("berth-runtime: executing \"nosuch\": executable file not found in $PATH"));
    EXPECT_FALSE(fs::exists(state() / id()));
    EXPECT_THAT(cgroups(), IsEmpty());
}

TEST_F(CommandLine, ErrorsGoToTheLogAsJson) {
    const auto log = bundle() / "log";
    const auto outcome =
        call({"--log", log.string(), "--log-format", "json", "--systemd-cgroup", "--debug", "start", "none"});
    EXPECT_EQ(outcome.status, 1);
    const auto line = Json::parse(text_of(log), nullptr, false);
    EXPECT_EQ(line["level"], "error");
    EXPECT_EQ(line["msg"], "container none does not exist");
}

TEST_F(CommandLine, MissingBundleIsNamed) {
    EXPECT_THAT(call({"create", "--bundle", "/nowhere", id()}).errors,
                HasSubstr("opening /nowhere/config.json: No such file or directory"));
    EXPECT_FALSE(fs::exists(state() / id()));
}

TEST_F(CommandLine, PoststopHookRunsAtDeletion) {
    const auto log = bundle() / "log";
    config["hooks"]["poststop"] = Json::array(
        {{{"path", "/bin/sh"}, {"args", {"sh", "-c", "cat > " + log.string()}}, {"env", {"PATH=/bin"}}}});
    ASSERT_EQ(create("true").status, 0);
    EXPECT_EQ(call({"delete", "--force", id()}).status, 0);
    EXPECT_EQ(Json::parse(text_of(log))["status"], "stopped");
}

TEST_F(CommandLine, KillAllReachesEveryProcess) {
    config["linux"]["namespaces"].erase(0); // shares the host's pid namespace
    ASSERT_EQ(create("sleep 1000 & sleep 1000").status, 0);
    ASSERT_EQ(call({"start", id()}).status, 0);
    EXPECT_EQ(call({"kill", "--all", id(), "KILL"}).status, 0);
    EXPECT_EQ(wait_for_exit(pid()), 137);
    EXPECT_EQ(call({"delete", id()}).status, 0);
    EXPECT_THAT(cgroups(), IsEmpty());
}

TEST_F(CommandLine, FeaturesAndSpec) {
    const auto features = Json::parse(call({"features"}).output);
    EXPECT_EQ(features["ociVersionMax"], "1.1.0");
    EXPECT_EQ(features["linux"]["cgroup"]["v1"], true);
    const TemporaryDirectory directory;
    EXPECT_EQ(call({"spec"}, directory.path()).status, 0);
    EXPECT_EQ(Json::parse(text_of(directory.path() / "config.json"))["process"]["args"][0], "sh");
    EXPECT_THAT(call({"spec"}, directory.path()).errors, HasSubstr("exists already"));
    EXPECT_THAT(call({"--version"}).output,
                AllOf(StartsWith("berth-runtime version "), HasSubstr("\nspec: 1.1.0\n")));
}

TEST_F(CommandLine, PodmanWorksWithIt) {
    if (run_program({"sh", "-c", "command -v podman"}).status != 0) GTEST_SKIP() << "podman is not installed";
    // Its default limits are above what this machine may allow.
    ASSERT_TRUE(write_file_atomic(
        bundle() / "containers.conf",
        "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1000:1000\"]\n", 0644, false));
    const auto podman =
        fmt::format("CONTAINERS_CONF={0}/containers.conf podman --root {0}/storage --runroot {0}/run "
                    "--storage-driver vfs --cgroup-manager cgroupfs --runtime {1} ",
                    bundle().string(), BERTH_RUNTIME);
    const auto call_podman = [&](const std::string& arguments) {
        return run_program({"sh", "-c", podman + arguments});
    };
    const auto imported =
        run_program({"sh", "-c", "tar -C rootfs -c . | " + podman + "import - image"}, bundle());
    ASSERT_EQ(imported.status, 0) << imported.errors;
    const std::string run = "run --rm --network none ";
    const auto outcome = call_podman(run + "image sh -c 'echo hello; exit 7'");
    EXPECT_EQ(outcome.status, 7) << outcome.errors;
    EXPECT_EQ(outcome.output, "hello\n");
    EXPECT_EQ(call_podman(run + "--tty image tty").output, "/dev/pts/0\r\n");
    EXPECT_EQ(call_podman(run + "--user 1000 --read-only --memory 32m image id -u").output, "1000\n");
    const auto missing = call_podman(run + "image nosuch");
    EXPECT_EQ(missing.status, 127);
    EXPECT_THAT(missing.errors, HasSubstr("executable file not found in $PATH"));
    const auto started = call_podman("run --detach --name c --network none image sleep 1000");
    EXPECT_EQ(started.status, 0) << started.errors;
    EXPECT_THAT(call_podman("ps").output, HasSubstr("sleep 1000"));
    EXPECT_EQ(call_podman("rm --force --time 0 c").status, 0);
}

// The same bundle under runc: what a program can see of its own situation is the same.
TEST_F(CommandLine, LooksLikeRunc) {
    if (run_program({"sh", "-c", "command -v runc"}).status != 0) GTEST_SKIP() << "runc is not installed";
    set_script("grep -E '^(Cap|NoNewPrivs|Seccomp|Uid|Gid|Groups|SigBlk|SigIgn)' /proc/self/status; "
               "ls -l /dev /dev/pts | sed 's/[A-Z][a-z][a-z] .*:[0-9][0-9]//'; "
               "for p in /proc/keys /proc/sys /sys/firmware /proc/bus; do [ -w $p ] && echo writable; ls -A "
               "$p | wc -l; done; "
               "ulimit -a; env | sort; umask; pwd; cat /proc/self/oom_score_adj /proc/self/setgroups; ps");
    fs::create_symlink("busybox", rootfs() / "bin/sed");
    write_config();
    const auto ours = call({"run", "--bundle", bundle().string(), id()});
    const auto theirs = run_program(
        {"runc", "--root", (bundle() / "runc").string(), "run", "--bundle", bundle().string(), id()});
    EXPECT_EQ(ours.status, 0) << ours.errors;
    EXPECT_EQ(ours.output, theirs.output);
}

} // namespace
} // namespace berth::runtime::testing
