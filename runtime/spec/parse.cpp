// config.json into a Spec: the top level, root, mounts and hooks.
#include "runtime/spec/parse.hpp"

#include <charconv>

namespace berth::runtime {

namespace {

// Any 1.x: minor versions only add fields.
bool supported_version(std::string_view version) {
    int major = 0, minor = 0;
    const char* end = version.data() + version.size();
    const auto first = std::from_chars(version.data(), end, major);
    if (first.ec != std::errc() || first.ptr == end || *first.ptr != '.') return false;
    const auto second = std::from_chars(first.ptr + 1, end, minor);
    return second.ec == std::errc() && second.ptr != end && *second.ptr == '.' && major == 1;
}

void parse_mount(const Fields& fields, std::vector<Mount>& mounts) {
    auto& mount = mounts.emplace_back();
    std::vector<std::string> options;
    fields.require("destination", mount.destination);
    fields.read("type", mount.type);
    fields.read("source", mount.source);
    fields.read("options", options);
    if (fields.raw("uidMappings") != nullptr || fields.raw("gidMappings") != nullptr)
        fields.complain("uidMappings", "id-mapped mounts are not supported");
    if (!fields.good()) return;
    // Version 1.0 allowed relative destinations; they are from the root.
    if (!mount.destination.starts_with('/')) mount.destination.insert(0, "/");
    auto parsed = parse_mount_options(options, fields.path_of("options"));
    if (!parsed) return fields.complain(std::move(parsed.error()));
    mount.options = std::move(*parsed);
    if (mount.is_bind()) {
        mount.options.flags |= MS_BIND;
        if (mount.source.empty()) fields.complain("source", "missing, and a bind mount needs one");
    } else if (mount.type.empty()) {
        fields.complain("type", "missing");
    }
}

void parse_hook(const Fields& fields, std::vector<Hook>& hooks) {
    auto& hook = hooks.emplace_back();
    fields.require("path", hook.path);
    fields.read("args", hook.args);
    fields.read("env", hook.env);
    int timeout = 0;
    if (fields.read("timeout", timeout)) {
        if (timeout <= 0) fields.complain("timeout", "must be greater than zero");
        hook.timeout_seconds = timeout;
    }
    if (fields.good() && !hook.path.starts_with('/')) fields.complain("path", "must be absolute");
}

void parse_hooks(const Fields& fields, Hooks& hooks) {
    const auto list = [&](std::string_view key, std::vector<Hook>& target) {
        fields.each(key, [&](const Fields& hook) { parse_hook(hook, target); });
    };
    list("prestart", hooks.prestart);
    list("createRuntime", hooks.create_runtime);
    list("createContainer", hooks.create_container);
    list("startContainer", hooks.start_container);
    list("poststart", hooks.poststart);
    list("poststop", hooks.poststop);
}

} // namespace

const Namespace* Spec::find_namespace(int clone_flag) const {
    for (const auto& entry : namespaces)
        if (entry.flag == clone_flag) return &entry;
    return nullptr;
}

Result<Spec> parse_spec(const Json& config) {
    if (!config.is_object()) return fail(ErrorCode::invalid, "not a JSON object");
    Spec spec;
    std::optional<Error> error;
    const Fields top(config, "", error);
    top.require("ociVersion", spec.version);
    if (top.good() && !supported_version(spec.version))
        top.complain("ociVersion",
                     fmt::format("\"{}\" is not supported; 1.x.y is", spec.version.substr(0, 64)));
    top.read("hostname", spec.hostname);
    top.read("domainname", spec.domainname);
    top.read("annotations", spec.annotations);
    if (top.raw("root") == nullptr) top.complain("root", "missing");
    top.object("root", [&](const Fields& root) {
        root.require("path", spec.root.path);
        root.read("readonly", spec.root.readonly);
    });
    top.each("mounts", [&](const Fields& mount) { parse_mount(mount, spec.mounts); });
    if (top.raw("process") == nullptr) top.complain("process", "missing");
    top.object("process", [&](const Fields& process) { parse_process(process, spec); });
    top.object("hooks", [&](const Fields& hooks) { parse_hooks(hooks, spec.hooks); });
    if (top.raw("linux") == nullptr) top.complain("linux", "missing");
    top.object("linux", [&](const Fields& linux_part) { parse_linux(linux_part, spec); });
    if (error) return std::unexpected(std::move(*error));
    if (auto sound = check_spec(spec); !sound) return std::unexpected(std::move(sound.error()));
    return spec;
}

Result<Spec> load_spec(const fs::path& bundle) {
    const auto path = bundle / "config.json";
    const auto text = read_file(path, kMaxConfigBytes);
    if (!text) return std::unexpected(text.error());
    const auto config = parse_json(*text, {.max_bytes = kMaxConfigBytes, .max_depth = 64});
    if (!config) return fail(Error(config.error()), "{}", path.string());
    auto spec = parse_spec(*config);
    if (!spec) return fail(std::move(spec.error()), "{}", path.string());
    return spec;
}

} // namespace berth::runtime
