// What an agent asks for when it starts: RegisterContainerInstance, DiscoverPollEndpoint.
#include "cluster/api/operations.hpp"
#include "cluster/api/views.hpp"
#include "cluster/model/fields.hpp"
#include "cluster/model/refusal.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <charconv>

namespace berth::cluster {
namespace {

constexpr std::size_t kMaxAttributes = 500;

Result<std::set<std::uint16_t>> read_ports(const Input& resource) {
    std::set<std::uint16_t> ports;
    for (const std::string& text : resource.strings("stringSetValue")) {
        std::uint16_t port = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
        if (error != std::errc() || end != text.data() + text.size())
            return bad_parameter("{}: \"{}\" is no port", resource.path_of("stringSetValue"),
                                 text.substr(0, 32));
        ports.insert(port);
    }
    return ports;
}

Result<Resources> read_resources(const Input& in) {
    Resources total;
    for (const Json& item : in.objects("totalResources")) {
        const Input resource(item, "totalResources");
        const auto name = resource.text("name");
        const auto value = resource.integer("integerValue").value_or(0); // zero is left out by the agent
        auto ports = read_ports(resource);
        if (auto bad = resource.check(); !bad) return fail(std::move(bad.error()));
        if (!ports) return fail(std::move(ports.error()));
        if (value < 0 || value > INT32_MAX)
            return bad_parameter("{}: {} is out of range", name.substr(0, 32), value);
        if (name == "CPU") total.cpu = value;
        if (name == "MEMORY") total.memory = value;
        if (name == "PORTS") total.tcp = std::move(*ports);
        if (name == "PORTS_UDP") total.udp = std::move(*ports);
    }
    return total;
}

Result<std::vector<Attribute>> read_attributes(const Input& in) {
    std::vector<Attribute> attributes;
    for (const Json& item : in.objects("attributes")) {
        const Input attribute(item, "attributes");
        attributes.push_back({attribute.text("name"), attribute.maybe_text("value")});
        if (auto bad = attribute.check(); !bad) return fail(std::move(bad.error()));
        if (attributes.back().name.empty()) return bad_parameter("attributes: an attribute has no name");
    }
    if (attributes.size() > kMaxAttributes) return bad_parameter("attributes: more than {}", kMaxAttributes);
    return attributes;
}

bool has_attribute(const std::vector<Attribute>& attributes, std::string_view name) {
    return std::ranges::find(attributes, name, &Attribute::name) != attributes.end();
}

void add_attribute(std::vector<Attribute>& attributes, std::string name, std::string value) {
    if (!value.empty() && !has_attribute(attributes, name))
        attributes.push_back({std::move(name), std::move(value)});
}

// What the service knows of an instance by itself: from the identity document, or because agent and endpoint
// share the machine.
void complete_attributes(const World& world, std::vector<Attribute>& attributes, const Json& identity) {
    utsname machine{};
    uname(&machine);
    add_attribute(attributes, "ecs.availability-zone",
                  text_of(identity, "availabilityZone", world.identity.region + "a"));
    add_attribute(attributes, "ecs.cpu-architecture", text_of(identity, "architecture", machine.machine));
    add_attribute(attributes, "ecs.ami-id", text_of(identity, "imageId"));
    add_attribute(attributes, "ecs.instance-type", text_of(identity, "instanceType"));
}

// Attributes of the user's own are sent with the first registration only.
void keep_custom_attributes(std::vector<Attribute>& attributes, const std::vector<Attribute>& before) {
    for (const Attribute& old : before)
        if (!old.name.starts_with("ecs.") && !old.name.starts_with("com.amazonaws.ecs.") &&
            !has_attribute(attributes, old.name))
            attributes.push_back(old);
}

// An empty or foreign document tells nothing; that is no error (hosts without EC2 metadata send "").
Json read_identity(const Input& in) {
    const auto text = in.text("instanceIdentityDocument");
    if (text.empty()) return Json::object();
    return parse_json(text, {.max_bytes = 64 << 10, .max_depth = 8}).value_or(Json::object());
}

const Instance* same_request(const World& world, const std::string& cluster, const std::string& token) {
    if (token.empty()) return nullptr;
    for (const auto& [arn, instance] : world.instances)
        if (instance.client_token == token && instance.cluster == cluster) return &instance;
    return nullptr;
}

Result<Json> register_instance(Context& context, const Input& in) {
    const auto cluster_name = in.text("cluster");
    const auto known_arn = in.text("containerInstanceArn");
    const auto token = in.text("clientToken");
    const Json identity = read_identity(in);
    const Input versions(in.object("versionInfo"), "versionInfo");
    const auto agent_version = versions.text("agentVersion");
    auto tags = in.tags();
    auto resources = read_resources(in);
    auto attributes = read_attributes(in);
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    if (!resources) return fail(std::move(resources.error()));
    if (!attributes) return fail(std::move(attributes.error()));
    World& world = context.world;
    const auto cluster = world.cluster(cluster_name);
    if (!cluster) return client_error("Cluster not found.");
    const std::string& name = (*cluster)->name;

    const Instance* known =
        known_arn.empty() ? same_request(world, name, token) : world.instance(name, known_arn);
    if (!known_arn.empty() && (!known || known->status == InstanceStatus::inactive))
        return client_error("The container instance {} is not registered in the cluster {}.",
                            known_arn.substr(0, 255), name);
    Instance instance = known ? *known : Instance();
    if (!known) {
        instance.arn = world.identity.instance(name, context.make_id(32));
        instance.cluster = name;
        instance.registered = context.now;
        instance.client_token = token;
    }
    ++instance.version;
    complete_attributes(world, *attributes, identity);
    keep_custom_attributes(*attributes, instance.attributes);
    instance.attributes = std::move(*attributes);
    instance.total = std::move(*resources);
    instance.ec2_instance_id = text_of(identity, "instanceId");
    if (!agent_version.empty()) instance.agent_version = agent_version;
    if (!tags.empty()) world.tags.put(instance.arn, std::move(tags));
    std::string arn = instance.arn;
    return Json{
        {"containerInstance", view(world, world.instances.put(std::move(arn), std::move(instance)), true)}};
}

Result<Json> discover_poll_endpoint(Context& context, const Input& in) {
    const auto cluster_name = in.text("cluster");
    const auto name = in.text("containerInstance");
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    const auto cluster = context.world.cluster(cluster_name);
    if (!cluster) return client_error("Cluster not found.");
    if (!name.empty() && !context.world.instance((*cluster)->name, name))
        return client_error("The container instance {} is not registered.", name.substr(0, 255));
    return Json{{"endpoint", context.settings.url + "/acs"},
                {"telemetryEndpoint", context.settings.url + "/tcs"}};
}

} // namespace

std::span<const Operation> agent_operations() {
    static constexpr Operation kAll[]{{"RegisterContainerInstance", register_instance},
                                      {"DiscoverPollEndpoint", discover_poll_endpoint}};
    return kAll;
}

} // namespace berth::cluster
