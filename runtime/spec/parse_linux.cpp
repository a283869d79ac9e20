// The "linux" object of config.json.
#include "runtime/spec/parse.hpp"

#include <sched.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <ranges>
#include <utility>

namespace berth::runtime {

namespace {

constexpr std::array<std::pair<std::string_view, int>, 7> kNamespaceTypes{{{"pid", CLONE_NEWPID},
                                                                           {"network", CLONE_NEWNET},
                                                                           {"mount", CLONE_NEWNS},
                                                                           {"ipc", CLONE_NEWIPC},
                                                                           {"uts", CLONE_NEWUTS},
                                                                           {"user", CLONE_NEWUSER},
                                                                           {"cgroup", CLONE_NEWCGROUP}}};

void parse_namespace(const Fields& fields, Spec& spec) {
    std::string type;
    Namespace entry;
    fields.require("type", type);
    fields.read("path", entry.path);
    if (!fields.good()) return;
    const auto known = std::ranges::find(kNamespaceTypes, type, &std::pair<std::string_view, int>::first);
    if (known == kNamespaceTypes.end())
        return fields.complain("type", fmt::format("\"{}\" is not a supported kind of namespace", type));
    entry.flag = known->second;
    if (spec.find_namespace(entry.flag) != nullptr)
        return fields.complain("type", fmt::format("a {} namespace is given twice", type));
    if (!entry.path.empty() && !entry.path.starts_with('/')) fields.complain("path", "must be absolute");
    spec.namespaces.push_back(std::move(entry));
}

void parse_id_map(const Fields& fields, std::vector<IdMap>& maps) {
    auto& map = maps.emplace_back();
    fields.require("containerID", map.container);
    fields.require("hostID", map.host);
    fields.require("size", map.size);
    if (fields.good() && map.size == 0) fields.complain("size", "must be greater than zero");
}

void parse_device(const Fields& fields, std::vector<Device>& devices) {
    auto& device = devices.emplace_back();
    std::string type;
    fields.require("path", device.path);
    fields.require("type", type);
    fields.read("fileMode", device.mode);
    fields.read("uid", device.uid);
    fields.read("gid", device.gid);
    if (!fields.good()) return;
    if (!device.path.starts_with('/')) fields.complain("path", "must be absolute");
    if (type == "c" || type == "u")
        device.type = S_IFCHR;
    else if (type == "b")
        device.type = S_IFBLK;
    else if (type == "p")
        device.type = S_IFIFO;
    else
        fields.complain("type", fmt::format("\"{}\" is none of c, b, u, p", type));
    if (device.type == S_IFIFO) return;
    fields.require("major", device.major);
    fields.require("minor", device.minor);
}

void parse_seccomp(const Fields& fields, Spec& spec) {
    const Json* profile = fields.raw("seccomp");
    if (profile == nullptr) return;
    if (!profile->is_object()) return fields.complain("seccomp", "expected an object");
    spec.seccomp = *profile;
}

void parse_resources(const Fields& fields, Spec& spec) {
    const Json* resources = fields.raw("resources");
    if (resources == nullptr) return;
    if (!resources->is_object()) return fields.complain("resources", "expected an object");
    spec.resources = *resources;
}

// "net.ipv4.ip_forward", or "net/ipv4/conf/eth0.1/forwarding" where a name has a dot of its own, as a path
// below /proc/sys. Nothing for what would lead elsewhere than it says.
std::optional<std::string> sysctl_path(std::string path) {
    const auto first = path.find_first_of("./");
    if (first != std::string::npos && path[first] == '.')
        for (char& c : path) c = c == '.' ? '/' : c == '/' ? '.' : c;
    for (const auto part : std::views::split(path, '/')) {
        const std::string_view name(part.begin(), part.end());
        if (name.empty() || name == "." || name == "..") return std::nullopt;
    }
    return path;
}

void parse_sysctl(const Fields& fields, Spec& spec) {
    std::map<std::string, std::string> parameters;
    fields.read("sysctl", parameters);
    for (auto& [name, value] : parameters) {
        auto path = sysctl_path(name);
        if (!path)
            return fields.complain("sysctl", fmt::format("\"{}\" is not the name of a parameter", name));
        spec.sysctl.emplace(std::move(*path), std::move(value));
    }
}

} // namespace

void parse_linux(const Fields& fields, Spec& spec) {
    fields.each("namespaces", [&](const Fields& entry) { parse_namespace(entry, spec); });
    fields.each("uidMappings", [&](const Fields& map) { parse_id_map(map, spec.uid_mappings); });
    fields.each("gidMappings", [&](const Fields& map) { parse_id_map(map, spec.gid_mappings); });
    fields.each("devices", [&](const Fields& device) { parse_device(device, spec.devices); });
    fields.read("cgroupsPath", spec.cgroups_path);
    parse_sysctl(fields, spec);
    fields.read("maskedPaths", spec.masked_paths);
    fields.read("readonlyPaths", spec.readonly_paths);
    fields.read("mountLabel", spec.mount_label);
    parse_seccomp(fields, spec);
    parse_resources(fields, spec);
    std::string propagation;
    if (fields.read("rootfsPropagation", propagation) && !propagation.empty()) {
        const auto flag = propagation_flag(propagation);
        if (!flag) return fields.complain("rootfsPropagation", fmt::format("\"{}\" is unknown", propagation));
        spec.rootfs_propagation = *flag;
    }
    for (const auto* unsupported : {"intelRdt", "timeOffsets", "personality"})
        if (fields.raw(unsupported) != nullptr) fields.complain(unsupported, "not supported");
}

} // namespace berth::runtime
