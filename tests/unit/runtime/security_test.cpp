// Capabilities, Docker's defaults and the seccomp compiler with its cache.
#include "berth/runtime/docker_defaults.hpp"

#include "container_fixture.hpp"
#include "runtime/process/plan.hpp"
#include "runtime/security/capabilities.hpp"
#include "runtime/security/seccomp.hpp"

#include <gmock/gmock.h>

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace berth::runtime {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using testing::TemporaryDirectory;
using testing::wait_for_exit;

// errno of a system call made under the profile, 0 when it works.
template <class Call>
int errno_under(const Json& profile, Call call) {
    const auto filter = seccomp_filter(profile, {});
    EXPECT_TRUE(filter) << (filter ? "" : filter.error().message());
    if (!filter) return -1;
    const int pid = ::fork();
    if (pid == 0) {
        if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !install_seccomp(*filter)) ::_exit(250);
        errno = 0;
        ::_exit(call() < 0 ? errno : 0);
    }
    return wait_for_exit(pid);
}

TEST(DockerDefaults, FourteenCapabilities) {
    EXPECT_THAT(docker_capabilities(), SizeIs(14));
    for (const auto& name : docker_capabilities()) EXPECT_TRUE(capability_number(name)) << name;
    EXPECT_EQ(all_capabilities().size(), 41u);
    EXPECT_EQ(all_capabilities()[24], "CAP_SYS_RESOURCE");
}

TEST(DockerSeccomp, AllowsWhatProgramsNeed) {
    const auto profile = docker_seccomp_profile(docker_capabilities());
    EXPECT_EQ(errno_under(profile, [] { return ::getppid(); }), 0);
    EXPECT_EQ(errno_under(profile, [] { return ::socket(AF_INET, SOCK_STREAM, 0); }), 0);
    EXPECT_EQ(errno_under(profile, [] { return ::syscall(SYS_personality, 0xffffffffUL); }), 0);
}

TEST(DockerSeccomp, RefusesWithEperm) {
    const auto profile = docker_seccomp_profile(docker_capabilities());
    EXPECT_EQ(errno_under(profile, [] { return ::syscall(SYS_mount, "", "", "", 0, ""); }), EPERM);
    EXPECT_EQ(errno_under(profile, [] { return ::syscall(SYS_keyctl, 0, 0, 0, 0, 0); }), EPERM);
    EXPECT_EQ(errno_under(profile, [] { return ::syscall(SYS_personality, 0x0080000UL); }), EPERM);
    EXPECT_EQ(errno_under(profile, [] { return ::socket(AF_VSOCK, SOCK_STREAM, 0); }), EPERM);
    EXPECT_EQ(errno_under(profile, [] { return ::syscall(SYS_clone, 0x10000000UL | SIGCHLD, 0, 0, 0, 0); }),
              EPERM);
}

TEST(DockerSeccomp, TellsProgramsToFallBack) {
    const auto profile = docker_seccomp_profile(docker_capabilities());
    EXPECT_EQ(errno_under(profile, [] { return ::syscall(SYS_clone3, nullptr, 0); }), ENOSYS);
    // A number above all that the profile names: made after it was written.
    EXPECT_EQ(errno_under(profile, [] { return ::syscall(600); }), ENOSYS);
}

TEST(DockerSeccomp, CapabilitiesOpenCalls) {
    const auto profile = docker_seccomp_profile({"CAP_SYS_ADMIN"});
    EXPECT_NE(errno_under(profile, [] { return ::syscall(SYS_mount, "", "/nowhere", "", 0, ""); }), EPERM);
    EXPECT_EQ(errno_under(profile, [] { return ::syscall(SYS_clone3, nullptr, 0); }), EINVAL);
    EXPECT_EQ(errno_under(profile, [] { return ::chroot("/"); }), EPERM); // CAP_SYS_CHROOT is another one
}

TEST(Seccomp, UnknownNamesAreSkipped) {
    const Json profile = Json::parse(R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
        {"names":["no_such_call","getppid"],"action":"SCMP_ACT_ERRNO","errnoRet":7}]})");
    EXPECT_EQ(errno_under(profile, [] { return ::syscall(SYS_getppid); }), 7);
}

TEST(Seccomp, RepeatedArgumentMeansEither) {
    const Json profile = Json::parse(R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
        {"names":["close"],"action":"SCMP_ACT_ERRNO","errnoRet":7,"args":[
            {"index":0,"value":900,"op":"SCMP_CMP_EQ"},{"index":0,"value":901,"op":"SCMP_CMP_EQ"}]}]})");
    EXPECT_EQ(errno_under(profile, [] { return ::close(900); }), 7);
    EXPECT_EQ(errno_under(profile, [] { return ::close(901); }), 7);
    EXPECT_EQ(errno_under(profile, [] { return ::close(902); }), EBADF);
}

struct Mistake {
    const char* name;
    const char* profile;
    const char* message;
};
class SeccompMistake : public ::testing::TestWithParam<Mistake> {};
TEST_P(SeccompMistake, IsNamed) {
    const auto filter = seccomp_filter(Json::parse(GetParam().profile), {});
    ASSERT_FALSE(filter);
    EXPECT_THAT(filter.error().message(), HasSubstr(GetParam().message));
}
INSTANTIATE_TEST_SUITE_P(
    All, SeccompMistake,
    ::testing::Values(
        Mistake{"no_action", R"({})", "linux.seccomp.defaultAction: missing"},
        Mistake{"action", R"({"defaultAction":"X"})",
                "linux.seccomp.defaultAction: \"X\" is not a supported action"},
        Mistake{"architecture", R"({"defaultAction":"SCMP_ACT_ALLOW","architectures":["VAX"]})",
                "linux.seccomp.architectures: \"VAX\""},
        Mistake{"flag", R"({"defaultAction":"SCMP_ACT_ALLOW","flags":["X"]})", "linux.seccomp.flags: \"X\""},
        Mistake{"names", R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"action":"SCMP_ACT_LOG"}]})",
                "linux.seccomp.syscalls[0].names: missing"},
        Mistake{"operator", R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],
            "action":"SCMP_ACT_LOG","args":[{"index":0,"op":"X"}]}]})",
                "linux.seccomp.syscalls[0].args[0].op: \"X\""},
        Mistake{"index", R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],
            "action":"SCMP_ACT_LOG","args":[{"index":6,"op":"SCMP_CMP_EQ"}]}]})",
                "linux.seccomp.syscalls[0].args[0].index: system calls have arguments 0 to 5"},
        Mistake{"listener", R"({"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"/x"})",
                "linux.seccomp.listenerPath: user notification is not supported"}),
    [](const auto& test) { return std::string(test.param.name); });

std::vector<fs::path> files_in(const fs::path& directory) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(directory)) files.push_back(entry.path());
    return files;
}

TEST(SeccompCache, IsFilledOnceAndRead) {
    const TemporaryDirectory directory;
    const auto cache = directory.path() / "cache";
    const auto profile = docker_seccomp_profile(docker_capabilities());
    const auto compiled = seccomp_filter(profile, cache);
    ASSERT_TRUE(compiled);
    const auto files = files_in(cache);
    ASSERT_THAT(files, SizeIs(1));
    EXPECT_EQ(fs::file_size(files[0]), compiled->program.size() * sizeof(sock_filter));

    // That it is read shows when it says something else.
    const sock_filter allow{BPF_RET | BPF_K, 0, 0, 0x7fff0000};
    ASSERT_TRUE(
        write_file_atomic(files[0], {reinterpret_cast<const char*>(&allow), sizeof allow}, 0600, false));
    const auto cached = seccomp_filter(profile, cache);
    ASSERT_TRUE(cached);
    EXPECT_EQ(cached->program.size(), 1u);

    const auto other = seccomp_filter(docker_seccomp_profile({}), cache);
    ASSERT_TRUE(other);
    EXPECT_THAT(files_in(cache), SizeIs(2));
}

TEST(SeccompCache, DamagedFileIsMadeAgain) {
    const TemporaryDirectory directory;
    const auto profile = docker_seccomp_profile({});
    const auto compiled = seccomp_filter(profile, directory.path());
    ASSERT_TRUE(compiled);
    const auto file = files_in(directory.path()).at(0);
    const auto whole = testing::text_of(file);
    for (const auto size : {std::size_t{0}, std::size_t{4}, std::size_t{8}}) {
        ASSERT_TRUE(write_file_atomic(file, std::string_view(whole).substr(0, size), 0600, false));
        const auto again = seccomp_filter(profile, directory.path());
        ASSERT_TRUE(again);
        EXPECT_EQ(again->program.size(), compiled->program.size());
        EXPECT_EQ(testing::text_of(file), whole);
    }
}

TEST(SeccompCache, UnwritableIsNoError) {
    EXPECT_TRUE(seccomp_filter(docker_seccomp_profile({}), "/proc/nowhere"));
}

std::uint64_t bit(std::string_view name) { return std::uint64_t{1} << capability_number(name).value(); }

TEST(Capabilities, OnlyWhatIsHeldIsGranted) {
    std::vector<std::string> warnings;
    const auto admin = bit("CAP_SYS_ADMIN"), chown = bit("CAP_CHOWN");
    const auto sets = grantable({.bounding = admin | chown, .effective = admin, .permitted = admin | chown},
                                chown, warnings);
    EXPECT_EQ(sets.bounding, chown);
    EXPECT_EQ(sets.effective, 0u);
    EXPECT_EQ(sets.permitted, chown);
    ASSERT_THAT(warnings, SizeIs(1));
    EXPECT_THAT(warnings[0], HasSubstr("CAP_SYS_ADMIN ignored"));
}

TEST(Capabilities, SetsAreMadeConsistent) {
    std::vector<std::string> warnings;
    const auto chown = bit("CAP_CHOWN"), kill = bit("CAP_KILL");
    const auto sets = grantable({.bounding = chown,
                                 .effective = chown | kill,
                                 .inheritable = chown | kill,
                                 .permitted = chown,
                                 .ambient = kill},
                                ~std::uint64_t{0}, warnings);
    EXPECT_EQ(sets.effective, chown);
    EXPECT_EQ(sets.inheritable, chown);
    EXPECT_EQ(sets.ambient, 0u);
    EXPECT_THAT(warnings, SizeIs(3));
}

TEST(CgroupPath, IsTakenFromTheSpecOrMade) {
    Spec spec;
    const auto path = [&](const char* given) {
        spec.cgroups_path = given;
        return cgroup_path_of(spec, "id").value_or("error");
    };
    EXPECT_EQ(path(""), "berth/id");
    EXPECT_EQ(path("/a/b"), "a/b");
    EXPECT_EQ(path("a/b"), "a/b");
    EXPECT_EQ(path("/"), "error");
    EXPECT_EQ(path("/a/../b"), "error");
    EXPECT_EQ(path("machine.slice:libpod:1234"), "machine.slice/libpod-1234.scope");
    EXPECT_EQ(path("a-b-c.slice:p:n"), "a.slice/a-b.slice/a-b-c.slice/p-n.scope");
    EXPECT_EQ(path(":p:n"), "system.slice/p-n.scope");
    EXPECT_EQ(path("a:b"), "error");
}

TEST(DeviceRules, DefaultDevicesStayUsable) {
    const auto rules = with_default_devices(Json())["devices"];
    EXPECT_EQ(rules[0], Json::parse(R"({"allow":false,"access":"rwm"})"));
    EXPECT_THAT(rules,
                Contains(Json::parse(R"({"allow":true,"type":"c","major":1,"minor":3,"access":"rwm"})")));
    const Json everything = Json::parse(R"({"devices":[{"allow":true,"access":"rwm"}]})");
    EXPECT_EQ(with_default_devices(everything), everything);
}

} // namespace
} // namespace berth::runtime
