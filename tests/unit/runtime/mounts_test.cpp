// The file systems of containers: what is mounted how, and what an image or a configuration cannot make
// happen.
#include "container_fixture.hpp"

#include <gmock/gmock.h>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace berth::runtime::testing {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST_F(ContainerTest, OnlyItsOwnTreeIsInSight) {
    const auto outcome = run("ls /; cat /proc/self/mountinfo | wc -l; cat /proc/1/mountinfo");
    EXPECT_THAT(outcome.output, Not(HasSubstr("lost+found")));
    EXPECT_THAT(outcome.output, Not(HasSubstr("/sandboxing")));
    EXPECT_THAT(outcome.output, ContainsRegex("/test-|/berth-test-.*/rootfs / "));
}

TEST_F(ContainerTest, MaskedAndReadOnlyPaths) {
    const auto outcome =
        run("wc -c < /proc/keys; ls /sys/firmware | wc -l; echo x > /proc/sys/kernel/core_pattern; "
            "echo b > /proc/sysrq-trigger; mkdir /sys/firmware/x");
    EXPECT_EQ(outcome.output, "0\n0\n");
    EXPECT_THAT(outcome.errors, HasSubstr("core_pattern: Read-only file system"));
    EXPECT_THAT(outcome.errors, HasSubstr("'/sys/firmware/x': Read-only file system"));
}

TEST_F(ContainerTest, ReadOnlyRoot) {
    config["root"]["readonly"] = true;
    const auto outcome = run("touch /x; touch /dev/x && echo dev");
    EXPECT_THAT(outcome.errors, HasSubstr("touch: /x: Read-only file system"));
    EXPECT_EQ(outcome.output, "dev\n");
}

TEST_F(ContainerTest, BindMountsWithTheirOptions) {
    const TemporaryDirectory source;
    ASSERT_TRUE(make_directories(source.path() / "sub"));
    add_mount("/rw", "bind", source.path().string(), {"rbind"});
    add_mount("/ro", "bind", source.path().string(), {"rbind", "ro", "nosuid", "noexec"});
    add_mount("/file/in/deep", "bind", "/etc/hostname", {"bind", "ro"});
    const auto outcome =
        run("touch /rw/made && ls /ro; touch /ro/x; cat /file/in/deep; grep ' /ro ' /proc/mounts");
    EXPECT_THAT(outcome.output, HasSubstr("made\nsub\n" + text_of("/etc/hostname")));
    EXPECT_THAT(outcome.output, ContainsRegex(" /ro .* ro,nosuid,noexec"));
    EXPECT_THAT(outcome.errors, HasSubstr("/ro/x: Read-only file system"));
}

TEST_F(ContainerTest, RecursiveReadOnly) {
    const TemporaryDirectory source;
    add_mount("/below", "bind", source.path().string(), {"rbind", "rro"});
    EXPECT_THAT(run("touch /below/x").errors, HasSubstr("Read-only file system"));
}

TEST_F(ContainerTest, RelativeBindSourceIsFromTheBundle) {
    ASSERT_TRUE(write_file_atomic(bundle() / "beside", "beside\n", 0644, false));
    add_mount("/data", "bind", "beside", {"bind"});
    EXPECT_EQ(run("cat /data").output, "beside\n");
}

TEST_F(ContainerTest, PropagationIsSet) {
    const TemporaryDirectory source;
    add_mount("/shared", "bind", source.path().string(), {"rbind", "rshared"});
    EXPECT_THAT(run("grep ' /shared ' /proc/self/mountinfo").output, HasSubstr(" shared:"));
    config["linux"]["rootfsPropagation"] = "shared";
    EXPECT_THAT(run("grep ' / / \\|/rootfs / ' /proc/self/mountinfo").output, HasSubstr(" shared:"));
}

TEST_F(ContainerTest, TmpfsStartsWithACopy) {
    ASSERT_TRUE(make_directories(rootfs() / "data/sub"));
    ASSERT_TRUE(write_file_atomic(rootfs() / "data/sub/file", "kept\n", 0640, false));
    fs::create_symlink("sub/file", rootfs() / "data/link");
    ASSERT_EQ(::lchown((rootfs() / "data/sub/file").c_str(), 7, 8), 0);
    add_mount("/data", "tmpfs", "tmpfs", {"tmpcopyup", "ro", "size=1m"});
    const auto outcome = run("cat /data/link; stat -c '%a %u %g' /data/sub/file; touch /data/x");
    EXPECT_EQ(outcome.output, "kept\n640 7 8\n");
    EXPECT_THAT(outcome.errors, HasSubstr("Read-only file system"));
}

TEST_F(ContainerTest, DestinationsCannotLeaveTheRoot) {
    const TemporaryDirectory outside;
    fs::create_symlink(outside.path(), rootfs() / "escape");
    fs::create_symlink("/../../../../.." + outside.path().string(), rootfs() / "climb");
    add_mount("/escape/a", "tmpfs", "tmpfs", {});
    add_mount("/climb/b", "tmpfs", "tmpfs", {});
    add_mount("/../../c", "tmpfs", "tmpfs", {});
    EXPECT_EQ(run("grep -c ' tmpfs' /proc/mounts > /dev/null; ls -d /escape/a /climb/b /c").output,
              "/c\n/climb/b\n/escape/a\n");
    EXPECT_TRUE(fs::is_empty(outside.path()));
}

TEST_F(ContainerTest, LinkInThePlaceOfProcIsRefused) {
    fs::remove(rootfs() / "proc");
    fs::create_symlink("/tmp", rootfs() / "proc");
    EXPECT_THAT(failure(),
                HasSubstr("/proc in the container is or goes through a symbolic link, which is refused"));
}

TEST_F(ContainerTest, ProcIsNotCovered) {
    add_mount("/proc/self/attr", "tmpfs", "tmpfs", {});
    EXPECT_THAT(failure(), HasSubstr("mounting over a part of /proc is refused"));
    config["mounts"].erase(config["mounts"].size() - 1);
    fs::create_symlink("/proc/sys", rootfs() / "innocent");
    add_mount("/innocent", "tmpfs", "tmpfs", {});
    EXPECT_THAT(failure(), HasSubstr("mounting over a part of /proc is refused"));
    config["mounts"].erase(config["mounts"].size() - 1);
    add_mount("/proc/uptime", "bind", "/etc/hostname", {"bind"}); // as lxcfs does
    EXPECT_EQ(run("cat /proc/uptime").output, text_of("/etc/hostname"));
}

TEST_F(ContainerTest, FailingMountIsNamed) {
    add_mount("/data", "bind", "/nowhere", {"rbind"});
    EXPECT_THAT(failure(),
                HasSubstr("mounts[7] (/data): taking /nowhere as the source of a bind mount: No such file"));
    config["mounts"].erase(7);
    add_mount("/data", "tmpfs", "tmpfs", {"colour=blue"});
    EXPECT_THAT(failure(),
                HasSubstr("mounts[7] (/data): mounting tmpfs at /data with options colour=blue: Invalid"));
    EXPECT_THAT(cgroups(), IsEmpty());
}

TEST_F(ContainerTest, RootIsMovedWithoutPivot) {
    auto given = options();
    given.pivot_root = false;
    set_script("ls -d /bin /proc/self; ls / | wc -l");
    EXPECT_EQ(run(given).output, "/bin\n/proc/self\n5\n");
}

TEST_F(ContainerTest, OverlayRootIsSeenInsideOnly) {
    const TemporaryDirectory store;
    for (const auto* name : {"a", "b,c:d", "upper", "work"})
        ASSERT_TRUE(make_directories(store.path() / name));
    fs::rename(rootfs(), store.path() / "a/all"); // keeps busybox in one place
    for (const auto& entry : fs::directory_iterator(store.path() / "a/all"))
        fs::rename(entry.path(), store.path() / "a" / entry.path().filename());
    ASSERT_TRUE(make_directories(rootfs()));
    ASSERT_TRUE(write_file_atomic(store.path() / "b,c:d/layer", "top\n", 0644, false));
    ASSERT_TRUE(write_file_atomic(store.path() / "a/layer", "bottom\n", 0644, false));
    const auto before = text_of("/proc/self/mountinfo");
    auto given = options();
    given.overlay = OverlayRoot{.store = store.path().string(),
                                .lower = {"b,c:d", "a"},
                                .upper = (store.path() / "upper").string(),
                                .work = (store.path() / "work").string()};
    set_script("cat /layer; grep -c '^overlay / overlay' /proc/mounts; echo new > /made");
    EXPECT_EQ(run(given).output, "top\n1\n");
    EXPECT_EQ(text_of(store.path() / "upper/made"), "new\n");
    EXPECT_TRUE(fs::is_empty(rootfs()));
    EXPECT_EQ(text_of("/proc/self/mountinfo"), before);
}

TEST_F(ContainerTest, CgroupsAreItsOwnAndReadOnly) {
    const auto outcome =
        run("find() { :; }; for d in /sys/fs/cgroup /sys/fs/cgroup/*/; do mkdir $d/x && echo made; "
            "done; cat /proc/self/mountinfo | grep cgroup");
    EXPECT_THAT(outcome.output, Not(HasSubstr("made")));
    EXPECT_THAT(outcome.output, HasSubstr(" /sys/fs/cgroup"));
    EXPECT_THAT(outcome.output, Not(HasSubstr(id()))); // a namespace hides the path
}

TEST_F(ContainerTest, CgroupsWithoutANamespaceAreBound) {
    auto& namespaces = config["linux"]["namespaces"];
    for (std::size_t i = 0; i < namespaces.size(); ++i)
        if (namespaces[i]["type"] == "cgroup") namespaces.erase(i--);
    const auto outcome = run("grep cgroup /proc/self/mountinfo");
    EXPECT_THAT(outcome.output, HasSubstr("/berth/" + id() + " /sys/fs/cgroup"));
}

TEST_F(ContainerTest, TerminalIsSentOverTheSocket) {
    std::array<int, 2> ends = {};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    const UniqueFd ours(ends[0]), theirs(ends[1]);
    config["process"]["terminal"] = true;
    config["process"]["consoleSize"] = {{"height", 33}, {"width", 99}};
    set_script("tty; stty size; stat -c %F /dev/console; echo done > /dev/console");
    write_config();
    auto given = options();
    given.console_socket = theirs.get();
    auto created = create(given);
    ASSERT_TRUE(created) << created.error().message();

    std::array<char, 64> name = {};
    iovec part{name.data(), name.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control = {};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ASSERT_GT(::recvmsg(ours.get(), &message, 0), 0);
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    const UniqueFd master(fd);
    ASSERT_TRUE((*created)->start());
    std::string text;
    std::array<char, 256> buffer;
    for (ssize_t got = 0; (got = ::read(master.get(), buffer.data(), buffer.size())) > 0;)
        text.append(buffer.data(), static_cast<std::size_t>(got));
    EXPECT_EQ(text, "/dev/pts/0\r\n33 99\r\ncharacter special file\r\ndone\r\n");
    EXPECT_EQ(wait_for_exit((*created)->pid()), 0);
}

} // namespace
} // namespace berth::runtime::testing
