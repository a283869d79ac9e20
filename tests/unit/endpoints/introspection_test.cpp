// Introspection: bodies and statuses as the reference gives them.
#include "berth/base/json.hpp"
#include "berth/endpoints/introspection.hpp"

#include <gtest/gtest.h>

namespace berth::endpoints {
namespace {

class Introspection : public testing::Test {
  protected:
    void SetUp() override {
        add("arn:aws:ecs:us-west-2:1:task/default/aaaa", std::string(64, '1'));
        add("arn:aws:ecs:us-west-2:1:task/default/bbbb", std::string(63, '1') + '2');
    }
    void add(const std::string& arn, const std::string& id) {
        engine::TaskState task;
        task.spec.arn = TaskArn(arn);
        task.spec.family = "web";
        task.spec.version = "7";
        engine::ContainerSpec container;
        container.name = "my_app";
        container.image = "app:1";
        container.ports = {{.container_port = 80, .host_port = 0, .protocol = network::Protocol::tcp}};
        task.spec.containers = {container};
        task.known = engine::TaskStatus::created;
        engine::ContainerState running;
        running.id = ContainerId(id);
        running.started_at = parse_rfc3339("2026-01-02T03:04:05.000000006Z").value();
        task.containers.emplace("my_app", running);
        state_.tasks.emplace(task.spec.arn, task);
    }
    http::Response get(const std::string& target) {
        const AgentView view{.cluster = "prod",
                             .container_instance_arn = "arn:i",
                             .version = "1.2.3",
                             .hash = "abc",
                             .license = "the license",
                             .state = &state_};
        return answer_introspection(http::Request("GET", target), view);
    }
    static Json body(const http::Response& response) { return parse_json(response.body).value(); }

    engine::EngineState state_;
};

TEST_F(Introspection, Metadata) {
    EXPECT_EQ(body(get("/v1/metadata")), (Json{{"Cluster", "prod"},
                                               {"ContainerInstanceArn", "arn:i"},
                                               {"Version", "Amazon ECS Agent - v1.2.3 (abc)"}}));
    EXPECT_EQ(get("/license").body, "the license");
    const auto unknown = get("/nope");
    EXPECT_EQ(unknown.status, 200U);
    EXPECT_EQ(unknown.body, R"({"AvailableCommands":["/v1/metadata","/v1/tasks","/license"]})");
}

TEST_F(Introspection, TasksShowBackendStatuses) {
    const auto tasks = body(get("/v1/tasks"))["Tasks"];
    ASSERT_EQ(tasks.size(), 2U);
    EXPECT_EQ(tasks[0]["KnownStatus"], "PENDING");
    EXPECT_EQ(tasks[0]["DesiredStatus"], "RUNNING");
    const auto& container = tasks[0]["Containers"][0];
    EXPECT_EQ(container["DockerName"], "ecs-web-7-myapp-11111111111111111111");
    EXPECT_EQ(container["StartedAt"], "2026-01-02T03:04:05.000000006Z");
    EXPECT_EQ(container["Ports"][0], (Json{{"ContainerPort", 80}, {"Protocol", "tcp"}, {"HostPort", 0}}));
    EXPECT_FALSE(container.contains("RestartCount"));
}

TEST_F(Introspection, LookUps) {
    EXPECT_EQ(body(get("/v1/tasks?taskarn=arn%3Aaws%3Aecs%3Aus-west-2%3A1%3Atask%2Fdefault%2Faaaa"))["Arn"],
              "arn:aws:ecs:us-west-2:1:task/default/aaaa");
    EXPECT_EQ(get("/v1/tasks?taskarn=none").status, 404U);
    EXPECT_EQ(get("/v1/tasks?dockerid=" + std::string(64, '1')).status, 200U);
    EXPECT_EQ(get("/v1/tasks?dockerid=11").status, 400U) << "a prefix of two";
    EXPECT_EQ(get("/v1/tasks?dockerid=").status, 400U);
    EXPECT_EQ(get("/v1/tasks?dockerid=" + std::string(13, '1')).status, 404U)
        << "over 12 digits only the whole id counts";
    const auto both = get("/v1/tasks?dockerid=1&taskarn=x");
    EXPECT_EQ(both.status, 400U);
    EXPECT_EQ(both.body, R"({"Arn":"","Containers":null,"Family":"","KnownStatus":"","Version":""})");
}

TEST_F(Introspection, StoppedTaskHidesAStaleDesire) {
    auto& task = state_.tasks.begin()->second;
    task.known = engine::TaskStatus::stopped;
    EXPECT_FALSE(body(get("/v1/tasks"))["Tasks"][0].contains("DesiredStatus"));
    task.desired = engine::TaskStatus::stopped;
    EXPECT_EQ(body(get("/v1/tasks"))["Tasks"][0]["DesiredStatus"], "STOPPED");
}

} // namespace
} // namespace berth::endpoints
