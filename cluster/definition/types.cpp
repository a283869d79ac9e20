// The types of the members of a task definition, as tables.
#include "cluster/definition/definition.hpp"
#include "cluster/model/fields.hpp"

#include <array>
#include <span>

namespace berth::cluster {
namespace {

enum class Kind : std::uint8_t { text, integer, boolean, texts, text_map };

struct Member {
    const char* name;
    Kind kind;
};

// A list of objects, or one object, at a path inside its parent.
struct Shape {
    const char* name;
    bool list;
    std::span<const Member> members;
    std::span<const Shape> children;
};

constexpr Member kNameValue[]{{"name", Kind::text}, {"value", Kind::text}};
constexpr Member kKeyValue[]{{"key", Kind::text}, {"value", Kind::text}};
constexpr Member kTypeValue[]{{"type", Kind::text}, {"value", Kind::text}};
constexpr Member kNamespaceValue[]{{"namespace", Kind::text}, {"value", Kind::text}};
constexpr Member kSecret[]{{"name", Kind::text}, {"valueFrom", Kind::text}};
constexpr Member kPort[]{{"containerPort", Kind::integer}, {"hostPort", Kind::integer},
                         {"protocol", Kind::text},         {"name", Kind::text},
                         {"appProtocol", Kind::text},      {"containerPortRange", Kind::text}};
constexpr Member kMount[]{
    {"sourceVolume", Kind::text}, {"containerPath", Kind::text}, {"readOnly", Kind::boolean}};
constexpr Member kVolumesFrom[]{{"sourceContainer", Kind::text}, {"readOnly", Kind::boolean}};
constexpr Member kDependsOn[]{{"containerName", Kind::text}, {"condition", Kind::text}};
constexpr Member kHost[]{{"hostname", Kind::text}, {"ipAddress", Kind::text}};
constexpr Member kUlimit[]{{"name", Kind::text}, {"softLimit", Kind::integer}, {"hardLimit", Kind::integer}};
constexpr Member kCredentials[]{{"credentialsParameter", Kind::text}};
constexpr Member kHealthCheck[]{{"command", Kind::texts},
                                {"interval", Kind::integer},
                                {"timeout", Kind::integer},
                                {"retries", Kind::integer},
                                {"startPeriod", Kind::integer}};
constexpr Member kFirelens[]{{"type", Kind::text}, {"options", Kind::text_map}};
constexpr Member kCapabilities[]{{"add", Kind::texts}, {"drop", Kind::texts}};
constexpr Member kDevice[]{
    {"hostPath", Kind::text}, {"containerPath", Kind::text}, {"permissions", Kind::texts}};
constexpr Member kTmpfs[]{
    {"containerPath", Kind::text}, {"size", Kind::integer}, {"mountOptions", Kind::texts}};
constexpr Member kLinux[]{{"initProcessEnabled", Kind::boolean},
                          {"sharedMemorySize", Kind::integer},
                          {"maxSwap", Kind::integer},
                          {"swappiness", Kind::integer}};
constexpr Shape kLinuxParts[]{
    {"capabilities", false, kCapabilities, {}}, {"devices", true, kDevice, {}}, {"tmpfs", true, kTmpfs, {}}};
constexpr Member kLog[]{{"logDriver", Kind::text}, {"options", Kind::text_map}};
constexpr Shape kLogParts[]{{"secretOptions", true, kSecret, {}}};
constexpr Member kRestart[]{{"enabled", Kind::boolean}, {"restartAttemptPeriod", Kind::integer}};

constexpr Member kContainer[]{{"name", Kind::text},
                              {"image", Kind::text},
                              {"cpu", Kind::integer},
                              {"memory", Kind::integer},
                              {"memoryReservation", Kind::integer},
                              {"links", Kind::texts},
                              {"essential", Kind::boolean},
                              {"entryPoint", Kind::texts},
                              {"command", Kind::texts},
                              {"startTimeout", Kind::integer},
                              {"stopTimeout", Kind::integer},
                              {"hostname", Kind::text},
                              {"user", Kind::text},
                              {"workingDirectory", Kind::text},
                              {"disableNetworking", Kind::boolean},
                              {"privileged", Kind::boolean},
                              {"readonlyRootFilesystem", Kind::boolean},
                              {"dnsServers", Kind::texts},
                              {"dnsSearchDomains", Kind::texts},
                              {"dockerSecurityOptions", Kind::texts},
                              {"interactive", Kind::boolean},
                              {"pseudoTerminal", Kind::boolean},
                              {"dockerLabels", Kind::text_map},
                              {"credentialSpecs", Kind::texts},
                              {"versionConsistency", Kind::text}};
constexpr Shape kContainerParts[]{{"repositoryCredentials", false, kCredentials, {}},
                                  {"portMappings", true, kPort, {}},
                                  {"environment", true, kNameValue, {}},
                                  {"environmentFiles", true, kTypeValue, {}},
                                  {"mountPoints", true, kMount, {}},
                                  {"volumesFrom", true, kVolumesFrom, {}},
                                  {"linuxParameters", false, kLinux, kLinuxParts},
                                  {"secrets", true, kSecret, {}},
                                  {"dependsOn", true, kDependsOn, {}},
                                  {"extraHosts", true, kHost, {}},
                                  {"ulimits", true, kUlimit, {}},
                                  {"logConfiguration", false, kLog, kLogParts},
                                  {"healthCheck", false, kHealthCheck, {}},
                                  {"systemControls", true, kNamespaceValue, {}},
                                  {"resourceRequirements", true, kTypeValue, {}},
                                  {"firelensConfiguration", false, kFirelens, {}},
                                  {"restartPolicy", false, kRestart, {}}};

constexpr Member kSourcePath[]{{"sourcePath", Kind::text}};
constexpr Member kDockerVolume[]{{"scope", Kind::text},
                                 {"autoprovision", Kind::boolean},
                                 {"driver", Kind::text},
                                 {"driverOpts", Kind::text_map},
                                 {"labels", Kind::text_map}};
constexpr Member kEfs[]{{"fileSystemId", Kind::text},
                        {"rootDirectory", Kind::text},
                        {"transitEncryption", Kind::text},
                        {"transitEncryptionPort", Kind::integer}};
constexpr Member kEfsAuth[]{{"accessPointId", Kind::text}, {"iam", Kind::text}};
constexpr Shape kEfsParts[]{{"authorizationConfig", false, kEfsAuth, {}}};
constexpr Member kVolume[]{{"name", Kind::text}};
constexpr Shape kVolumeParts[]{{"host", false, kSourcePath, {}},
                               {"dockerVolumeConfiguration", false, kDockerVolume, {}},
                               {"efsVolumeConfiguration", false, kEfs, kEfsParts}};
constexpr Member kProxy[]{{"type", Kind::text}, {"containerName", Kind::text}};
constexpr Shape kProxyParts[]{{"properties", true, kNameValue, {}}};
constexpr Member kConstraint[]{{"type", Kind::text}, {"expression", Kind::text}};
constexpr Member kRuntime[]{{"cpuArchitecture", Kind::text}, {"operatingSystemFamily", Kind::text}};

constexpr Member kDefinition[]{{"family", Kind::text},
                               {"taskRoleArn", Kind::text},
                               {"executionRoleArn", Kind::text},
                               {"networkMode", Kind::text},
                               {"requiresCompatibilities", Kind::texts},
                               {"cpu", Kind::text},
                               {"memory", Kind::text},
                               {"pidMode", Kind::text},
                               {"ipcMode", Kind::text},
                               {"enableFaultInjection", Kind::boolean}};
constexpr Shape kDefinitionParts[]{{"containerDefinitions", true, kContainer, kContainerParts},
                                   {"volumes", true, kVolume, kVolumeParts},
                                   {"placementConstraints", true, kConstraint, {}},
                                   {"proxyConfiguration", false, kProxy, kProxyParts},
                                   {"runtimePlatform", false, kRuntime, {}},
                                   {"tags", true, kKeyValue, {}}};

constexpr Member kContainerOverride[]{{"name", Kind::text},
                                      {"command", Kind::texts},
                                      {"cpu", Kind::integer},
                                      {"memory", Kind::integer},
                                      {"memoryReservation", Kind::integer}};
constexpr Shape kContainerOverrideParts[]{{"environment", true, kNameValue, {}},
                                          {"environmentFiles", true, kTypeValue, {}},
                                          {"resourceRequirements", true, kTypeValue, {}}};
constexpr Member kOverride[]{{"cpu", Kind::text},
                             {"memory", Kind::text},
                             {"taskRoleArn", Kind::text},
                             {"executionRoleArn", Kind::text}};
constexpr Shape kOverrideParts[]{{"containerOverrides", true, kContainerOverride, kContainerOverrideParts}};

template <class T>
Status good(const Result<T>& value) {
    if (!value) return fail(Error(value.error()).with_name("SerializationException"));
    return {};
}

// The API's Integer has 32 bits; so nothing computed of it overflows later.
Status check_integer(const JsonReader& reader, const char* name) {
    const auto value = reader.integer(name);
    if (Status type = good(value); !type) return type;
    if (*value && (**value > INT32_MAX || **value < INT32_MIN))
        return fail(Error(ErrorCode::invalid, reader.path_of(name) + ": the number is too large")
                        .with_name("SerializationException"));
    return {};
}

Status check_member(const JsonReader& reader, const Member& member) {
    switch (member.kind) {
    case Kind::text: return good(reader.string(member.name));
    case Kind::integer: return check_integer(reader, member.name);
    case Kind::boolean: return good(reader.boolean(member.name));
    case Kind::texts: return good(reader.strings(member.name));
    case Kind::text_map: return good(reader.string_map(member.name));
    }
    return {};
}

Status check_object(const Json& object, const std::string& path, std::span<const Member> members,
                    std::span<const Shape> children);

Status check_child(const Json& parent, const std::string& path, const Shape& shape) {
    const JsonReader reader(parent, path);
    const auto found = shape.list ? reader.array(shape.name) : reader.object(shape.name);
    if (Status type = good(found); !type) return type;
    if (!*found) return {};
    const std::string here = reader.path_of(shape.name);
    if (!shape.list) return check_object(**found, here, shape.members, shape.children);
    for (std::size_t i = 0; i < (*found)->size(); ++i)
        if (Status item =
                check_object((**found)[i], fmt::format("{}[{}]", here, i), shape.members, shape.children);
            !item)
            return item;
    return {};
}

Status check_object(const Json& object, const std::string& path, std::span<const Member> members,
                    std::span<const Shape> children) {
    if (!object.is_object())
        return fail(
            Error(ErrorCode::invalid, path + ": expected an object").with_name("SerializationException"));
    const JsonReader reader(object, path);
    for (const Member& member : members)
        if (Status type = check_member(reader, member); !type) return type;
    for (const Shape& child : children)
        if (Status type = check_child(object, path, child); !type) return type;
    return {};
}

} // namespace

Status check_definition_types(const Json& request) {
    return check_object(request, "", kDefinition, kDefinitionParts);
}

Status check_override_types(const Json& overrides) {
    return check_object(overrides, "overrides", kOverride, kOverrideParts);
}

} // namespace berth::cluster
