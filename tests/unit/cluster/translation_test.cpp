// From task definition and overrides to what the agent gets.
#include "cluster/lifecycle/lifecycle.hpp"
#include "cluster/payload/payload.hpp"
#include "fixture.hpp"

namespace berth::cluster {
namespace {

class TranslationTest : public Fixture {
  protected:
    TranslationTest() { instance = add_instance(8192, 8192); }

    // The payload of a task of this definition.
    Json translate(Json container = Json::object(), Json more = Json::object(),
                   Json overrides = Json::object()) {
        define("web", std::move(container), std::move(more));
        TaskRequest request;
        request.cluster = "default";
        request.definition = definition_key(
            "web", integer_of(must("DescribeTaskDefinition", {{"taskDefinition", "web"}})["taskDefinition"],
                              "revision", 0));
        request.instance = instance;
        request.overrides = std::move(overrides);
        Context here = context();
        task = make_task(here, std::move(request));
        return translate_task(here, task, *world.definitions.find(task.definition));
    }
    Json container(Json members = Json::object(), Json more = Json::object(),
                   Json overrides = Json::object()) {
        return translate(std::move(members), std::move(more), std::move(overrides))["containers"][0];
    }
    Json config(Json members) { return parsed(container(std::move(members)), "config"); }
    Json host(Json members, Json more = Json::object(), Json overrides = Json::object()) {
        return parsed(container(std::move(members), std::move(more), std::move(overrides)), "hostConfig");
    }
    static Json parsed(const Json& container, const char* key) {
        const auto text = text_of(object_of(container, "dockerConfig"), key);
        auto json = parse_json(text);
        EXPECT_TRUE(json) << text;
        return json.value_or(Json());
    }
    // Of a host config, without what is always there.
    Json extra(Json members, Json more = Json::object()) {
        Json out = host(std::move(members), std::move(more));
        for (const char* always : {"CapAdd", "CapDrop", "NetworkMode"}) out.erase(always);
        return out;
    }

    std::string instance;
    Task task;
};

TEST_F(TranslationTest, TheTaskItself) {
    const auto out = translate();
    EXPECT_EQ(text_of(out, "arn"), task.arn);
    EXPECT_EQ(text_of(out, "family"), "web");
    EXPECT_EQ(text_of(out, "version"), "1");
    EXPECT_EQ(text_of(out, "desiredStatus"), "RUNNING");
    EXPECT_EQ(text_of(out, "networkMode"), "bridge");
    EXPECT_EQ(text_of(out, "launchType"), "EC2");
    EXPECT_EQ(text_of(out, "taskClusterArn"), "arn:aws:ecs:us-west-2:111122223333:cluster/default");
    EXPECT_FALSE(has(out, "cpu"));
    EXPECT_FALSE(has(out, "memory"));
    EXPECT_FALSE(has(out, "roleCredentials"));
    const Json& first = out["containers"][0];
    EXPECT_EQ(text_of(first, "name"), "app");
    EXPECT_EQ(text_of(first, "image"), "busybox:1");
    EXPECT_EQ(integer_of(first, "cpu"), 128);
    EXPECT_EQ(integer_of(first, "memory"), 64);
    EXPECT_EQ(first["environment"], (Json{{"AWS_EXECUTION_ENV", "AWS_ECS_EC2"}}));
    EXPECT_EQ(text_of(first, "overrides"), "{}");
    EXPECT_EQ(text_of(first, "containerArn"), task.containers[0].arn);
    EXPECT_EQ(parsed(first, "config"), Json::object());
    EXPECT_EQ(parsed(first, "hostConfig"),
              (Json{{"NetworkMode", "bridge"}, {"CapAdd", Json::array()}, {"CapDrop", Json::array()}}));
}

TEST_F(TranslationTest, TaskLimitsAreVcpusAndMebibytes) {
    const auto out = translate({}, {{"cpu", "512"}, {"memory", "1GB"}});
    EXPECT_DOUBLE_EQ(out["cpu"].get<double>(), 0.5);
    EXPECT_EQ(out["memory"], 1024);
}

TEST_F(TranslationTest, AStoppedTaskSaysSo) {
    define("web");
    Context here = context();
    translate();
    Task copy = task;
    copy.desired = TaskStatus::stopped;
    EXPECT_EQ(text_of(translate_task(here, copy, *world.definitions.find(copy.definition)), "desiredStatus"),
              "STOPPED");
}

TEST_F(TranslationTest, TypedMembersGoOver) {
    const Json second{{"name", "init"}, {"image", "b"}, {"memory", 8}, {"essential", false}};
    Json app = definition("x")["containerDefinitions"][0];
    app.update(Json::parse(R"({"entryPoint":["/bin/sh","-c"],"command":["true"],"links":["init"],
        "portMappings":[{"containerPort":80}],"dependsOn":[{"containerName":"init","condition":"SUCCESS"}],
        "startTimeout":30,"stopTimeout":5,"environment":[{"name":"A","value":"1"}],
        "mountPoints":[{"sourceVolume":"v","containerPath":"/v","readOnly":true}],
        "volumesFrom":[{"sourceContainer":"init","readOnly":true}],
        "environmentFiles":[{"type":"s3","value":"arn:aws:s3:::b/k"}],
        "restartPolicy":{"enabled":true,"restartAttemptPeriod":60}})"));
    const auto out = translate({}, {{"containerDefinitions", {app, second}}, {"volumes", {{{"name", "v"}}}}});
    const Json& first = out["containers"][0];
    EXPECT_EQ(first["entryPoint"], (Json{"/bin/sh", "-c"}));
    EXPECT_EQ(first["command"], Json::array({"true"}));
    EXPECT_EQ(first["links"], Json::array({"init"}));
    EXPECT_EQ(first["portMappings"], Json::parse(R"([{"containerPort":80,"hostPort":0,"protocol":"tcp"}])"));
    EXPECT_EQ(first["dependsOn"][0], (Json{{"containerName", "init"}, {"condition", "SUCCESS"}}));
    EXPECT_EQ(first["startTimeout"], 30);
    EXPECT_EQ(first["stopTimeout"], 5);
    EXPECT_EQ(first["environment"], (Json{{"A", "1"}, {"AWS_EXECUTION_ENV", "AWS_ECS_EC2"}}));
    EXPECT_EQ(first["mountPoints"][0]["sourceVolume"], "v");
    EXPECT_EQ(first["volumesFrom"][0]["sourceContainer"], "init");
    EXPECT_EQ(first["environmentFiles"][0]["value"], "arn:aws:s3:::b/k");
    EXPECT_EQ(first["restartPolicy"]["enabled"], true);
    EXPECT_EQ(out["containers"][1]["essential"], false);
}

TEST_F(TranslationTest, Volumes) {
    const auto out = translate({}, {{"volumes", Json::parse(R"([
        {"name":"empty"},{"name":"path","host":{"sourcePath":"/srv"}},
        {"name":"docker","dockerVolumeConfiguration":{"scope":"shared","autoprovision":true,"driver":"local"}},
        {"name":"efs","efsVolumeConfiguration":{"fileSystemId":"fs-1"}}])")}});
    EXPECT_EQ(out["volumes"], Json::parse(R"([
        {"name":"empty","type":"host","host":{}},{"name":"path","type":"host","host":{"sourcePath":"/srv"}},
        {"name":"docker","type":"docker","dockerVolumeConfiguration":{"scope":"shared","autoprovision":true,"driver":"local"}},
        {"name":"efs","type":"efs","efsVolumeConfiguration":{"fileSystemId":"fs-1"}}])"));
}

TEST_F(TranslationTest, DockerConfig) {
    EXPECT_EQ(config(Json::parse(
                  R"({"user":"1000:1000","workingDirectory":"/w","hostname":"h","pseudoTerminal":true,
        "interactive":true,"disableNetworking":false,"dockerLabels":{"a":"b"}})")),
              Json::parse(R"({"User":"1000:1000","WorkingDir":"/w","Hostname":"h","Tty":true,"OpenStdin":true,
        "NetworkDisabled":false,"Labels":{"a":"b"}})"));
}

TEST_F(TranslationTest, HealthCheckIsInNanoseconds) {
    const Json check = Json::parse(
        R"({"healthCheck":{"command":["CMD","true"],"interval":30,"timeout":5,"retries":3,"startPeriod":1}})");
    EXPECT_EQ(config(check), Json::parse(R"({"HealthCheck":{"Test":["CMD","true"],"Interval":30000000000,
        "Timeout":5000000000,"Retries":3,"StartPeriod":1000000000}})"));
    EXPECT_EQ(text_of(container(check), "healthCheckType"), "docker");
    EXPECT_FALSE(has(container(), "healthCheckType"));
}

TEST_F(TranslationTest, HostConfig) {
    EXPECT_EQ(extra(Json::parse(R"({"privileged":true,"readonlyRootFilesystem":true,"memoryReservation":32,
        "dockerSecurityOptions":["no-new-privileges"],"dnsServers":["1.1.1.1"],"dnsSearchDomains":["local"],
        "extraHosts":[{"hostname":"db","ipAddress":"10.0.0.1"}],
        "ulimits":[{"name":"nofile","softLimit":1024,"hardLimit":2048}],
        "systemControls":[{"namespace":"net.core.somaxconn","value":"512"}]})")),
              Json::parse(R"({"Privileged":true,"ReadonlyRootfs":true,"MemoryReservation":33554432,
        "SecurityOpt":["no-new-privileges"],"Dns":["1.1.1.1"],"DnsSearch":["local"],"ExtraHosts":["db:10.0.0.1"],
        "Ulimits":[{"Name":"nofile","Soft":1024,"Hard":2048}],"Sysctls":{"net.core.somaxconn":"512"}})"));
}

TEST_F(TranslationTest, LinuxParameters) {
    const auto out =
        host(Json::parse(R"({"linuxParameters":{"capabilities":{"add":["NET_ADMIN"],"drop":["ALL"]},
        "initProcessEnabled":true,"sharedMemorySize":64,"maxSwap":128,"swappiness":10,
        "devices":[{"hostPath":"/dev/fuse"},{"hostPath":"/dev/a","containerPath":"/dev/b","permissions":["read","mknod"]}],
        "tmpfs":[{"containerPath":"/t","size":16,"mountOptions":["noexec"]},{"containerPath":"/u","size":1}]}})"));
    EXPECT_EQ(out,
              Json::parse(R"({"NetworkMode":"bridge","CapAdd":["NET_ADMIN"],"CapDrop":["ALL"],"Init":true,
        "ShmSize":67108864,"MemorySwap":201326592,"MemorySwappiness":10,
        "Devices":[{"PathOnHost":"/dev/fuse","PathInContainer":"/dev/fuse","CgroupPermissions":"rwm"},
                   {"PathOnHost":"/dev/a","PathInContainer":"/dev/b","CgroupPermissions":"rm"}],
        "Tmpfs":{"/t":"noexec,size=16m","/u":"size=1m"}})"));
}

TEST_F(TranslationTest, NetworkModes) {
    EXPECT_EQ(text_of(host({}, {{"networkMode", "host"}}), "NetworkMode"), "host");
    EXPECT_EQ(text_of(host({}, {{"networkMode", "none"}}), "NetworkMode"), "none");
}

TEST_F(TranslationTest, LogStreamIsPrefixContainerTask) {
    const Json log = Json::parse(R"({"logConfiguration":{"logDriver":"awslogs","options":
        {"awslogs-group":"/web","awslogs-region":"us-west-2","awslogs-stream-prefix":"web"}}})");
    const auto out = extra(log)["LogConfig"];
    EXPECT_EQ(out, (Json{{"Type", "awslogs"},
                         {"Config",
                          {{"awslogs-group", "/web"},
                           {"awslogs-region", "us-west-2"},
                           {"awslogs-endpoint", "http://127.0.0.1:51700"},
                           {"awslogs-stream", "web/app/" + task.id}}}}));
    EXPECT_FALSE(has(container(log), "logsAuthStrategy"));
    EXPECT_EQ(text_of(container(log, {{"executionRoleArn", "arn:aws:iam::1:role/e"}}), "logsAuthStrategy"),
              "ExecutionRole");
}

TEST_F(TranslationTest, LogsOfAnotherRegionOrEndpointStayThere) {
    const auto endpoint_of = [&](const char* options) {
        const Json log{{"logConfiguration", {{"logDriver", "awslogs"}, {"options", Json::parse(options)}}}};
        return text_of(extra(log)["LogConfig"]["Config"], "awslogs-endpoint");
    };
    EXPECT_EQ(endpoint_of(R"({"awslogs-group":"g","awslogs-region":"eu-west-1"})"), "");
    EXPECT_EQ(
        endpoint_of(R"({"awslogs-group":"g","awslogs-region":"us-west-2","awslogs-endpoint":"http://x"})"),
        "http://x");
}

TEST_F(TranslationTest, Overrides) {
    const Json overrides =
        Json::parse(R"({"containerOverrides":[{"name":"app","command":["sleep","1"],"cpu":256,
        "memory":128,"environment":[{"name":"A","value":"2"},{"name":"B","value":"3"}]}],"cpu":"1024"})");
    const auto out = translate(
        Json::parse(R"({"command":["true"],"environment":[{"name":"A","value":"1"}]})"), {}, overrides);
    const Json& first = out["containers"][0];
    EXPECT_EQ(text_of(first, "overrides"), R"({"command":["sleep","1"]})");
    EXPECT_EQ(first["command"], Json::array({"true"}));
    EXPECT_EQ(first["cpu"], 256);
    EXPECT_EQ(first["memory"], 128);
    EXPECT_EQ(first["environment"], (Json{{"A", "2"}, {"B", "3"}, {"AWS_EXECUTION_ENV", "AWS_ECS_EC2"}}));
    EXPECT_DOUBLE_EQ(out["cpu"].get<double>(), 1.0);
}

TEST_F(TranslationTest, RegistryLogin) {
    EXPECT_FALSE(has(container(), "registryAuthentication"));
    EXPECT_EQ(
        container({{"image", "111122223333.dkr.ecr.eu-west-1.amazonaws.com/web:1"}},
                  {{"executionRoleArn", "r"}})["registryAuthentication"],
        Json::parse(
            R"({"type":"ecr","ecrAuthData":{"registryId":"111122223333","region":"eu-west-1","useExecutionRole":true}})"));
    const Json secret{{"credentialsParameter", "arn:aws:secretsmanager:eu-west-1:1:secret:x"}};
    EXPECT_EQ(
        container({{"repositoryCredentials", secret}})["registryAuthentication"],
        Json::parse(
            R"({"type":"asm","asmAuthData":{"credentialsParameter":"arn:aws:secretsmanager:eu-west-1:1:secret:x","region":"eu-west-1"}})"));
    settings.registry_endpoint = "http://127.0.0.1:5000";
    EXPECT_EQ(container({{"image", "127.0.0.1:5000/web:1"}})["registryAuthentication"],
              Json::parse(R"({"type":"ecr","ecrAuthData":{"registryId":"111122223333","region":"us-west-2",
        "useExecutionRole":false,"endpointOverride":"http://127.0.0.1:51700"}})"));
}

TEST_F(TranslationTest, Secrets) {
    const auto out =
        container(Json::parse(R"({"secrets":[{"name":"A","valueFrom":"arn:aws:ssm:eu-west-1:1:parameter/a"}],
        "logConfiguration":{"logDriver":"splunk","secretOptions":[{"name":"token","valueFrom":"arn:aws:secretsmanager:us-west-2:1:secret:t"}]}})"));
    EXPECT_EQ(out["secrets"], Json::parse(R"([
        {"name":"A","valueFrom":"arn:aws:ssm:eu-west-1:1:parameter/a","region":"eu-west-1","provider":"ssm","type":"ENVIRONMENT_VARIABLE","target":"CONTAINER"},
        {"name":"token","valueFrom":"arn:aws:secretsmanager:us-west-2:1:secret:t","region":"us-west-2","provider":"asm","type":"ENVIRONMENT_VARIABLE","target":"LOG_DRIVER"}])"));
}

TEST_F(TranslationTest, RolesGetKeysThatVerifyHere) {
    const auto out = translate(
        {}, {{"taskRoleArn", "arn:aws:iam::1:role/t"}, {"executionRoleArn", "arn:aws:iam::1:role/e"}});
    const Json& role = out["roleCredentials"];
    EXPECT_EQ(text_of(role, "roleArn"), "arn:aws:iam::1:role/t");
    EXPECT_EQ(text_of(role, "credentialsId"), task.role_credentials);
    EXPECT_EQ(text_of(role, "expiration"), "2026-01-02T09:04:05Z");
    const auto key = text_of(role, "accessKeyId");
    EXPECT_EQ(key.size(), 20U);
    EXPECT_TRUE(key.starts_with("ASIA"));
    EXPECT_EQ(text_of(role, "secretAccessKey"), derived_secret(settings.secret_access_key, key));
    EXPECT_NE(text_of(role, "secretAccessKey"), derived_secret("another", key));
    EXPECT_NE(text_of(out["executionRoleCredentials"], "accessKeyId"), key);
}

TEST_F(TranslationTest, ProxyPropertiesBecomeAMap) {
    const auto out =
        translate({}, Json::parse(R"({"proxyConfiguration":{"type":"APPMESH","containerName":"app",
        "properties":[{"name":"IgnoredUID","value":"1337"}]}})"));
    EXPECT_EQ(out["proxyConfiguration"],
              Json::parse(R"({"type":"APPMESH","containerName":"app","properties":{"IgnoredUID":"1337"}})"));
}

} // namespace
} // namespace berth::cluster
