// Placement: filters, strategies, constraints, and what a refused task is told.
#include "cluster/definition/definition.hpp"
#include "cluster/scheduling/placement.hpp"
#include "fixture.hpp"

namespace berth::cluster {
namespace {

using namespace std::chrono_literals;

class PlacementTest : public Fixture {
  protected:
    std::vector<std::string> reasons(const Json& request) {
        std::vector<std::string> reasons;
        for (const Json& failure : list_of(must("RunTask", request), "failures"))
            reasons.push_back(text_of(failure, "reason"));
        return reasons;
    }
    std::map<std::string, int> run_many(int count, const Json& more) {
        std::map<std::string, int> per_instance;
        Json request{{"taskDefinition", "web"}, {"count", count}};
        request.update(more);
        for (const Json& task : list_of(must("RunTask", request), "tasks"))
            ++per_instance[text_of(task, "containerInstanceArn")];
        return per_instance;
    }
    using Strings = std::vector<std::string>;
};

TEST_F(PlacementTest, TakesTheInstanceThatHasRoom) {
    add_instance(64, 1024);
    const auto fits = add_instance(1024, 1024);
    define("web");
    EXPECT_EQ(text_of(describe(run_one("web")), "containerInstanceArn"), fits);
}

TEST_F(PlacementTest, NamesTheMissingResourceOfEachInstance) {
    const auto small = add_instance(64, 1024);
    const auto forgetful = add_instance(1024, 32);
    define("web");
    const auto answer = must("RunTask", {{"taskDefinition", "web"}});
    EXPECT_TRUE(answer["tasks"].empty());
    std::map<std::string, std::string> reasons;
    for (const Json& failure : answer["failures"])
        reasons[text_of(failure, "arn")] = text_of(failure, "reason");
    EXPECT_EQ(reasons,
              (std::map<std::string, std::string>{{small, "RESOURCE:CPU"}, {forgetful, "RESOURCE:MEMORY"}}));
}

TEST_F(PlacementTest, TasksTakeResourcesUntilTheyStop) {
    add_instance(200, 1024);
    define("web");
    const auto first = run_one("web");
    EXPECT_EQ(reasons({{"taskDefinition", "web"}}), Strings{"RESOURCE:CPU"});
    report(first, "RUNNING");
    EXPECT_EQ(reasons({{"taskDefinition", "web"}}), Strings{"RESOURCE:CPU"});
    report(first, "STOPPED");
    run_one("web");
}

TEST_F(PlacementTest, FixedHostPortsAreTakenOnce) {
    add_instance(1024, 1024);
    define("web", {{"portMappings", {{{"containerPort", 80}, {"hostPort", 8080}}}}});
    define("ssh", {{"portMappings", {{{"containerPort", 22}, {"hostPort", 22}}}}});
    define("udp", {{"portMappings", {{{"containerPort", 22}, {"hostPort", 22}, {"protocol", "udp"}}}}});
    run_one("web");
    EXPECT_EQ(reasons({{"taskDefinition", "web"}}), Strings{"RESOURCE:PORTS"});
    EXPECT_EQ(reasons({{"taskDefinition", "ssh"}}), Strings{"RESOURCE:PORTS"}); // the agent reserved it
    run_one("udp");
}

TEST_F(PlacementTest, PortsThatTheAgentChoseAreTakenToo) {
    add_instance(1024, 1024);
    define("dynamic", {{"portMappings", {{{"containerPort", 80}}}}});
    define("fixed", {{"portMappings", {{{"containerPort", 80}, {"hostPort", 32768}}}}});
    const auto task = run_one("dynamic");
    const Json bindings = Json::array({{{"containerPort", 80}, {"hostPort", 32768}, {"protocol", "tcp"}}});
    report(task, "RUNNING", {{"containers", {{{"containerName", "app"}, {"networkBindings", bindings}}}}});
    EXPECT_EQ(reasons({{"taskDefinition", "fixed"}}), Strings{"RESOURCE:PORTS"});
}

TEST_F(PlacementTest, HostModeTakesContainerPorts) {
    add_instance(1024, 1024);
    define("host", {{"portMappings", {{{"containerPort", 9000}}}}}, {{"networkMode", "host"}});
    run_one("host");
    EXPECT_EQ(reasons({{"taskDefinition", "host"}}), Strings{"RESOURCE:PORTS"});
}

TEST_F(PlacementTest, NeedsWhatTheDefinitionRequires) {
    add_instance(1024, 1024);
    define("priv", {{"privileged", true}});
    const auto answer = must("RunTask", {{"taskDefinition", "priv"}});
    ASSERT_EQ(answer["failures"].size(), 1U);
    EXPECT_EQ(text_of(answer["failures"][0], "reason"), "ATTRIBUTE");
    EXPECT_EQ(text_of(answer["failures"][0], "detail"),
              "the container instance lacks com.amazonaws.ecs.capability.privileged-container");
    add_instance(1024, 1024, Json::array({{{"name", "com.amazonaws.ecs.capability.privileged-container"}}}));
    run_one("priv");
}

TEST_F(PlacementTest, LeavesOutAgentsThatAreAwayAndInstancesThatDrain) {
    const auto arn = add_instance(1024, 1024);
    define("web");
    world.connected.clear();
    EXPECT_EQ(reasons({{"taskDefinition", "web"}}), Strings{"AGENT"});
    world.connected.insert(arn);
    must("UpdateContainerInstancesState", {{"containerInstances", {arn}}, {"status", "DRAINING"}});
    EXPECT_EQ(reasons({{"taskDefinition", "web"}}), Strings{"DRAINING"});
}

TEST_F(PlacementTest, BinpackFillsTheFullestInstance) {
    add_instance(2048, 4096);
    const auto tight = add_instance(2048, 1024);
    define("web");
    const Json strategy = Json::array({{{"type", "binpack"}, {"field", "memory"}}});
    EXPECT_EQ(run_many(3, {{"placementStrategy", strategy}}), (std::map<std::string, int>{{tight, 3}}));
}

TEST_F(PlacementTest, SpreadOverInstancesIsEven) {
    for (int i = 0; i < 3; ++i) add_instance(2048, 4096);
    define("web");
    const Json strategy = Json::array({{{"type", "spread"}, {"field", "instanceId"}}});
    for (const auto& [arn, count] : run_many(6, {{"placementStrategy", strategy}}))
        EXPECT_EQ(count, 2) << arn;
}

TEST_F(PlacementTest, SpreadOverAnAttributeCountsPerValue) {
    const Json left = Json::array({{{"name", "rack"}, {"value", "left"}}});
    const Json right = Json::array({{{"name", "rack"}, {"value", "right"}}});
    add_instance(2048, 4096, left);
    add_instance(2048, 4096, left);
    const auto lonely = add_instance(2048, 4096, right);
    define("web");
    const Json strategy = Json::array({{{"type", "spread"}, {"field", "attribute:rack"}}});
    EXPECT_EQ(run_many(4, {{"placementStrategy", strategy}})[lonely], 2);
}

TEST_F(PlacementTest, DistinctInstanceTakesOneEach) {
    add_instance(2048, 4096);
    add_instance(2048, 4096);
    define("web");
    const Json constraints = Json::array({{{"type", "distinctInstance"}}});
    const auto answer =
        must("RunTask", {{"taskDefinition", "web"}, {"count", 3}, {"placementConstraints", constraints}});
    EXPECT_EQ(answer["tasks"].size(), 2U);
    ASSERT_EQ(answer["failures"].size(), 2U);
    EXPECT_EQ(text_of(answer["failures"][0], "reason"), "DistinctInstance placement constraint unsatisfied.");
}

TEST_F(PlacementTest, MemberOfChoosesByAttribute) {
    add_instance(2048, 4096);
    const auto blue = add_instance(2048, 4096, Json::array({{{"name", "color"}, {"value", "blue"}}}));
    define("web", Json::object(),
           {{"placementConstraints", {{{"type", "memberOf"}, {"expression", "attribute:color == blue"}}}}});
    EXPECT_EQ(run_many(3, Json::object()), (std::map<std::string, int>{{blue, 3}}));
}

TEST_F(PlacementTest, OverridesChangeWhatATaskTakes) {
    add_instance(256, 128);
    define("web");
    const Json bigger{{"containerOverrides", {{{"name", "app"}, {"memory", 256}}}}};
    EXPECT_EQ(reasons({{"taskDefinition", "web"}, {"overrides", bigger}}), Strings{"RESOURCE:MEMORY"});
}

TEST_F(PlacementTest, MemoryIsTheReservationWhereThereIsOne) {
    EXPECT_EQ(needs_of(definition("a", {{"memory", 512}, {"memoryReservation", 64}}), Json::object()).memory,
              64);
    EXPECT_EQ(needs_of(definition("a", {}, {{"memory", "1 GB"}, {"cpu", "0.5 vCPU"}}), Json::object()).memory,
              1024);
    EXPECT_EQ(needs_of(definition("a", {}, {{"memory", "1 GB"}, {"cpu", "0.5 vCPU"}}), Json::object()).cpu,
              512);
}

TEST_F(PlacementTest, StartTaskNamesItsInstance) {
    const auto first = add_instance(1024, 1024);
    add_instance(1024, 1024);
    define("web");
    const auto answer =
        must("StartTask", {{"taskDefinition", "web"}, {"containerInstances", {last_part(first), "ffff"}}});
    ASSERT_EQ(answer["tasks"].size(), 1U);
    EXPECT_EQ(text_of(answer["tasks"][0], "containerInstanceArn"), first);
    ASSERT_EQ(answer["failures"].size(), 1U);
    EXPECT_EQ(text_of(answer["failures"][0], "reason"), "MISSING");
}

// --- the query language

bool holds(std::string_view text, const std::map<std::string, std::vector<std::string>>& facts) {
    const auto expression = parse_expression(text);
    EXPECT_TRUE(expression) << text << ": " << (expression ? "" : expression.error().message());
    return expression && (*expression)([&](std::string_view subject) {
               const auto it = facts.find(std::string(subject));
               return it == facts.end() ? std::vector<std::string>() : it->second;
           });
}

TEST(Expression, ComparesAndCombines) {
    const std::map<std::string, std::vector<std::string>> facts{{"attribute:a", {"1"}},
                                                                {"attribute:b", {"two words"}}};
    EXPECT_TRUE(holds("attribute:a == 1", facts));
    EXPECT_FALSE(holds("attribute:a equals 2", facts));
    EXPECT_TRUE(holds("attribute:a != 2", facts));
    EXPECT_TRUE(holds("attribute:a in [0, 1]", facts));
    EXPECT_FALSE(holds("attribute:a !in [0,1]", facts));
    EXPECT_TRUE(holds("attribute:a exists and attribute:c !exists", facts));
    EXPECT_TRUE(holds("not (attribute:a == 2 or attribute:c exists)", facts));
    EXPECT_TRUE(holds("attribute:b == \"two words\"", facts));
    EXPECT_TRUE(
        holds("attribute:c == 1 and attribute:a == 1 or attribute:a == 1", facts)); // and binds closer
    EXPECT_TRUE(holds("attribute:a==1", facts));
}

TEST(Expression, RefusesWhatItCannotRead) {
    for (const char* text :
         {"", "attribute:a", "attribute:a ==", "attribute:a =~ x.*", "(attribute:a exists", "color == x",
          "attribute:a in []", "attribute:a in [1", "attribute:a exists exists", "\"open"}) {
        const auto expression = parse_expression(text);
        ASSERT_FALSE(expression) << text;
        EXPECT_EQ(expression.error().name(), "InvalidParameterException");
    }
    EXPECT_FALSE(parse_expression(std::string(500, '(') + "attribute:a exists" + std::string(500, ')')));
    EXPECT_FALSE(parse_expression(std::string(3000, ' ')));
}

} // namespace
} // namespace berth::cluster
