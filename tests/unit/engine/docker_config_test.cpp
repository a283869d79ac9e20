// dockerConfig.config and .hostConfig: decoded over the typed fields, everything else refused by name.
#include "berth/engine/task.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

Result<TaskSpec> parse(const std::string& config, const std::string& host_config,
                       const std::string& typed = "{}", const std::string& network_mode = "bridge") {
    auto container = *parse_json(typed);
    container["name"] = "app";
    container["image"] = "busybox:1";
    container["dockerConfig"] = {{"version", "1.17"}, {"config", config}, {"hostConfig", host_config}};
    return parse_task({{"arn", "a/t"}, {"networkMode", network_mode}, {"containers", {container}}});
}

std::string error_of(const Result<TaskSpec>& result) {
    return result ? "no error" : result.error().message();
}

ContainerSpec with_config(const std::string& config, const std::string& typed = "{}") {
    const auto task = parse(config, "{}", typed);
    EXPECT_TRUE(task) << error_of(task);
    return task ? task->containers.at(0) : ContainerSpec();
}

ContainerSpec with_host_config(const std::string& host_config, const std::string& typed = "{}") {
    const auto task = parse("{}", host_config, typed);
    EXPECT_TRUE(task) << error_of(task);
    return task ? task->containers.at(0) : ContainerSpec();
}

TEST(DockerConfig, ReadsEveryUnderstoodMember) {
    const auto c = with_config(R"({"Hostname": "h", "User": "1:2", "WorkingDir": "/w", "Tty": true,
        "OpenStdin": true, "Labels": {"a": "b"}, "StopSignal": "SIGINT", "StopTimeout": 7,
        "Cmd": ["c"], "Entrypoint": ["e"], "Env": ["A=1=2", "B"], "ExposedPorts": {"80/tcp": {}},
        "AttachStdout": true, "Image": "busybox:1"})");
    EXPECT_EQ(c.hostname, "h");
    EXPECT_EQ(c.user, "1:2");
    EXPECT_EQ(c.working_dir, "/w");
    EXPECT_TRUE(c.tty);
    EXPECT_TRUE(c.open_stdin);
    EXPECT_THAT(c.labels, ElementsAre(Pair("a", "b")));
    EXPECT_EQ(c.stop_signal, "SIGINT");
    EXPECT_EQ(c.stop_timeout, std::chrono::seconds(7));
    EXPECT_THAT(*c.command, ElementsAre("c"));
    EXPECT_THAT(*c.entry_point, ElementsAre("e"));
    EXPECT_THAT(c.environment, ElementsAre(Pair("A", "1=2"), Pair("B", "")));
}

TEST(DockerConfig, TheHealthCheckAsTheServiceSendsIt) {
    const auto c = with_config(R"({"HealthCheck":{"Test":["CMD","echo","hello"],"Interval":10000000000,
        "Timeout":5000000000,"StartPeriod":1000000000,"Retries":5}})");
    ASSERT_TRUE(c.health_check);
    EXPECT_THAT(c.health_check->test, ElementsAre("CMD", "echo", "hello"));
    EXPECT_EQ(c.health_check->interval, std::chrono::seconds(10));
    EXPECT_EQ(c.health_check->timeout, std::chrono::seconds(5));
    EXPECT_EQ(c.health_check->start_period, std::chrono::seconds(1));
    EXPECT_EQ(c.health_check->retries, 5);
}

TEST(DockerConfig, ZeroInAHealthCheckIsDockersDefault) {
    const auto c =
        with_config(R"({"healthcheck":{"Test":["CMD-SHELL","x"],"Interval":0,"Timeout":0,"Retries":0}})");
    ASSERT_TRUE(c.health_check);
    EXPECT_EQ(c.health_check->interval, std::chrono::seconds(30));
    EXPECT_EQ(c.health_check->timeout, std::chrono::seconds(30));
    EXPECT_EQ(c.health_check->retries, 3);
    EXPECT_FALSE(with_config(R"({"Healthcheck":{"Test":["NONE"]}})").health_check);
    EXPECT_FALSE(with_config(R"({"Healthcheck":{"Test":[]}})").health_check);
}

TEST(DockerConfig, WinsOverTypedFieldsByGosRules) {
    const auto* typed = R"({"command": ["typed"], "entryPoint": ["typed"], "environment": {"T": "1"}})";
    EXPECT_THAT(*with_config("{}", typed).command, ElementsAre("typed"));
    EXPECT_THAT(*with_config(R"({"Cmd": ["x"]})", typed).command, ElementsAre("x"));
    EXPECT_THAT(*with_config(R"({"Cmd": "one word"})", typed).command, ElementsAre("one word"));
    EXPECT_FALSE(with_config(R"({"Cmd": null})", typed).command);
    EXPECT_FALSE(with_config(R"({"entrypoint": null})", typed).entry_point);
    EXPECT_THAT(with_config(R"({"Env": ["X=2"]})", typed).environment, ElementsAre(Pair("X", "2")));
    EXPECT_THAT(with_config(R"({"Env": null})", typed).environment, IsEmpty());
    EXPECT_EQ(with_config(R"({"StopTimeout": 7})", R"({"stopTimeout": 3})").stop_timeout,
              std::chrono::seconds(3));
}

TEST(DockerHostConfig, ReadsEveryUnderstoodMember) {
    const auto c = with_host_config(R"({"Memory": 104857600, "MemoryReservation": 52428800,
        "MemorySwap": 209715200, "MemorySwappiness": 10, "CpuShares": 512, "CpusetCpus": "0-1",
        "ShmSize": 1024, "Tmpfs": {"/t": "size=1m"}, "Init": true,
        "Ulimits": [{"Name": "nofile", "Soft": 10, "Hard": 20}, {"Name": "core", "Soft": -1, "Hard": -1}],
        "Devices": [{"PathOnHost": "/dev/fuse"},
                    {"PathOnHost": "/dev/a", "PathInContainer": "/dev/b", "CgroupPermissions": "r"}],
        "Sysctls": {"net.core.somaxconn": "1"}, "ReadonlyRootfs": true, "Privileged": true,
        "CapAdd": ["NET_ADMIN"], "CapDrop": ["ALL"], "SecurityOpt": ["no-new-privileges"],
        "Dns": ["10.0.0.2"], "DnsSearch": ["x"], "ExtraHosts": ["a:1.2.3.4"], "GroupAdd": ["5"],
        "PidsLimit": 100, "Binds": ["/a:/b:ro"],
        "LogConfig": {"Type": "awslogs", "Config": {"awslogs-group": "/g"}}})");
    EXPECT_EQ(c.memory_bytes, 104857600);
    EXPECT_EQ(c.memory_reservation_bytes, 52428800);
    EXPECT_EQ(c.memory_swap_bytes, 209715200);
    EXPECT_EQ(c.swappiness, 10);
    EXPECT_EQ(c.cpu_shares, 512);
    EXPECT_EQ(c.cpuset_cpus, "0-1");
    EXPECT_EQ(c.shm_bytes, 1024);
    EXPECT_THAT(c.tmpfs, ElementsAre(Pair("/t", "size=1m")));
    EXPECT_TRUE(c.init);
    ASSERT_EQ(c.ulimits.size(), 2U);
    EXPECT_EQ(c.ulimits[0].hard, 20);
    ASSERT_EQ(c.devices.size(), 2U);
    EXPECT_EQ(c.devices[0].container_path, "/dev/fuse");
    EXPECT_EQ(c.devices[0].permissions, "rwm");
    EXPECT_EQ(c.devices[1].permissions, "r");
    EXPECT_TRUE(c.read_only_root);
    EXPECT_TRUE(c.privileged);
    EXPECT_THAT(c.cap_add, ElementsAre("NET_ADMIN"));
    EXPECT_THAT(c.cap_drop, ElementsAre("ALL"));
    EXPECT_THAT(c.security_opt, ElementsAre("no-new-privileges"));
    EXPECT_EQ(c.pids_limit, 100);
    EXPECT_THAT(c.binds, ElementsAre("/a:/b:ro"));
    EXPECT_EQ(c.log.driver, "awslogs");
    EXPECT_THAT(c.log.options, ElementsAre(Pair("awslogs-group", "/g")));
}

TEST(DockerHostConfig, MayRepeatWhatTheTaskSaysAndHoldEmptyValues) {
    const auto c =
        with_host_config(R"({"NetworkMode": "bridge", "CapAdd": null, "CapDrop": null, "PidMode": "",
        "IpcMode": "private", "CgroupParent": "/ecs/x", "UsernsMode": "host", "CgroupnsMode": "private",
        "Runtime": "runc", "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}, "Isolation": "default",
        "VolumeDriver": "local", "PortBindings": {}, "PublishAllPorts": false, "NanoCpus": 0, "CpuPeriod": 0,
        "ConsoleSize": [0, 0], "BlkioWeightDevice": [], "OomKillDisable": false, "Links": null,
        "PidsLimit": -1, "MemorySwappiness": -1, "ShmSize": 0, "Mounts": null, "MaskedPaths": null})");
    EXPECT_THAT(c.cap_drop, IsEmpty());
    EXPECT_EQ(c.pids_limit, std::nullopt);
    EXPECT_EQ(c.swappiness, std::nullopt);
    EXPECT_EQ(c.shm_bytes, std::nullopt);
}

TEST(DockerHostConfig, WinsOverTypedMemoryAndCpu) {
    const auto c = with_host_config(R"({"Memory": 1000, "CpuShares": 1})", R"({"memory": 50, "cpu": 512})");
    EXPECT_EQ(c.memory_bytes, std::int64_t{6} << 20);
    EXPECT_EQ(c.cpu_shares, 2);
    EXPECT_EQ(c.cpu_units, 512); // what is reserved on the host stays what the task asked for
}

TEST(DockerHostConfig, TellsTheNetworkModeWhenTheTaskDoesNot) {
    const auto task = parse("{}", R"({"NetworkMode": "host"})", "{}", "");
    ASSERT_TRUE(task) << error_of(task);
    EXPECT_EQ(task->network_mode, "host");
    EXPECT_EQ(parse("{}", R"({"NetworkMode": "default"})", "{}", "")->network_mode, "bridge");
}

struct Bad {
    const char* config;
    const char* host_config;
    const char* error;
};

class DockerConfigErrors : public testing::TestWithParam<Bad> {};

TEST_P(DockerConfigErrors, NameTheField) {
    const auto& bad = GetParam();
    EXPECT_THAT(error_of(parse(bad.config, bad.host_config)), HasSubstr(bad.error));
}

INSTANTIATE_TEST_SUITE_P(
    All, DockerConfigErrors,
    testing::Values(
        Bad{R"({"Domainname": "x"})", "{}",
            "containers[0].dockerConfig.config.Domainname: is not supported by this version"},
        Bad{R"({"NetworkDisabled": true})", "{}", "NetworkDisabled: is not supported"},
        Bad{R"({"Volumes": {"/x": {"a": "b"}}})", "{}", "Volumes: is not supported"},
        Bad{R"({"Image": "other"})", "{}", "Image: \"other\" is not supported"},
        Bad{R"({"Healthcheck": {"Test": ["RUN", "x"]}})", "{}", "Healthcheck.Test: \"RUN\" is not NONE"},
        Bad{R"({"Healthcheck": {"Test": ["CMD"]}})", "{}", "Healthcheck.Test: has no command"},
        Bad{R"({"Env": ["=x"]})", "{}", "Env: a variable has no name"},
        Bad{R"({"Tty": "yes"})", "{}", "Tty: expected a boolean"},
        Bad{"{}", R"({"NanoCpus": 5})", "dockerConfig.hostConfig.NanoCpus: is not supported by this version"},
        Bad{"{}", R"({"Mounts": [{"Type": "bind"}]})", "Mounts: is not supported"},
        Bad{"{}", R"({"PortBindings": {"80/tcp": [{"HostPort": "80"}]}})", "PortBindings: is not supported"},
        Bad{"{}", R"({"VolumesFrom": ["a"]})", "VolumesFrom: is not supported"},
        Bad{"{}", R"({"Links": ["a:b"]})", "Links: is not supported"},
        Bad{"{}", R"({"NoSuchThing": 1})", "NoSuchThing: is not supported"},
        Bad{"{}", R"({"UsernsMode": "private"})", "UsernsMode: \"private\" is not supported"},
        Bad{"{}", R"({"CgroupnsMode": "host"})", "CgroupnsMode: \"host\" is not supported"},
        Bad{"{}", R"({"Runtime": "nvidia"})", "Runtime: \"nvidia\" is not supported"},
        Bad{"{}", R"({"RestartPolicy": {"Name": "always"}})",
            "RestartPolicy.Name: \"always\" is not supported"},
        Bad{"{}", R"({"SecurityOpt": ["apparmor:docker-default"]})",
            "SecurityOpt: \"apparmor:docker-default\""},
        Bad{"{}", R"({"LogConfig": {"Type": "splunk"}})",
            "LogConfig.Type: log driver \"splunk\" is not supported"},
        Bad{"{}", R"({"NetworkMode": "host"})", "NetworkMode: \"host\" is not the task's mode, \"bridge\""},
        Bad{"{}", R"({"NetworkMode": "container:abc"})", "NetworkMode: \"container:abc\" is not"},
        Bad{"{}", R"({"PidMode": "host"})", "PidMode: \"host\" is not the task's mode"},
        Bad{"{}", R"({"Binds": ["data:/x"]})", "Binds: \"data:/x\" is not <host path>:<container path>"},
        Bad{"{}", R"({"Binds": ["/x"]})", "Binds: \"/x\" is not"},
        Bad{"{}", R"({"Binds": ["/x:"]})", "Binds: \"/x:\" is not"},
        Bad{"{}", R"({"Ulimits": [{"Name": "files", "Soft": 1, "Hard": 1}]})",
            "Ulimits[0].Name: \"files\" is no resource limit"},
        Bad{"{}", R"({"Ulimits": [{"Name": "nofile", "Soft": 2, "Hard": 1}]})", "Ulimits[0].Soft: 2 is over"},
        Bad{"{}", R"({"Ulimits": [null]})", "Ulimits[0]: expected an object"},
        Bad{"{}", R"({"Devices": [{"PathOnHost": "x"}]})",
            "Devices[0].PathOnHost: \"x\" is not an absolute path"},
        Bad{"{}", R"({"Devices": [{"PathOnHost": "/x", "CgroupPermissions": "rx"}]})",
            "Devices[0].CgroupPermissions: \"rx\""},
        Bad{"{}", R"({"Memory": -1})", "Memory: -1 is not in"},
        Bad{"{}", R"({"MemorySwap": -2})", "MemorySwap: -2 is not in"},
        Bad{"{}", R"({"MemorySwap": 100000000})", "a limit of memory and swap needs a limit of memory"},
        Bad{"{}", R"({"Memory": 100000000, "MemorySwap": 50000000})", "are less than the memory"},
        Bad{"{}", R"({"Memory": 100000000, "MemoryReservation": 200000000})",
            "the reservation of 200000000 bytes"},
        Bad{"{}", R"({"MemorySwappiness": 101})", "MemorySwappiness: 101 is not in"},
        Bad{"{}", R"({"CapAdd": "ALL"})", "CapAdd: expected a list"},
        Bad{"{}", "nonsense", "containers[0].dockerConfig.hostConfig: not valid JSON"}));

} // namespace
} // namespace berth::engine
