// Containers as the kernel sees them: isolation, identity, security.
#include "berth/runtime/cgroup.hpp"

#include "container_fixture.hpp"

#include <gmock/gmock.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <thread>

namespace berth::runtime::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// unshare(1) has made its namespaces when its child is there.
int first_child_of(int pid) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (std::chrono::steady_clock::now() < deadline)
        if (const auto text = text_of(fmt::format("/proc/{0}/task/{0}/children", pid)); !text.empty())
            return std::stoi(text);
    ADD_FAILURE() << "process " << pid << " has no child after 30 s";
    return -1;
}

constexpr std::array kNamespaces{"pid", "net", "mnt", "ipc", "uts", "cgroup"};

TEST_F(ContainerTest, EveryNamespaceIsItsOwn) {
    for (const auto* name : kNamespaces) {
        const auto link = fmt::format("/proc/self/ns/{}", name);
        const auto outcome = run("readlink " + link);
        EXPECT_THAT(outcome.output, StartsWith(name));
        EXPECT_NE(outcome.output, fs::read_symlink(link).string() + "\n");
    }
    EXPECT_EQ(run("echo $$").output, "1\n");
    EXPECT_EQ(run("hostname").output, "berth\n");
    EXPECT_THAT(run("ifconfig lo").output, HasSubstr("UP LOOPBACK RUNNING"));
    EXPECT_EQ(run("cat /proc/self/cgroup | grep -c :/$; cat /proc/self/cgroup | wc -l").output,
              run("cat /proc/self/cgroup | wc -l; cat /proc/self/cgroup | wc -l").output);
}

TEST_F(ContainerTest, NamespacesNotListedAreShared) {
    config["linux"]["namespaces"] = Json::parse(R"([{"type":"mount"}])");
    config.erase("hostname");
    // sysfs belongs to a network namespace, proc to a pid namespace: as root both may be mounted again.
    for (const auto* name : {"pid", "net", "ipc", "uts", "cgroup"}) {
        const auto link = fmt::format("/proc/self/ns/{}", name);
        EXPECT_EQ(run("readlink " + link).output, fs::read_symlink(link).string() + "\n");
    }
}

TEST_F(ContainerTest, DockerDefaultsInProcStatus) {
    const auto outcome = run("grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status");
    EXPECT_EQ(outcome.output,
              "CapInh:\t0000000000000000\nCapPrm:\t00000000a80425fb\nCapEff:\t00000000a80425fb\n"
              "CapBnd:\t00000000a80425fb\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n");
}

TEST_F(ContainerTest, AmbientCapabilitiesReachAnotherUser) {
    config["process"]["user"] = {{"uid", 1000}, {"gid", 1000}};
    for (const auto* set : {"bounding", "effective", "inheritable", "permitted", "ambient"})
        config["process"]["capabilities"][set] = {"CAP_NET_BIND_SERVICE", "CAP_CHOWN"};
    config["process"]["noNewPrivileges"] = false;
    EXPECT_EQ(run("grep -E '^(Cap|NoNewPrivs)' /proc/self/status").output,
              "CapInh:\t0000000000000401\nCapPrm:\t0000000000000401\nCapEff:\t0000000000000401\n"
              "CapBnd:\t0000000000000401\nCapAmb:\t0000000000000401\nNoNewPrivs:\t0\n");
}

TEST_F(ContainerTest, NoCapabilitiesMeansNone) {
    config["process"].erase("capabilities");
    EXPECT_EQ(run("grep ^Cap /proc/self/status | grep -vc 0000000000000000").output, "0\n");
}

TEST_F(ContainerTest, UserGroupsUmaskAndHome) {
    config["process"]["user"] = Json::parse(R"({"uid":1000,"gid":1001,"additionalGids":[5,6],"umask":23})");
    ASSERT_TRUE(
        write_file_atomic(rootfs() / "etc/passwd", "app:x:1000:1001:App:/home/app:/bin/sh\n", 0644, false));
    EXPECT_EQ(run("id -u; id -g; id -G; umask; echo $HOME").output,
              "1000\n1001\n1001 5 6\n0027\n/home/app\n");
}

TEST_F(ContainerTest, HostilePasswdFileDoesNoHarm) {
    ASSERT_EQ(::mkfifo((rootfs() / "etc/passwd").c_str(), 0644), 0);
    EXPECT_EQ(run("echo $HOME").output, "/\n");
}

TEST_F(ContainerTest, WorkingDirectoryIsMade) {
    config["process"]["cwd"] = "/deep/down";
    EXPECT_EQ(run("pwd").output, "/deep/down\n");
}

TEST_F(ContainerTest, EnvironmentIsExactlyTheGivenOne) {
    config["process"]["env"] = {"PATH=/bin", "A=1", "HOME=/x"};
    config["process"]["args"] = {"env"};
    EXPECT_EQ(run(options()).output, "PATH=/bin\nA=1\nHOME=/x\n");
}

TEST_F(ContainerTest, StandardStreamsOfAPipeBelongToItsUser) {
    config["process"]["user"] = {{"uid", 1000}, {"gid", 1000}};
    const auto outcome = run("echo out > /dev/stdout; echo err > /dev/stderr");
    EXPECT_EQ(outcome.output, "out\n");
    EXPECT_EQ(outcome.errors, "err\n");
}

TEST_F(ContainerTest, NoDescriptorLeaksIn) {
    const UniqueFd leak(::open("/etc", O_RDONLY)); // not close-on-exec on purpose
    config["process"]["args"] = {"ls", "/proc/self/fd"};
    EXPECT_EQ(run(options()).output, "0\n1\n2\n3\n"); // 3 is the directory being listed
}

TEST_F(ContainerTest, PreservedDescriptorsArrive) {
    // Whatever is at 3 here is put back afterwards.
    const UniqueFd before(::fcntl(3, F_DUPFD_CLOEXEC, 10));
    UniqueFd opened(::open("/etc/hostname", O_RDONLY | O_CLOEXEC)); // may itself be 3
    const UniqueFd file(::fcntl(opened.get(), F_DUPFD_CLOEXEC, 10));
    opened.reset();
    ASSERT_EQ(::dup2(file.get(), 3), 3);
    auto given = options();
    given.preserve_fds = 1;
    set_script("cat <&3");
    const auto outcome = run(given);
    if (before)
        ::dup3(before.get(), 3, O_CLOEXEC);
    else
        ::close(3);
    EXPECT_EQ(outcome.output, text_of("/etc/hostname"));
}

TEST_F(ContainerTest, ExitStatusAndSignal) {
    EXPECT_EQ(run("exit 7").status, 7);
    config["linux"]["namespaces"].erase(0); // no pid namespace: pid 1 would not die of its own signal
    EXPECT_EQ(run("kill -9 $$").status, 137);
}

TEST_F(ContainerTest, HostnameDomainnameSysctlAndLimits) {
    config["hostname"] = "moon";
    config["domainname"] = "example";
    config["linux"]["sysctl"] = {{"net.ipv4.ip_forward", "1"}, {"kernel.msgmax", "4096"}};
    config["process"]["rlimits"] = Json::parse(R"([{"type":"RLIMIT_NOFILE","soft":100,"hard":200}])");
    config["process"]["oomScoreAdj"] = 321;
    EXPECT_EQ(run("cat /proc/sys/kernel/hostname /proc/sys/kernel/domainname /proc/sys/net/ipv4/ip_forward "
                  "/proc/sys/kernel/msgmax /proc/self/oom_score_adj; ulimit -Sn; ulimit -Hn")
                  .output,
              "moon\nexample\n1\n4096\n321\n100\n200\n");
    EXPECT_NE(text_of("/proc/sys/kernel/hostname"), "moon\n");
}

TEST_F(ContainerTest, ResourceLimitsAreInTheKernel) {
    config["linux"]["resources"]["memory"] = {{"limit", 32 << 20}};
    config["linux"]["resources"]["pids"] = {{"limit", 17}};
    const auto layout = CgroupLayout::detect();
    ASSERT_TRUE(layout);
    if (layout->v1.contains("memory"))
        EXPECT_EQ(run("cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max").output,
                  "33554432\n17\n");
    else
        EXPECT_EQ(run("cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max").output, "33554432\n17\n");
    // And they bite.
    EXPECT_EQ(run("dd if=/dev/zero of=/dev/null bs=64M count=1").status, 137);
}

TEST_F(ContainerTest, DevicesAreTheAllowedOnes) {
    config["linux"]["devices"] = Json::parse(
        R"([{"path":"/dev/deep/tun","type":"c","major":10,"minor":200,"fileMode":438,"uid":5,"gid":6}])");
    const auto outcome =
        run("stat -c '%F %t:%T %a %u %g' /dev/deep/tun /dev/null; readlink /dev/fd; readlink /dev/ptmx; "
            "cat /dev/deep/tun; echo > /dev/null && head -c1 /dev/zero | wc -c");
    EXPECT_EQ(outcome.output, "character special file a:c8 666 5 6\ncharacter special file 1:3 666 0 0\n"
                              "/proc/self/fd\npts/ptmx\n1\n");
    EXPECT_THAT(outcome.errors, HasSubstr("tun"));
    EXPECT_THAT(outcome.errors, HasSubstr("Operation not permitted"));
}

TEST_F(ContainerTest, NetworkNamespaceIsJoinedByDescriptor) {
    UniqueFd netns;
    std::thread([&] {
        if (::unshare(CLONE_NEWNET) == 0)
            netns.reset(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    }).join();
    ASSERT_TRUE(netns);
    auto given = options();
    given.netns = netns.get();
    set_script("readlink /proc/self/ns/net");
    struct stat status = {};
    ASSERT_EQ(::fstat(netns.get(), &status), 0);
    EXPECT_EQ(run(given).output, fmt::format("net:[{}]\n", status.st_ino));
}

TEST_F(ContainerTest, NamespacesAreJoinedByPath) {
    const int helper = ::fork();
    if (helper == 0) {
        ::execlp("unshare", "unshare", "-piu", "--fork", "--kill-child", "sleep", "1000", nullptr);
        ::_exit(127);
    }
    const int child = first_child_of(helper);
    const auto path = [&](const char* name) { return fmt::format("/proc/{}/ns/{}", child, name); };
    config["linux"]["namespaces"] = {{{"type", "mount"}},
                                     {{"type", "pid"}, {"path", path("pid")}},
                                     {{"type", "ipc"}, {"path", path("ipc")}},
                                     {{"type", "uts"}, {"path", path("uts")}}};
    EXPECT_EQ(run("for n in pid ipc uts; do readlink /proc/self/ns/$n; done").output,
              fs::read_symlink(path("pid")).string() + "\n" + fs::read_symlink(path("ipc")).string() + "\n" +
                  fs::read_symlink(path("uts")).string() + "\n");
    ::kill(helper, SIGKILL);
    wait_for_exit(helper);
}

// A new pid namespace has to belong to the joined user namespace, which takes one more process.
TEST_F(ContainerTest, UserNamespaceIsJoinedAndOwnsTheOthers) {
    const int helper = ::fork();
    if (helper == 0) {
        ::execlp("unshare", "unshare", "--user", "--map-root-user", "--fork", "--kill-child", "sleep", "1000",
                 nullptr);
        ::_exit(127);
    }
    const auto user = fmt::format("/proc/{}/ns/user", first_child_of(helper));
    config["linux"]["namespaces"].push_back({{"type", "user"}, {"path", user}});
    remove_mount("/dev/pts"); // its group 5 is not mapped
    const auto outcome = run("echo $$; readlink /proc/self/ns/user; readlink /proc/self/ns/pid");
    EXPECT_THAT(outcome.output, StartsWith("1\n" + fs::read_symlink(user).string() + "\n"));
    EXPECT_THAT(outcome.output, Not(HasSubstr(fs::read_symlink("/proc/self/ns/pid").string())));
    EXPECT_EQ(outcome.status, 0);
    ::kill(helper, SIGKILL);
    wait_for_exit(helper);
}

TEST_F(ContainerTest, OccupiedCgroupIsRefusedAndLeftAlone) {
    auto first = create_it(options());
    ASSERT_TRUE(first) << first.error().message();
    auto second = options();
    second.id = id() + "-second";
    config["linux"]["cgroupsPath"] = "/berth/" + id();
    const auto created = create_it(second);
    ASSERT_FALSE(created);
    EXPECT_THAT(created.error().message(),
                HasSubstr("the cgroup berth/" + id() + " holds processes already"));
    EXPECT_EQ(::kill((*first)->pid(), 0), 0);
}

class UserNamespaceTest : public ContainerTest {
  protected:
    UserNamespaceTest() {
        config["linux"]["namespaces"].push_back({{"type", "user"}});
        const Json map = Json::parse(R"([{"containerID":0,"hostID":100000,"size":65536}])");
        config["linux"]["uidMappings"] = map;
        config["linux"]["gidMappings"] = map;
        // The image has to be the mapped root's, and the way to it passable.
        for (const auto& entry : fs::recursive_directory_iterator(bundle()))
            EXPECT_EQ(::lchown(entry.path().c_str(), 100000, 100000), 0);
        fs::permissions(bundle(), fs::perms::owner_all | fs::perms::others_exec);
    }
};

TEST_F(UserNamespaceTest, RootIsMapped) {
    const auto outcome = run("id -u; cat /proc/self/uid_map | tr -s ' '; readlink /proc/self/ns/user; "
                             "stat -c %u /bin; echo > /dev/null && echo null works");
    EXPECT_THAT(outcome.output, StartsWith("0\n 0 100000 65536\n"));
    EXPECT_THAT(outcome.output, Not(HasSubstr(fs::read_symlink("/proc/self/ns/user").string())));
    EXPECT_THAT(outcome.output, HasSubstr("\n0\nnull works\n"));
}

TEST_F(UserNamespaceTest, BindSourceThatTheMappedRootCannotReachIsBound) {
    const TemporaryDirectory secret; // mode 0700, root's
    ASSERT_TRUE(write_file_atomic(secret.path() / "file", "shown\n", 0644, false));
    add_mount("/data", "bind", (secret.path() / "file").string(), {"bind", "ro"});
    EXPECT_EQ(run("cat /data").output, "shown\n");
}

TEST_F(UserNamespaceTest, DeviceOfTheHostKeepsItsOwner) {
    config["process"]["user"] = {{"uid", 5}, {"gid", 5}};
    run("true"); // with /dev/null as standard input
    struct stat status = {};
    ASSERT_EQ(::stat("/dev/null", &status), 0);
    EXPECT_EQ(status.st_uid, 0u);
}

TEST_F(ContainerTest, HooksRunInOrderWithTheState) {
    const auto log = bundle() / "hooks.log";
    const auto hook = [&](const char* kind, const char* path = "/bin/sh") {
        return Json::array({{{"path", path},
                             {"args", {"sh", "-c", fmt::format("echo {} $(cat) >> {}", kind, log.string())}},
                             {"env", {"PATH=/usr/bin:/bin"}},
                             {"timeout", 30}}});
    };
    config["annotations"] = {{"colour", "blue"}};
    config["hooks"] = {{"prestart", hook("prestart")},
                       {"createRuntime", hook("createRuntime")},
                       {"createContainer", hook("createContainer")},
                       {"poststart", hook("poststart")}};
    // This one runs inside: the host's file is not there.
    config["hooks"]["startContainer"] =
        Json::array({{{"path", "/bin/sh"},
                      {"args", {"sh", "-c", "echo startContainer $(cat) >> /hooks.log"}},
                      {"env", {"PATH=/bin"}}}});
    EXPECT_EQ(run("cat /hooks.log").output.find("startContainer {"), 0u);
    const auto text = text_of(log);
    EXPECT_THAT(text, ContainsRegex("prestart .*\ncreateRuntime .*\ncreateContainer .*\npoststart "));
    EXPECT_THAT(text, AllOf(HasSubstr("\"status\":\"creating\""), HasSubstr("\"status\":\"running\""),
                            HasSubstr("\"colour\":\"blue\""), HasSubstr("\"id\":\"" + id() + "\"")));
    EXPECT_THAT(text, ContainsRegex("\"pid\":[0-9]+"));
}

TEST_F(ContainerTest, FailingHookEndsTheCreation) {
    config["hooks"]["createContainer"] = Json::parse(R"([{"path":"/bin/sh","args":["sh","-c","exit 3"]}])");
    EXPECT_EQ(failure(), "hooks.createContainer[0] (/bin/sh): exit status 3");
    config["hooks"] =
        Json::parse(R"({"prestart":[{"path":"/bin/sleep","args":["sleep","100"],"timeout":1}]})");
    EXPECT_EQ(failure(), "hooks.prestart[0] (/bin/sleep): took longer than 1 s and was killed");
    EXPECT_THAT(cgroups(), IsEmpty());
}

TEST_F(ContainerTest, UnstartedContainerGoesWithItsObject) {
    write_config();
    auto created = create(options());
    ASSERT_TRUE(created) << created.error().message();
    const int pid = (*created)->pid();
    EXPECT_EQ(::kill(pid, 0), 0);
    EXPECT_THAT(cgroups(), Not(IsEmpty()));
    created->reset();
    EXPECT_EQ(::kill(pid, 0), -1);
    EXPECT_THAT(cgroups(), IsEmpty());
}

// What cannot be: the message, and that nothing is left.
TEST_F(ContainerTest, FailuresAreNamedAndLeaveNothing) {
    const auto mounts = text_of("/proc/self/mountinfo");
    const auto expect_failure = [&](const std::string& message) {
        EXPECT_THAT(failure(), HasSubstr(message));
        EXPECT_THAT(cgroups(), IsEmpty());
    };
    const Json original = config;
    config["process"]["args"] = {"nosuch"};
    expect_failure("executing \"nosuch\": executable file not found in $PATH: No such file or directory");
    config["process"]["args"] = {"/etc"};
    expect_failure("executing \"/etc\": Is a directory");
    ASSERT_TRUE(write_file_atomic(rootfs() / "plain", "#!/bin/sh\n", 0644, false));
    config["process"]["args"] = {"/plain"};
    expect_failure("executing \"/plain\": Permission denied");
    ASSERT_TRUE(write_file_atomic(rootfs() / "noise", "\x01\x02", 0755, false));
    config["process"]["args"] = {"/noise"}; // only execve finds out
    expect_failure("executing \"/noise\": Exec format error");
    config = original;
    config["process"]["rlimits"] = Json::parse(R"([{"type":"RLIMIT_NOFILE","soft":1,"hard":1000000000}])");
    expect_failure("process.rlimits: setting RLIMIT_NOFILE to 1:1000000000");
    config = original;
    config["root"]["path"] = "nowhere";
    expect_failure("root.path: " + (bundle() / "nowhere").string() + ": No such file or directory");
    config["root"]["path"] = "/";
    expect_failure("root.path: the host's own root");
    config = original;
    config["linux"]["namespaces"][1]["path"] = "/nowhere";
    expect_failure("linux.namespaces: joining: opening /nowhere: No such file or directory");
    config["linux"]["namespaces"][1]["path"] = "/proc/self/ns/uts"; // index 1 is the network namespace
    expect_failure("joining the namespace /proc/self/ns/uts: Invalid argument");
    config = original;
    config["process"]["apparmorProfile"] = "docker-default";
    if (!fs::exists("/sys/module/apparmor/parameters/enabled"))
        expect_failure(
            "process.apparmorProfile: \"docker-default\" is asked for, but AppArmor is not enabled");
    config = original;
    config["process"]["terminal"] = true;
    expect_failure("process.terminal: a terminal is asked for, but there is no console socket");
    EXPECT_EQ(text_of("/proc/self/mountinfo"), mounts);
}

TEST_F(ContainerTest, TooLittleMemoryToBeSetUpIsSaid) {
    config["linux"]["resources"]["memory"] = {{"limit", 4096}};
    const auto message = failure();
    // Which of the two comes first depends on the kernel's accounting.
    EXPECT_THAT(message, ::testing::AnyOf(
                             HasSubstr("is its memory limit too low?"), HasSubstr("memory.limit_in_bytes"),
                             HasSubstr("Cannot allocate memory"), HasSubstr("creating the container")));
    EXPECT_THAT(cgroups(), IsEmpty());
}

} // namespace
} // namespace berth::runtime::testing
