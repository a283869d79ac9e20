// A world with a clock and ids of its own, and the operations called by name.
#pragma once

#include "cluster/api/operations.hpp"
#include "cluster/logs/log_events.hpp"
#include "cluster/model/fields.hpp"
#include "cluster/scheduling/services.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace berth::cluster {

class Fixture : public ::testing::Test {
  protected:
    Fixture() {
        settings.url = "http://127.0.0.1:51700";
        settings.access_key_id = "AKIDEXAMPLE";
        settings.secret_access_key = "secret";
    }

    Context context() { return {world, logs, settings, now, make_id}; }

    Result<Json> call(const std::string& operation, const Json& input) {
        return call_target("AmazonEC2ContainerServiceV20141113." + operation, input);
    }
    Result<Json> call_logs(const std::string& operation, const Json& input) {
        return call_target("Logs_20140328." + operation, input);
    }
    Result<Json> call_target(const std::string& target, const Json& input) {
        const auto route = find_route(target);
        if (!route) return fail(route.error());
        Context here = context();
        const Input in(input);
        return route->run(here, in);
    }
    // The answer, or the error as a JSON object that no answer looks like.
    Json must(const std::string& operation, const Json& input) {
        auto answer = call(operation, input);
        EXPECT_TRUE(answer) << operation << ": " << (answer ? "" : answer.error().message());
        return answer ? *answer : Json::object();
    }
    std::string error_of(const std::string& operation, const Json& input) {
        const auto answer = call(operation, input);
        return answer ? "none" : answer.error().name();
    }
    std::string message_of(const std::string& operation, const Json& input) {
        const auto answer = call(operation, input);
        return answer ? "none" : answer.error().message();
    }

    std::string add_instance(std::int64_t cpu, std::int64_t memory, const Json& attributes = Json::array(),
                             const std::string& cluster = "default") {
        if (!world.cluster(cluster)) must("CreateCluster", {{"clusterName", cluster}});
        const Json resources =
            Json::array({{{"name", "CPU"}, {"type", "INTEGER"}, {"integerValue", cpu}},
                         {{"name", "MEMORY"}, {"type", "INTEGER"}, {"integerValue", memory}},
                         {{"name", "PORTS"}, {"type", "STRINGSET"}, {"stringSetValue", {"22"}}}});
        const auto answer =
            must("RegisterContainerInstance",
                 {{"cluster", cluster}, {"totalResources", resources}, {"attributes", attributes}});
        const auto arn = text_of(object_of(answer, "containerInstance"), "containerInstanceArn");
        world.connected.insert(arn);
        return arn;
    }

    // One container; members of `container` and `more` are added or replaced.
    Json definition(const std::string& family, Json container = Json::object(), Json more = Json::object()) {
        Json app{{"name", "app"}, {"image", "busybox:1"}, {"cpu", 128}, {"memory", 64}};
        if (container.is_object()) app.update(container);
        Json whole{{"family", family}, {"containerDefinitions", Json::array({app})}};
        if (more.is_object()) whole.update(more);
        return whole;
    }
    void define(const std::string& family, Json container = Json::object(), Json more = Json::object()) {
        must("RegisterTaskDefinition", definition(family, std::move(container), std::move(more)));
    }

    std::string run_one(const std::string& family, Json more = Json::object()) {
        Json request{{"taskDefinition", family}};
        request.update(more);
        const auto answer = must("RunTask", request);
        EXPECT_EQ(list_of(answer, "tasks").size(), 1U) << answer;
        return list_of(answer, "tasks").empty() ? "" : text_of(answer["tasks"][0], "taskArn");
    }
    void report(const std::string& task, const std::string& status, Json more = Json::object()) {
        Json request{{"cluster", "default"}, {"task", task}, {"status", status}};
        request.update(more);
        must("SubmitTaskStateChange", request);
    }
    Json describe(const std::string& task) {
        const auto answer = must("DescribeTasks", {{"tasks", {task}}});
        return list_of(answer, "tasks").empty() ? Json::object() : answer["tasks"][0];
    }
    void reconcile() {
        Context here = context();
        reconcile_services(here);
    }

    World world;
    LogEvents logs;
    Settings settings;
    Time now = from_epoch_seconds(1'767'323'045);
    int ids = 0;
    MakeId make_id = [this](std::size_t digits) {
        auto text = fmt::format("{:x}", ++ids);
        return std::string(digits - text.size(), '0') + text;
    };
};

} // namespace berth::cluster
