// Registering this host as a container instance.
#include "agent/control/registration.hpp"

#include "berth/base/encoding.hpp"

#include <algorithm>
#include <array>

namespace berth::control {
namespace {

constexpr std::string_view kMismatch = "AttributeMismatch";
// Three round trips with their pauses.
constexpr auto kCallDeadline = std::chrono::minutes(3);

// The serializer of the reference leaves zero integers out.
Json integer_resource(const char* name, std::int64_t value) {
    Json resource{{"name", name}, {"type", "INTEGER"}};
    if (value != 0) resource["integerValue"] = value;
    return resource;
}

Json ports_resource(const char* name, const std::set<std::uint16_t>& ports) {
    auto values = Json::array();
    for (const auto port : ports) values.push_back(std::to_string(port));
    return {{"name", name}, {"type", "STRINGSET"}, {"stringSetValue", std::move(values)}};
}

Json attributes(const config::Config& config, bool first) {
    auto list = Json::array();
    const auto add = [&](const std::string& name, const std::string& value) {
        Json attribute{{"name", name}};
        if (!value.empty()) attribute["value"] = value;
        list.push_back(std::move(attribute));
    };
    if (first)
        for (const auto& [name, value] : config.instance_attributes) add(name, value);
    for (const auto& [name, value] : capability_attributes(config)) add(name, value);
    add("ecs.os-type", "linux");
    add("ecs.os-family", "LINUX");
    add("ecs.os-type-detailed", config.os_family);
    return list;
}

bool is_throttle(const Error& error) {
    constexpr std::array<std::string_view, 3> names{"ThrottlingException", "ServerException",
                                                    "LimitExceededException"};
    return std::ranges::find(names, error.name()) != names.end();
}

std::optional<std::string> value_of(const Json& list, const std::string& name) {
    if (!list.is_array()) return std::nullopt;
    for (const auto& attribute : list) {
        if (!attribute.is_object()) continue;
        const JsonReader reader(attribute);
        const auto found = reader.string("name");
        if (!found || *found != name) continue;
        const auto value = reader.string("value");
        return value && *value ? **value : std::string();
    }
    return std::nullopt;
}

} // namespace

bool is_terminal(const Error& error) {
    constexpr std::array<std::string_view, 3> names{"InvalidParameterException", "ClientException",
                                                    kMismatch};
    return std::ranges::find(names, error.name()) != names.end();
}

Json registration_request(const config::Config& config, const Host& host,
                          const aws::InstanceIdentity& identity, const std::string& saved_arn,
                          const std::string& client_token) {
    const auto& resources = host.resources;
    Json request{{"cluster", config.cluster},
                 {"clientToken", client_token},
                 {"instanceIdentityDocument", identity.document},
                 {"instanceIdentityDocumentSignature", identity.signature},
                 {"totalResources", Json::array({integer_resource("CPU", resources.cpu),
                                                 integer_resource("MEMORY", resources.memory_mib),
                                                 ports_resource("PORTS", resources.tcp_ports),
                                                 ports_resource("PORTS_UDP", resources.udp_ports)})},
                 {"attributes", attributes(config, saved_arn.empty())}};
    if (!saved_arn.empty()) request["containerInstanceArn"] = saved_arn;
    if (!config.instance_tags.empty()) {
        auto tags = Json::array();
        for (const auto& [key, value] : config.instance_tags)
            tags.push_back({{"key", key}, {"value", value}});
        request["tags"] = std::move(tags);
    }
    return request;
}

Result<Registration> read_registration(const Json& request, const Json& answer) {
    const auto instance = JsonReader(answer).object("containerInstance");
    if (!instance || !*instance) return fail(ErrorCode::protocol, "the answer has no containerInstance");
    const JsonReader reader(**instance, "containerInstance");
    auto arn = reader.required_string("containerInstanceArn");
    if (!arn) return fail(ErrorCode::protocol, "the answer: {}", arn.error().message());
    const auto list = reader.array("attributes");
    if (!list) return fail(ErrorCode::protocol, "the answer: {}", list.error().message());
    const Json echoed = *list ? **list : Json::array();
    for (const auto& sent : request["attributes"]) {
        if (!sent.contains("value")) continue;
        const auto& name = sent["name"].get_ref<const std::string&>();
        const auto& value = sent["value"].get_ref<const std::string&>();
        const auto got = value_of(echoed, name);
        if (got != value)
            return fail(Error(ErrorCode::protocol,
                              fmt::format("attribute {}={} was {} by the service", name, value,
                                          got ? fmt::format("changed to \"{}\"", *got) : "not taken over"))
                            .with_name(std::string(kMismatch)));
    }
    return Registration{std::move(*arn), value_of(echoed, "ecs.availability-zone").value_or("")};
}

Async<Result<Json>> Registrar::try_once(Json request) {
    const auto deadline = deadline_in(kCallDeadline);
    auto answer = co_await or_stopped(stop, ecs->call("RegisterContainerInstance", request, deadline));
    if (answer || answer.error().message().find("Cluster not found.") == std::string::npos) co_return answer;
    // The default cluster is made on demand, one that was asked for by name is not.
    if (config->cluster != "default" || config->environment.contains("ECS_CLUSTER")) co_return answer;
    log.info("there is no cluster \"default\" yet: creating it");
    Json cluster{{"clusterName", config->cluster}};
    auto created = co_await or_stopped(stop, ecs->call("CreateCluster", std::move(cluster), deadline));
    if (!created) co_return created;
    co_return co_await or_stopped(stop, ecs->call("RegisterContainerInstance", std::move(request), deadline));
}

Async<Result<Registration>> Registrar::run(aws::InstanceIdentity identity, std::string saved_arn) {
    const auto request = registration_request(*config, *host, identity, saved_arn, make_uuid());
    const auto deadline = deadline_in(timing->registration_limit);
    aws::Backoff backoff(timing->registration, random);
    for (;;) {
        auto answer = co_await try_once(request);
        if (answer) {
            auto registration = read_registration(request, *answer);
            if (!registration)
                co_return fail(std::move(registration.error()), "registering in {}", config->cluster);
            co_return registration;
        }
        const auto delay = backoff.next();
        if (!is_throttle(answer.error()) || deadline_in(delay) >= deadline)
            co_return fail(std::move(answer.error()), "registering in {}", config->cluster);
        log.warn("registration is throttled; trying again",
                 {{"why", answer.error().message()}, {"in_ms", delay / std::chrono::milliseconds(1)}});
        auto slept = co_await or_stopped(stop, sleep_until(deadline_in(delay)));
        if (!slept) co_return fail(std::move(slept.error()));
    }
}

} // namespace berth::control
