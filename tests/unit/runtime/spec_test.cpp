// config.json: what is read, and how each mistake is named.
#include "container_fixture.hpp"
#include "runtime/spec/spec.hpp"

#include <gmock/gmock.h>

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

namespace berth::runtime {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryDirectory;

TEST(Spec, ExampleIsValid) {
    const auto spec = parse_spec(example_spec());
    ASSERT_TRUE(spec) << spec.error().message();
    EXPECT_EQ(spec->namespaces.size(), 6u);
    EXPECT_EQ(spec->mounts.size(), 7u);
    EXPECT_EQ(spec->process.args, std::vector<std::string>{"sh"});
    EXPECT_EQ(spec->process.capabilities->bounding, 0xa80425fbu);
    EXPECT_TRUE(spec->root.readonly);
    EXPECT_TRUE(spec->warnings.empty());
}

struct Mistake {
    const char* name;
    const char* patch; // JSON merge patch of the example
    const char* message;
};
class SpecMistake : public ::testing::TestWithParam<Mistake> {};

TEST_P(SpecMistake, IsNamed) {
    Json config = example_spec();
    config.merge_patch(Json::parse(GetParam().patch));
    const auto spec = parse_spec(config);
    ASSERT_FALSE(spec);
    EXPECT_EQ(spec.error().code(), ErrorCode::invalid);
    EXPECT_THAT(spec.error().message(), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    All, SpecMistake,
    ::testing::Values(
        Mistake{"no_version", R"({"ociVersion":null})", "ociVersion: missing"},
        Mistake{"old_version", R"({"ociVersion":"0.9.0"})", "ociVersion: \"0.9.0\" is not supported"},
        Mistake{"new_version", R"({"ociVersion":"2.0.0"})", "ociVersion: \"2.0.0\" is not supported"},
        Mistake{"odd_version", R"({"ociVersion":"1"})", "ociVersion: \"1\" is not supported"},
        Mistake{"version_type", R"({"ociVersion":1})", "ociVersion: expected a string"},
        Mistake{"no_process", R"({"process":null})", "process: missing"},
        Mistake{"process_type", R"({"process":[]})", "process: expected an object"},
        Mistake{"no_args", R"({"process":{"args":[]}})", "process.args: the program to run is missing"},
        Mistake{"arg_type", R"({"process":{"args":["a",1]}})", "process.args[1]: expected a string"},
        Mistake{"nul_in_arg", R"({"process":{"args":["a\u0000b"]}})", "process.args: contains a NUL byte"},
        Mistake{"no_cwd", R"({"process":{"cwd":null}})", "process.cwd: missing"},
        Mistake{"relative_cwd", R"({"process":{"cwd":"tmp"}})",
                "process.cwd: \"tmp\" is not an absolute path"},
        Mistake{"uid_type", R"({"process":{"user":{"uid":"root"}}})",
                "process.user.uid: expected a whole number"},
        Mistake{"uid_range", R"({"process":{"user":{"uid":-1}}})",
                "process.user.uid: -1 is not in 0..4294967295"},
        Mistake{"groups", R"({"process":{"user":{"additionalGids":[-1]}}})",
                "process.user.additionalGids: every"},
        Mistake{"rlimit_name", R"({"process":{"rlimits":[{"type":"RLIMIT_X","soft":1,"hard":1}]}})",
                "process.rlimits[0].type: \"RLIMIT_X\" is not a resource limit"},
        Mistake{"rlimit_order", R"({"process":{"rlimits":[{"type":"RLIMIT_CORE","soft":2,"hard":1}]}})",
                "process.rlimits[0].soft: 2 is above the hard limit 1"},
        Mistake{"rlimit_twice", R"({"process":{"rlimits":[{"type":"RLIMIT_CORE","soft":1,"hard":1},
                                                          {"type":"RLIMIT_CORE","soft":1,"hard":1}]}})",
                "process.rlimits[1].type: RLIMIT_CORE is given twice"},
        Mistake{"oom_score", R"({"process":{"oomScoreAdj":1001}})", "process.oomScoreAdj: 1001 is not in"},
        Mistake{"no_root", R"({"root":null})", "root: missing"},
        Mistake{"no_root_path", R"({"root":{"path":""}})", "root.path: missing"},
        Mistake{"no_linux", R"({"linux":null})", "linux: missing"},
        Mistake{"no_destination", R"({"mounts":[{"type":"tmpfs"}]})", "mounts[0].destination: missing"},
        Mistake{"no_type", R"({"mounts":[{"destination":"/a"}]})", "mounts[0].type: missing"},
        Mistake{"no_source", R"({"mounts":[{"destination":"/a","options":["rbind"]}]})",
                "mounts[0].source: missing"},
        Mistake{"mount_type", R"({"mounts":["/a"]})", "mounts[0]: expected an object"},
        Mistake{"idmap", R"({"mounts":[{"destination":"/a","source":"/b","options":["bind","idmap"]}]})",
                "mounts[0].options: id-mapped mounts"},
        Mistake{"namespace_type", R"({"linux":{"namespaces":[{"type":"mount"},{"type":"moon"}]}})",
                "linux.namespaces[1].type: \"moon\" is not a supported kind"},
        Mistake{"namespace_twice", R"({"linux":{"namespaces":[{"type":"pid"},{"type":"pid"}]}})",
                "linux.namespaces[1].type: a pid namespace is given twice"},
        Mistake{"namespace_path", R"({"linux":{"namespaces":[{"type":"pid","path":"x"}]}})",
                "linux.namespaces[0].path: must be absolute"},
        Mistake{"no_mount_namespace", R"({"linux":{"namespaces":[]},"hostname":null})",
                "linux.namespaces: a container without a mount namespace"},
        Mistake{"hostname", R"({"linux":{"namespaces":[{"type":"mount"}]}})",
                "hostname: needs a uts namespace"},
        Mistake{"domainname", R"({"hostname":"","domainname":"x","linux":{"namespaces":[{"type":"mount"}]}})",
                "domainname: needs a uts namespace"},
        Mistake{"map_without_user", R"({"linux":{"uidMappings":[{"containerID":0,"hostID":1,"size":1}]}})",
                "linux.uidMappings: given without a user namespace"},
        Mistake{"user_without_map",
                R"({"linux":{"namespaces":[{"type":"mount"},{"type":"uts"},{"type":"user"}]}})",
                "both are needed for a new user namespace"},
        Mistake{"map_size", R"({"linux":{"uidMappings":[{"containerID":0,"hostID":1,"size":0}]}})",
                "linux.uidMappings[0].size: must be greater than zero"},
        Mistake{"host_sysctl", R"({"linux":{"sysctl":{"vm.swappiness":"1"}}})",
                "linux.sysctl: vm/swappiness belongs to the whole host"},
        Mistake{"sysctl_escape", R"({"linux":{"sysctl":{"net/../vm/swappiness":"1"}}})",
                "is not the name of"},
        Mistake{"net_sysctl", R"({"linux":{"namespaces":[{"type":"mount"},{"type":"uts"}],
                                           "sysctl":{"net.ipv4.ip_forward":"1"}}})",
                "linux.sysctl: net/ipv4/ip_forward needs a network namespace"},
        Mistake{"masked", R"({"linux":{"maskedPaths":["proc"]}})",
                "linux.maskedPaths: \"proc\" is not absolute"},
        Mistake{"readonly", R"({"linux":{"readonlyPaths":["proc"]}})",
                "linux.readonlyPaths: \"proc\" is not"},
        Mistake{"propagation", R"({"linux":{"rootfsPropagation":"public"}})",
                "linux.rootfsPropagation: \"public\""},
        Mistake{"device_type", R"({"linux":{"devices":[{"path":"/dev/x","type":"z"}]}})",
                "linux.devices[0].type: \"z\" is none of"},
        Mistake{"device_number", R"({"linux":{"devices":[{"path":"/dev/x","type":"c","major":1}]}})",
                "linux.devices[0].minor: missing"},
        Mistake{"resources", R"({"linux":{"resources":3}})", "linux.resources: expected an object"},
        Mistake{"seccomp", R"({"linux":{"seccomp":true}})", "linux.seccomp: expected an object"},
        Mistake{"hook_path", R"({"hooks":{"prestart":[{"path":"x"}]}})",
                "hooks.prestart[0].path: must be absolute"},
        Mistake{"hook_timeout", R"({"hooks":{"poststop":[{"path":"/x","timeout":0}]}})",
                "hooks.poststop[0].timeout: must be greater than zero"},
        Mistake{"intel", R"({"linux":{"intelRdt":{}}})", "linux.intelRdt: not supported"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Spec, UnknownCapabilityIsOnlyAWarning) {
    Json config = example_spec();
    config["process"]["capabilities"]["bounding"].push_back("CAP_TIME_TRAVEL");
    const auto spec = parse_spec(config);
    ASSERT_TRUE(spec) << spec.error().message();
    ASSERT_EQ(spec->warnings.size(), 1u);
    EXPECT_THAT(spec->warnings[0],
                HasSubstr("process.capabilities.bounding: unknown capability \"CAP_TIME_TRAVEL\""));
}

TEST(Spec, UnlimitedIsReadInBothSpellings) {
    Json config = example_spec();
    config["process"]["rlimits"] =
        Json::parse(R"([{"type":"RLIMIT_CORE","soft":0,"hard":18446744073709551615},
                                                   {"type":"RLIMIT_CPU","soft":-1,"hard":-1}])");
    const auto spec = parse_spec(config);
    ASSERT_TRUE(spec) << spec.error().message();
    EXPECT_EQ(spec->process.rlimits[0].hard, RLIM_INFINITY);
    EXPECT_EQ(spec->process.rlimits[1].soft, RLIM_INFINITY);
}

TEST(LoadSpec, MissingFile) {
    const TemporaryDirectory directory;
    const auto spec = load_spec(directory.path());
    ASSERT_FALSE(spec);
    EXPECT_EQ(spec.error().code(), ErrorCode::not_found);
    EXPECT_THAT(spec.error().message(), HasSubstr((directory.path() / "config.json").string()));
}

TEST(LoadSpec, TruncatedFile) {
    const TemporaryDirectory directory;
    const auto text = dump_json(example_spec());
    ASSERT_TRUE(
        write_file_atomic(directory.path() / "config.json", text.substr(0, text.size() / 2), 0644, false));
    const auto spec = load_spec(directory.path());
    ASSERT_FALSE(spec);
    EXPECT_THAT(spec.error().message(), HasSubstr("config.json: not valid JSON at byte"));
}

TEST(LoadSpec, TooLargeFile) {
    const TemporaryDirectory directory;
    Json config = example_spec();
    config["annotations"] = {{"x", std::string(kMaxConfigBytes, 'x')}};
    ASSERT_TRUE(write_file_atomic(directory.path() / "config.json", dump_json(config), 0644, false));
    const auto spec = load_spec(directory.path());
    ASSERT_FALSE(spec);
    EXPECT_EQ(spec.error().code(), ErrorCode::limit);
}

TEST(MountOptions, FlagsPropagationAndData) {
    const auto options = parse_mount_options(
        {"rbind", "ro", "nosuid", "suid", "rslave", "size=4k", "mode=755", "tmpcopyup"}, "x");
    ASSERT_TRUE(options);
    EXPECT_EQ(options->flags, static_cast<unsigned long>(MS_BIND | MS_REC | MS_RDONLY));
    EXPECT_EQ(options->cleared, static_cast<unsigned long>(MS_NOSUID));
    EXPECT_EQ(options->propagation, std::vector<unsigned long>{MS_SLAVE | MS_REC});
    EXPECT_EQ(options->data, "size=4k,mode=755");
    EXPECT_TRUE(options->copy_up);
}

TEST(MountOptions, RecursiveAttributes) {
    const auto options = parse_mount_options({"rro", "rnoatime", "rexec"}, "x");
    ASSERT_TRUE(options);
    EXPECT_EQ(options->recursive_set, std::uint64_t{MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOATIME});
    EXPECT_EQ(options->recursive_cleared, std::uint64_t{MOUNT_ATTR__ATIME | MOUNT_ATTR_NOEXEC});
    EXPECT_FALSE(parse_mount_options({"rnoatime", "rstrictatime"}, "x"));
}

TEST(MountOptions, DataHasToFitAPage) {
    EXPECT_TRUE(parse_mount_options({std::string(4094, 'x')}, "x"));
    EXPECT_FALSE(parse_mount_options({std::string(4095, 'x')}, "x"));
}

} // namespace
} // namespace berth::runtime
