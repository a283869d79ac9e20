// Reading the configuration: precedence, types, what is fatal and what is only warned about.
#include "berth/config/config.hpp"

#include "agent/config/table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::config {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;
using namespace std::chrono_literals;

Loaded load_file(const Environment& file) {
    auto loaded = load({}, file);
    EXPECT_TRUE(loaded.has_value()) << (loaded ? "" : loaded.error().message());
    return loaded ? *loaded : Loaded{};
}

std::string error_of(const Environment& file) {
    const auto loaded = load({}, file);
    EXPECT_FALSE(loaded.has_value());
    return loaded ? "" : loaded.error().message();
}

TEST(EcsConfig, SplitsAtTheFirstEqualsAndTrims) {
    const auto file = parse_ecs_config("  ECS_CLUSTER = prod \r\nA=b=c\n\nnothing here\nEMPTY=\nLAST=x");
    EXPECT_EQ(file, (Environment{{"ECS_CLUSTER", "prod"}, {"A", "b=c"}, {"EMPTY", ""}, {"LAST", "x"}}));
}

TEST(EcsConfig, KeepsQuotesAndHashes) {
    const auto file = parse_ecs_config("ECS_CLUSTER=\"prod\"\nX=a # b\n#ECS_LOGLEVEL=debug\n");
    EXPECT_EQ(file, (Environment{{"ECS_CLUSTER", "\"prod\""}, {"X", "a # b"}, {"#ECS_LOGLEVEL", "debug"}}));
}

TEST(Load, NothingGivenIsTheDefaults) {
    const auto [config, warnings] = load_file({});
    EXPECT_THAT(warnings, IsEmpty());
    EXPECT_EQ(config.cluster, "default");
    EXPECT_EQ(config.region, "");
    EXPECT_EQ(config.stop_timeout, 30s);
    EXPECT_THAT(config.reserved_tcp, ElementsAre(22, 2375, 2376, 51678, 51679));
    EXPECT_THAT(config.logging_drivers, ElementsAre("json-file", "awslogs", "none"));
    EXPECT_FALSE(config.metadata_disabled);
}

TEST(Load, EnvironmentBeatsFileAndEmptyIsNotSet) {
    const auto loaded = load({{"ECS_CLUSTER", "env"}, {"ECS_LOGLEVEL", ""}},
                             {{"ECS_CLUSTER", "file"}, {"ECS_LOGLEVEL", "debug"}});
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->config.cluster, "env");
    EXPECT_EQ(loaded->config.log_level, LogLevel::debug);
    EXPECT_EQ(loaded->config.environment.at("ECS_CLUSTER"), "env");
}

TEST(Load, TakesEveryTypeOfValue) {
    const auto [config, warnings] =
        load_file({{"ECS_BACKEND_HOST", "http://127.0.0.1:8080"},
                   {"AWS_DEFAULT_REGION", "us-west-2"},
                   {"ECS_RESERVED_PORTS", "[22, 80]"},
                   {"ECS_RESERVED_PORTS_UDP", "[53]"},
                   {"ECS_RESERVED_MEMORY", "256"},
                   {"ECS_INSTANCE_ATTRIBUTES", R"({"stack":"prod"})"},
                   {"ECS_CONTAINER_INSTANCE_TAGS", R"({"team":"a"})"},
                   {"ECS_CONTAINER_STOP_TIMEOUT", "1m30s"},
                   {"ECS_IMAGE_PULL_BEHAVIOR", "prefer-cached"},
                   {"ECS_DISABLE_PRIVILEGED", "T"},
                   {"ECS_ENABLE_TASK_IAM_ROLE", "0"},
                   {"ECS_LOG_OUTPUT_FORMAT", "json"},
                   {"ECS_ENGINE_AUTH_TYPE", "docker"},
                   {"ECS_ENGINE_AUTH_DATA", R"({"r":{"username":"u","password":"p"}})"},
                   {"ECS_DYNAMIC_HOST_PORT_RANGE", "40000-40100"},
                   {"BERTH_INSECURE_REGISTRIES", "localhost:5000, 127.0.0.1:5001"},
                   {"BERTH_INTROSPECTION_PORT", "0"},
                   {"BERTH_CGROUP_PARENT", "ecs/tests"},
                   {"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://[fd00:ec2::254]/"},
                   {"AWS_ENDPOINT_URL", "http://all"},
                   {"AWS_ENDPOINT_URL_ECR", "http://ecr"}});
    EXPECT_THAT(warnings, IsEmpty());
    EXPECT_EQ(config.backend_host, "http://127.0.0.1:8080");
    EXPECT_EQ(config.region, "us-west-2");
    EXPECT_THAT(config.reserved_tcp, ElementsAre(22, 80));
    EXPECT_THAT(config.reserved_udp, ElementsAre(53));
    EXPECT_EQ(config.reserved_memory_mib, 256);
    EXPECT_EQ(config.instance_attributes.at("stack"), "prod");
    EXPECT_EQ(config.instance_tags.at("team"), "a");
    EXPECT_EQ(config.stop_timeout, 90s);
    EXPECT_EQ(config.pull_behavior, PullBehavior::prefer_cached);
    EXPECT_TRUE(config.disable_privileged);
    EXPECT_FALSE(config.task_iam_role);
    EXPECT_EQ(config.log_format, LogFormat::json);
    EXPECT_EQ(config.engine_auth_type, "docker");
    EXPECT_EQ(config.dynamic_port_first, 40000);
    EXPECT_EQ(config.dynamic_port_last, 40100);
    EXPECT_THAT(config.insecure_registries, ElementsAre("localhost:5000", "127.0.0.1:5001"));
    EXPECT_EQ(config.cgroup_parent, "ecs/tests");
    EXPECT_EQ(config.metadata_endpoint, "http://[fd00:ec2::254]");
    EXPECT_EQ(config.endpoint_urls.at(""), "http://all");
    EXPECT_EQ(config.endpoint_urls.at("ecr"), "http://ecr");
}

TEST(Load, BackendHostWithoutSchemeIsHttps) {
    EXPECT_EQ(load_file({{"ECS_BACKEND_HOST", "ecs.example"}}).config.backend_host, "https://ecs.example");
}

TEST(Load, DefaultRegionBeatsRegion) {
    EXPECT_EQ(load_file({{"AWS_REGION", "eu-west-1"}}).config.region, "eu-west-1");
    EXPECT_EQ(load_file({{"AWS_REGION", "eu-west-1"}, {"AWS_DEFAULT_REGION", "us-east-1"}}).config.region,
              "us-east-1");
}

TEST(Load, IntrospectionPortIsReserved) {
    const auto config =
        load_file({{"BERTH_INTROSPECTION_PORT", "40001"}, {"ECS_RESERVED_PORTS", "[22]"}}).config;
    EXPECT_THAT(config.reserved_tcp, ElementsAre(22, 40001));
}

struct Malformed {
    const char* name;
    const char* value;
    const char* said;
};

class Fatal : public testing::TestWithParam<Malformed> {};
TEST_P(Fatal, NamesVariableValueAndWhatIsAllowed) {
    const auto& [name, value, said] = GetParam();
    EXPECT_THAT(error_of({{name, value}}),
                AllOf(HasSubstr(std::string(name) + "="), HasSubstr(value), HasSubstr(said)));
}
INSTANTIATE_TEST_SUITE_P(
    Load, Fatal,
    testing::Values(Malformed{"ECS_INSTANCE_ATTRIBUTES", "{bad", "JSON object"},
                    Malformed{"ECS_INSTANCE_ATTRIBUTES", R"({"a":1})", "the value of \"a\" is not a string"},
                    Malformed{"ECS_CONTAINER_INSTANCE_TAGS", "[]", "JSON object"},
                    Malformed{"ECS_AVAILABLE_LOGGING_DRIVERS", R"(["jsonfile"])", "known are json-file"},
                    Malformed{"ECS_BACKEND_HOST", "ftp://x", "http or https"},
                    Malformed{"ECS_DATADIR", "data", "absolute path"},
                    Malformed{"BERTH_INTROSPECTION_PORT", "65536", "from 0 to 65535"},
                    Malformed{"BERTH_BRIDGE_NAME", "a/b", "name of a network interface"},
                    Malformed{"BERTH_BRIDGE_NAME", "a-name-that-is-too-long", "at most 15"},
                    Malformed{"BERTH_BRIDGE_SUBNET", "10.0.0.0", "IPv4 network"},
                    Malformed{"BERTH_BRIDGE_SUBNET", "10.0.0.0/33", "IPv4 network"},
                    Malformed{"BERTH_CGROUP_PARENT", "../x", "below the cgroup root"},
                    Malformed{"BERTH_CGROUP_PARENT", "/x", "without a leading '/'"},
                    Malformed{"BERTH_INTROSPECTION_ADDRESS", "localhost", "IPv4 or IPv6"},
                    Malformed{"BERTH_INSECURE_REGISTRIES", "http://r", "without http://"},
                    Malformed{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "169.254.169.254", "http://"}));

class Warned : public testing::TestWithParam<Malformed> {};
TEST_P(Warned, SaysWhatIsUsedInstead) {
    const auto& [name, value, said] = GetParam();
    EXPECT_THAT(load_file({{name, value}}).warnings,
                ElementsAre(AllOf(HasSubstr(std::string(name) + "=" + value), HasSubstr(said))));
}
INSTANTIATE_TEST_SUITE_P(
    Load, Warned,
    testing::Values(Malformed{"ECS_RESERVED_PORTS", "22,80", "default ([22,2375,2376,51678,51679])"},
                    Malformed{"ECS_RESERVED_PORTS", "[70000]", "a port from 0 to 65535"},
                    Malformed{"ECS_RESERVED_MEMORY", "65536", "from 0 to 65535; the default (0)"},
                    Malformed{"ECS_RESERVED_MEMORY", "-1", "from 0 to 65535"},
                    Malformed{"ECS_CONTAINER_STOP_TIMEOUT", "100", "such as 90s"},
                    Malformed{"ECS_CONTAINER_STOP_TIMEOUT", "10ms", "less than 1s; 1s is used"},
                    Malformed{"ECS_CONTAINER_START_TIMEOUT", "1s", "less than 45s; 45s is used"},
                    Malformed{"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION", "10ms", "the default (3h)"},
                    Malformed{"ECS_IMAGE_PULL_BEHAVIOR", "never", "prefer-cached"},
                    Malformed{"ECS_DISABLE_METRICS", "yes", "true or false"},
                    Malformed{"ECS_LOGLEVEL", "loud", "the default (info)"},
                    Malformed{"ECS_LOG_OUTPUT_FORMAT", "xml", "logfmt or json"},
                    Malformed{"ECS_AVAILABLE_LOGGING_DRIVERS", "json-file", "JSON array"},
                    Malformed{"ECS_DYNAMIC_HOST_PORT_RANGE", "9-1", "FIRST-LAST"}));

TEST(Load, DurationsBelowTheirBoundAreSetAsSaid) {
    EXPECT_EQ(load_file({{"ECS_CONTAINER_STOP_TIMEOUT", "10ms"}}).config.stop_timeout, 1s);
    EXPECT_EQ(load_file({{"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION", "10ms"}}).config.cleanup_wait, 3h);
}

TEST(Load, KnownDriverThatBerthLacksIsLeftOut) {
    const auto [config, warnings] = load_file({{"ECS_AVAILABLE_LOGGING_DRIVERS", R"(["syslog","awslogs"])"}});
    EXPECT_THAT(config.logging_drivers, ElementsAre("awslogs"));
    EXPECT_THAT(warnings, ElementsAre(HasSubstr("berth has no logging driver syslog")));
}

TEST(Load, VariableWithoutEffectIsWarnedAboutOnceWithItsReason) {
    const auto [config, warnings] = load_file({{"ECS_CHECKPOINT", "true"}, {"DOCKER_HOST", "unix:///x"}});
    EXPECT_THAT(warnings,
                UnorderedElementsAre("ECS_CHECKPOINT has no effect: berth always keeps its state",
                                     "DOCKER_HOST has no effect: there is no Docker engine under berth"));
}

TEST(Load, UnknownNameSuggestsTheNearest) {
    const auto [config, warnings] = load_file({{"ECS_CLUTSER", "x"},
                                               {"BERTH_QQQQQQQQQQQQQQQQQQ", "x"},
                                               {"PATH", "/bin"},
                                               {"#ECS_CLUSTER", "x"},
                                               {"export ECS_CLUSTER", "x"}});
    EXPECT_THAT(warnings, UnorderedElementsAre("ECS_CLUTSER is not known; did you mean ECS_CLUSTER?",
                                               "BERTH_QQQQQQQQQQQQQQQQQQ is not known",
                                               HasSubstr("remove the word export")));
}

TEST(Load, WhollyQuotedValueIsKeptAndWarnedAbout) {
    const auto [config, warnings] = load_file({{"ECS_CLUSTER", "\"prod\""}});
    EXPECT_EQ(config.cluster, "\"prod\"");
    EXPECT_THAT(warnings, ElementsAre(HasSubstr("ECS_CLUSTER: the quotes around it are part of the value")));
}

TEST(Load, SecretsNeverAppearInMessages) {
    const auto [config, warnings] = load_file({{"ECS_ENGINE_AUTH_TYPE", "docker"},
                                               {"ECS_ENGINE_AUTH_DATA", "\"hunter2\""},
                                               {"AWS_SECRET_ACCESS_KEY", "\"hunter2\""}});
    EXPECT_THAT(warnings, testing::Not(IsEmpty()));
    for (const auto& warning : warnings)
        EXPECT_THAT(warning, Not(HasSubstr("hunter2")));
    EXPECT_EQ(config.engine_auth_type, "");
}

TEST(Load, HalfOfTheRegistryCredentialsIsWarnedAbout) {
    const auto [config, warnings] = load_file({{"ECS_ENGINE_AUTH_TYPE", "docker"}});
    EXPECT_THAT(warnings, ElementsAre(HasSubstr("ECS_ENGINE_AUTH_TYPE is set without")));
    EXPECT_EQ(config.engine_auth_type, "");
}

TEST(Table, NamesAreUniqueAndEveryRowExplainsItself) {
    std::set<std::string_view> names;
    for (const auto& variable : table()) {
        EXPECT_TRUE(names.insert(variable.name).second) << variable.name;
        EXPECT_FALSE(variable.meaning.empty()) << variable.name;
        EXPECT_EQ(variable.use == Use::applied, variable.apply != nullptr) << variable.name;
    }
}

// A default in the table that differs from Config's own would be a lie in the documentation.
TEST(Table, DefaultsGivenExplicitlyChangeNothing) {
    Environment file;
    for (const auto& variable : table())
        if (variable.use == Use::applied && !variable.default_value.empty() &&
            variable.name != "BERTH_BRIDGE_SUBNET")
            file.emplace(variable.name, variable.default_value);
    auto [config, warnings] = load_file(file);
    EXPECT_THAT(warnings, IsEmpty());
    const Config defaults;
    EXPECT_EQ(config.cluster, defaults.cluster);
    EXPECT_EQ(config.reserved_tcp, defaults.reserved_tcp);
    EXPECT_EQ(config.logging_drivers, defaults.logging_drivers);
    EXPECT_EQ(config.stop_timeout, defaults.stop_timeout);
    EXPECT_EQ(config.start_timeout, defaults.start_timeout);
    EXPECT_EQ(config.cleanup_wait, defaults.cleanup_wait);
    EXPECT_EQ(config.pull_timeout, defaults.pull_timeout);
    EXPECT_EQ(config.pull_inactivity_timeout, defaults.pull_inactivity_timeout);
    EXPECT_EQ(config.data_dir, defaults.data_dir);
    EXPECT_EQ(config.run_dir, defaults.run_dir);
    EXPECT_EQ(config.cgroup_parent, defaults.cgroup_parent);
    EXPECT_EQ(config.bridge_name, defaults.bridge_name);
    EXPECT_EQ(config.introspection_port, defaults.introspection_port);
    EXPECT_EQ(config.metadata_endpoint, defaults.metadata_endpoint);
    EXPECT_EQ(config.os_family, defaults.os_family);
    EXPECT_EQ(config.task_iam_role, defaults.task_iam_role);
    EXPECT_EQ(config.task_iam_role_network_host, defaults.task_iam_role_network_host);
    EXPECT_EQ(config.log_level, defaults.log_level);
    EXPECT_EQ(config.log_format, defaults.log_format);
}

TEST(Documentation, TellsBoundsAndWhatHasNoEffect) {
    const auto docs = documentation();
    const auto find = [&](std::string_view name) {
        return *std::ranges::find(docs, name, &VariableDoc::name);
    };
    EXPECT_EQ(find("ECS_CONTAINER_START_TIMEOUT").type, "duration, at least 45s");
    EXPECT_EQ(find("ECS_RESERVED_MEMORY").type, "integer, 0 to 65535");
    EXPECT_THAT(find("ECS_CHECKPOINT").meaning, HasSubstr("No effect"));
}

} // namespace
} // namespace berth::config
