// From an ECS container to config.json.
#include "agent/executor/bundle.hpp"
#include "agent/executor/signals.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>

namespace berth::executor {
namespace {

class Bundle : public testing::Test {
  protected:
    void SetUp() override {
        task_.arn = TaskArn("arn:aws:ecs:us-west-2:111122223333:task/default/0123");
        task_.network_mode = "bridge";
        container_.name = "app";
        container_.image = "app:1";
        image_.entrypoint = {"/entry"};
        image_.command = {"default"};
        image_.environment = {"PATH=/image/bin", "FROM_IMAGE=1", "NOVALUE"};
        inputs_.task = &task_;
        inputs_.container = &container_;
        inputs_.image = &image_;
        inputs_.id = ContainerId(std::string(64, 'a'));
        inputs_.directory = "/data/containers/x";
        inputs_.cgroup_path = "/ecs/0123/x";
        inputs_.hostname = "aaaaaaaaaaaa";
        inputs_.region = "us-west-2";
    }
    Json make() {
        auto bundle = make_bundle(inputs_);
        EXPECT_TRUE(bundle) << bundle.error().message();
        return bundle.value_or(Json::object());
    }
    std::string refused() {
        const auto bundle = make_bundle(inputs_);
        return bundle ? "" : bundle.error().message();
    }
    static bool has_env(const Json& bundle, const std::string& line) {
        const auto env = bundle["process"]["env"].get<std::vector<std::string>>();
        return std::find(env.begin(), env.end(), line) != env.end();
    }
    static std::set<std::string> namespaces(const Json& bundle) {
        std::set<std::string> types;
        for (const auto& entry : bundle["linux"]["namespaces"])
            types.insert(entry["type"].get<std::string>());
        return types;
    }
    static const Json* mount_at(const Json& bundle, const std::string& destination) {
        for (const auto& mount : bundle["mounts"])
            if (mount["destination"] == destination) return &mount;
        return nullptr;
    }

    engine::TaskSpec task_;
    engine::ContainerSpec container_;
    images::ImageConfig image_;
    BundleInputs inputs_;
};

TEST_F(Bundle, CommandComesFromTaskOrImage) {
    EXPECT_EQ(make()["process"]["args"], (Json{"/entry", "default"}));
    container_.command = {"mine"};
    EXPECT_EQ(make()["process"]["args"], (Json{"/entry", "mine"}));
    container_.command.reset();
    container_.entry_point = {"/other"};
    EXPECT_EQ(make()["process"]["args"], (Json::array({"/other"})))
        << "an entry point hides the image's command";
    image_.entrypoint.clear();
    image_.command.clear();
    container_.entry_point.reset();
    EXPECT_TRUE(refused().starts_with("no command")) << refused();
}

TEST_F(Bundle, EnvironmentPrecedence) {
    container_.environment = {{"FROM_IMAGE", "2"}, {"MINE", "3"}};
    const auto bundle = make();
    EXPECT_TRUE(has_env(bundle, "PATH=/image/bin"));
    EXPECT_TRUE(has_env(bundle, "FROM_IMAGE=2"));
    EXPECT_TRUE(has_env(bundle, "MINE=3"));
    EXPECT_TRUE(has_env(bundle, "NOVALUE="));
    EXPECT_TRUE(has_env(bundle, "AWS_REGION=us-west-2"));
    EXPECT_TRUE(has_env(bundle, "AWS_DEFAULT_REGION=us-west-2"));
    image_.environment = {"AWS_REGION=eu-west-1"};
    EXPECT_FALSE(has_env(make(), "AWS_DEFAULT_REGION=us-west-2")) << "an image with a region keeps it";
}

TEST_F(Bundle, LimitsHaveDockersMeaning) {
    container_.cpu_shares = 256;
    container_.memory_bytes = 64 << 20;
    container_.memory_reservation_bytes = 32 << 20;
    const auto resources = make()["linux"]["resources"];
    EXPECT_EQ(resources["cpu"]["shares"], 256);
    EXPECT_EQ(resources["memory"]["limit"], 64 << 20);
    EXPECT_EQ(resources["memory"]["swap"], 128 << 20);
    EXPECT_EQ(resources["memory"]["reservation"], 32 << 20);
    container_.memory_swap_bytes = -1;
    EXPECT_EQ(make()["linux"]["resources"]["memory"]["swap"], -1);
    container_.memory_bytes = 0;
    EXPECT_FALSE(make()["linux"]["resources"]["memory"].contains("limit"));
}

TEST_F(Bundle, DefaultsAreDockers) {
    const auto bundle = make();
    EXPECT_EQ(bundle["process"]["capabilities"]["bounding"].size(), 14U);
    EXPECT_TRUE(bundle["linux"].contains("seccomp"));
    EXPECT_FALSE(bundle["linux"]["maskedPaths"].empty());
    EXPECT_EQ(namespaces(bundle), (std::set<std::string>{"mount", "uts", "cgroup", "pid", "ipc", "network"}));
    ASSERT_NE(mount_at(bundle, "/etc/resolv.conf"), nullptr);
    EXPECT_EQ((*mount_at(bundle, "/etc/resolv.conf"))["source"], "/data/containers/x/etc/resolv.conf");
}

TEST_F(Bundle, CapabilitiesDropBeforeAdd) {
    container_.cap_drop = {"ALL"};
    container_.cap_add = {"net_bind_service"};
    EXPECT_EQ(make()["process"]["capabilities"]["bounding"], (Json::array({"CAP_NET_BIND_SERVICE"})));
    container_.cap_add = {"FLY"};
    EXPECT_EQ(refused(), "CapAdd: unknown capability \"FLY\"");
}

TEST_F(Bundle, PrivilegedHasEverything) {
    container_.privileged = true;
    const auto bundle = make();
    EXPECT_GT(bundle["process"]["capabilities"]["bounding"].size(), 38U);
    EXPECT_FALSE(bundle["linux"].contains("seccomp"));
    EXPECT_FALSE(bundle["linux"].contains("maskedPaths"));
}

TEST_F(Bundle, NamespacesFollowTheModes) {
    task_.network_mode = "host";
    task_.pid_mode = "host";
    task_.ipc_mode = "host";
    EXPECT_EQ(namespaces(make()), (std::set<std::string>{"mount", "uts", "cgroup"}));
    task_.pid_mode = "task";
    EXPECT_TRUE(refused().contains("pidMode \"task\"")) << refused();
}

TEST_F(Bundle, MountsOuterPathsFirst) {
    inputs_.volumes = {{"data", "/data/volumes/data"}};
    container_.mounts = {{.source_volume = "data", .container_path = "/srv/a/b", .read_only = true}};
    container_.binds = {"/host/dir:/srv:ro", "data:/srv/a"};
    container_.tmpfs = {{"/run", "size=1m,exec"}};
    const auto bundle = make();
    std::vector<std::string> order;
    for (const auto& mount : bundle["mounts"]) {
        const auto path = mount["destination"].get<std::string>();
        if (path.starts_with("/srv")) order.push_back(path);
    }
    EXPECT_EQ(order, (std::vector<std::string>{"/srv", "/srv/a", "/srv/a/b"}));
    EXPECT_EQ((*mount_at(bundle, "/srv"))["options"], (Json{"rbind", "rprivate", "ro"}));
    EXPECT_EQ((*mount_at(bundle, "/srv/a"))["source"], "/data/volumes/data");
    EXPECT_EQ((*mount_at(bundle, "/run"))["options"], (Json{"nosuid", "nodev", "noexec", "size=1m", "exec"}));
    container_.binds = {"missing:/x"};
    EXPECT_TRUE(refused().contains("no volume is named \"missing\"")) << refused();
    container_.binds = {"relative"};
    EXPECT_TRUE(refused().contains("is not source:/path")) << refused();
}

TEST_F(Bundle, RefusesWhatItCannotDo) {
    container_.security_opt = {"apparmor=profile"};
    EXPECT_TRUE(refused().contains("apparmor=profile"));
    container_.security_opt = {"no-new-privileges", "seccomp=unconfined"};
    const auto bundle = make();
    EXPECT_TRUE(bundle["process"]["noNewPrivileges"].get<bool>());
    EXPECT_FALSE(bundle["linux"].contains("seccomp"));
    container_.init = true;
    EXPECT_TRUE(refused().contains("initProcessEnabled"));
}

TEST(EtcFiles, BridgeLosesLoopbackResolvers) {
    engine::ContainerSpec container;
    container.extra_hosts = {"db:10.0.0.5", "v6:fd00::1"};
    const auto files =
        make_etc_files(container, "web", "172.17.0.2", false, "ignored",
                       "# note\nnameserver 127.0.0.53\nnameserver 10.0.0.2\nsearch a.example\n");
    EXPECT_EQ(files.resolv_conf, "# note\nnameserver 10.0.0.2\nsearch a.example\n");
    EXPECT_TRUE(files.hosts.contains("10.0.0.5\tdb\n"));
    EXPECT_TRUE(files.hosts.contains("fd00::1\tv6\n"));
    EXPECT_TRUE(files.hosts.ends_with("172.17.0.2\tweb\n"));
    EXPECT_EQ(files.hostname, "web\n");
    const auto alone = make_etc_files(container, "web", "", false, "", "nameserver ::1\n");
    EXPECT_TRUE(alone.resolv_conf.contains("nameserver 8.8.8.8"));
}

TEST(EtcFiles, OwnDnsReplacesAndHostModeKeeps) {
    engine::ContainerSpec container;
    const auto host = make_etc_files(container, "h", "", true, "1.2.3.4 x\n", "nameserver 127.0.0.1\n");
    EXPECT_EQ(host.resolv_conf, "nameserver 127.0.0.1\n");
    EXPECT_EQ(host.hosts, "1.2.3.4 x\n");
    container.dns = {"9.9.9.9"};
    container.dns_search = {"x.example", "y.example"};
    EXPECT_EQ(
        make_etc_files(container, "h", "", false, "", "nameserver 10.0.0.2\nsearch a\noptions ndots:2\n")
            .resolv_conf,
        "options ndots:2\nnameserver 9.9.9.9\nsearch x.example y.example\n");
}

TEST(Signals, NamesAndNumbers) {
    EXPECT_EQ(parse_signal("SIGTERM").value(), SIGTERM);
    EXPECT_EQ(parse_signal("QUIT").value(), SIGQUIT);
    EXPECT_EQ(parse_signal("9").value(), SIGKILL);
    EXPECT_EQ(parse_signal("SIGRTMIN+3").value(), SIGRTMIN + 3);
    for (const char* text : {"", "0", "65", "SIGNOPE", "RTMIN+99", "-1"})
        EXPECT_FALSE(parse_signal(text)) << text;
}

} // namespace
} // namespace berth::executor
