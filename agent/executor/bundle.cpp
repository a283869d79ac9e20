// config.json for one ECS container: what Docker would have asked its runtime for.
#include "agent/executor/bundle.hpp"

#include "berth/runtime/docker_defaults.hpp"

#include <algorithm>
#include <set>

namespace berth::executor {

namespace {

// "cap_net_admin", "NET_ADMIN" → "CAP_NET_ADMIN"
std::string capability_name(std::string name) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return name.starts_with("CAP_") ? name : "CAP_" + name;
}

Result<std::vector<std::string>> capabilities(const ContainerSpec& container) {
    const auto every = runtime::all_capabilities();
    auto base = container.privileged ? every : runtime::docker_capabilities();
    std::set<std::string> wanted(base.begin(), base.end());
    const auto known = [&](const std::string& name) {
        return std::find(every.begin(), every.end(), name) != every.end();
    };
    // Drops first: CapDrop ALL with CapAdd X leaves X (Docker's order).
    for (const auto& dropped : container.cap_drop) {
        const auto name = capability_name(dropped);
        if (name == "CAP_ALL")
            wanted.clear();
        else if (!known(name))
            return fail(ErrorCode::invalid, "CapDrop: unknown capability \"{}\"", dropped);
        else
            wanted.erase(name);
    }
    for (const auto& added : container.cap_add) {
        const auto name = capability_name(added);
        if (name == "CAP_ALL")
            wanted.insert(every.begin(), every.end());
        else if (!known(name))
            return fail(ErrorCode::invalid, "CapAdd: unknown capability \"{}\"", added);
        else
            wanted.insert(name);
    }
    return std::vector<std::string>(wanted.begin(), wanted.end());
}

Result<std::vector<std::string>> arguments(const BundleInputs& in) {
    // An entry point of the task hides the image's command too, as in Docker.
    auto args = in.container->entry_point.value_or(in.image->entrypoint);
    const auto command = in.container->command       ? *in.container->command
                         : in.container->entry_point ? std::vector<std::string>{}
                                                     : in.image->command;
    args.insert(args.end(), command.begin(), command.end());
    if (args.empty() || args[0].empty())
        return fail(ErrorCode::invalid,
                    "no command: neither the task definition nor the image {} says what to run",
                    in.container->image);
    return args;
}

std::vector<std::string> environment(const BundleInputs& in) {
    std::map<std::string, std::string> variables{
        {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
        {"HOSTNAME", in.hostname},
        {"HOME", in.user.home}};
    if (in.container->tty) variables["TERM"] = "xterm";
    for (const auto& line : in.image->environment) {
        const auto equals = line.find('=');
        variables[line.substr(0, equals)] = equals == std::string::npos ? "" : line.substr(equals + 1);
    }
    for (const auto& [key, value] : in.container->environment) variables[key] = value;
    if (!in.region.empty() && !variables.contains("AWS_REGION") && !variables.contains("AWS_DEFAULT_REGION"))
        variables["AWS_REGION"] = variables["AWS_DEFAULT_REGION"] = in.region;
    std::vector<std::string> list;
    for (const auto& [key, value] : variables) list.push_back(key + '=' + value);
    return list;
}

Json bind_mount(const fs::path& source, const std::string& destination, bool read_only) {
    return {{"type", "bind"},
            {"source", source.string()},
            {"destination", destination},
            {"options", {"rbind", "rprivate", read_only ? "ro" : "rw"}}};
}

// One entry of HostConfig.Binds: source:destination[:options].
Result<Json> parse_bind(const BundleInputs& in, const std::string& text) {
    const auto first = text.find(':');
    const auto second = first == std::string::npos ? first : text.find(':', first + 1);
    const auto source = text.substr(0, first);
    const auto destination = first == std::string::npos ? "" : text.substr(first + 1, second - first - 1);
    if (!destination.starts_with('/'))
        return fail(ErrorCode::invalid, "Binds: \"{}\" is not source:/path[:ro]", text);
    const auto options = second == std::string::npos ? "" : text.substr(second + 1);
    const bool read_only = ("," + options + ",").contains(",ro,");
    if (source.starts_with('/')) return bind_mount(source, destination, read_only);
    const auto volume = in.volumes.find(source);
    if (volume == in.volumes.end())
        return fail(ErrorCode::invalid, "Binds: \"{}\": no volume is named \"{}\"", text, source);
    return bind_mount(volume->second, destination, read_only);
}

Result<Json> mounts(const BundleInputs& in) {
    runtime::DefaultMountOptions defaults;
    if (in.container->shm_bytes) defaults.shm_bytes = static_cast<std::uint64_t>(*in.container->shm_bytes);
    defaults.writable_sysfs_and_cgroup = in.container->privileged;
    Json list = runtime::docker_default_mounts(defaults);
    for (const char* name : {"hosts", "hostname", "resolv.conf"})
        list.push_back(bind_mount(in.directory / "etc" / name, std::string("/etc/") + name, false));
    // By depth: outer paths first, so that a mount is never hidden by its parent's.
    std::multimap<std::ptrdiff_t, Json> own;
    const auto add = [&own](Json mount) {
        const auto& path = mount["destination"].get_ref<const std::string&>();
        own.emplace(std::count(path.begin(), path.end(), '/'), std::move(mount));
    };
    for (const auto& [path, options] : in.container->tmpfs) {
        Json words =
            Json::array({"nosuid", "nodev", "noexec"}); // Docker's defaults, unless the options say otherwise
        for (std::size_t from = 0; !options.empty() && from <= options.size();) {
            const auto comma = std::min(options.find(',', from), options.size());
            if (comma > from) words.push_back(options.substr(from, comma - from));
            from = comma + 1;
        }
        add({{"type", "tmpfs"}, {"source", "tmpfs"}, {"destination", path}, {"options", words}});
    }
    for (const auto& mount : in.container->mounts) {
        const auto volume = in.volumes.find(mount.source_volume);
        if (volume == in.volumes.end())
            return fail(ErrorCode::invalid, "mountPoints: no volume is named \"{}\"", mount.source_volume);
        add(bind_mount(volume->second, mount.container_path, mount.read_only));
    }
    for (const auto& text : in.container->binds) {
        auto parsed = parse_bind(in, text);
        if (!parsed) return parsed;
        add(std::move(*parsed));
    }
    for (auto& [depth, mount] : own) list.push_back(std::move(mount));
    return list;
}

Json resources(const BundleInputs& in) {
    const auto& container = *in.container;
    Json result;
    result["devices"] = container.privileged ? Json::array({{{"allow", true}, {"access", "rwm"}}})
                                             : runtime::docker_device_rules();
    result["cpu"]["shares"] = container.cpu_shares;
    if (container.cpuset_cpus) result["cpu"]["cpus"] = *container.cpuset_cpus;
    if (container.memory_bytes > 0) {
        result["memory"]["limit"] = container.memory_bytes;
        // Docker: unset means as much swap again as memory.
        result["memory"]["swap"] =
            container.memory_swap_bytes != 0 ? container.memory_swap_bytes : 2 * container.memory_bytes;
    }
    if (container.memory_reservation_bytes > 0)
        result["memory"]["reservation"] = container.memory_reservation_bytes;
    if (container.swappiness) result["memory"]["swappiness"] = *container.swappiness;
    if (container.pids_limit && *container.pids_limit > 0) result["pids"]["limit"] = *container.pids_limit;
    return result;
}

Result<Json> namespaces(const BundleInputs& in) {
    Json list = Json::array({{{"type", "mount"}}, {{"type", "uts"}}, {{"type", "cgroup"}}});
    if (in.task->pid_mode.empty())
        list.push_back({{"type", "pid"}});
    else if (in.task->pid_mode != "host")
        return fail(ErrorCode::invalid, "pidMode \"{}\" is not supported by this version; host or none given",
                    in.task->pid_mode);
    if (in.task->ipc_mode.empty() || in.task->ipc_mode == "none")
        list.push_back({{"type", "ipc"}});
    else if (in.task->ipc_mode != "host")
        return fail(ErrorCode::invalid,
                    "ipcMode \"{}\" is not supported by this version; host, none or none given",
                    in.task->ipc_mode);
    // The path is replaced by the descriptor the shim is given; without one the container gets an empty
    // namespace.
    if (in.task->network_mode != "host") list.push_back({{"type", "network"}});
    return list;
}

struct SecurityOptions {
    bool no_new_privileges = false, seccomp = true;
};
Result<SecurityOptions> security_options(const ContainerSpec& container) {
    SecurityOptions options;
    options.seccomp = !container.privileged;
    for (const auto& option : container.security_opt) {
        if (option == "no-new-privileges" || option == "no-new-privileges:true")
            options.no_new_privileges = true;
        else if (option == "no-new-privileges:false")
            options.no_new_privileges = false;
        else if (option == "seccomp=unconfined" || option == "seccomp:unconfined")
            options.seccomp = false;
        else
            return fail(ErrorCode::invalid, "SecurityOpt: \"{}\" is not supported by this version", option);
    }
    return options;
}

Json rlimits(const ContainerSpec& container) {
    Json list = Json::array();
    for (const auto& limit : container.ulimits) {
        std::string name = "RLIMIT_" + limit.name;
        std::transform(name.begin(), name.end(), name.begin(),
                       [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        const auto value = [](std::int64_t number) {
            return number < 0 ? UINT64_MAX : static_cast<std::uint64_t>(number);
        };
        list.push_back({{"type", name}, {"soft", value(limit.soft)}, {"hard", value(limit.hard)}});
    }
    return list;
}

} // namespace

std::string short_id(const ContainerId& id) { return id.str().substr(0, 12); }

Result<Json> make_bundle(const BundleInputs& in) {
    const auto& container = *in.container;
    if (container.init)
        return fail(ErrorCode::invalid,
                    "initProcessEnabled is not supported by this version; take it out of container \"{}\"",
                    container.name);
    const auto caps = capabilities(container);
    if (!caps) return std::unexpected(caps.error());
    const auto args = arguments(in);
    if (!args) return std::unexpected(args.error());
    auto mount_list = mounts(in);
    if (!mount_list) return mount_list;
    auto namespace_list = namespaces(in);
    if (!namespace_list) return namespace_list;
    const auto security = security_options(container);
    if (!security) return std::unexpected(security.error());

    auto groups = in.user.groups;
    groups.insert(groups.end(), in.added_groups.begin(), in.added_groups.end());
    auto cwd = container.working_dir.value_or(in.image->working_dir);
    Json process{{"terminal", container.tty},
                 {"user", {{"uid", in.user.uid}, {"gid", in.user.gid}, {"additionalGids", groups}}},
                 {"args", *args},
                 {"env", environment(in)},
                 {"cwd", cwd.empty() ? "/" : cwd},
                 {"rlimits", rlimits(container)},
                 {"noNewPrivileges", security->no_new_privileges},
                 {"capabilities", {{"bounding", *caps}, {"effective", *caps}, {"permitted", *caps}}}};
    Json linux_part{{"namespaces", std::move(*namespace_list)},
                    {"cgroupsPath", in.cgroup_path},
                    {"resources", resources(in)}};
    if (!container.privileged) {
        linux_part["maskedPaths"] = runtime::masked_paths();
        linux_part["readonlyPaths"] = runtime::readonly_paths();
    }
    if (!container.sysctls.empty()) linux_part["sysctl"] = container.sysctls;
    if (security->seccomp) linux_part["seccomp"] = runtime::docker_seccomp_profile(*caps);
    return Json{{"ociVersion", "1.2.0"},
                {"hostname", in.hostname},
                {"root", {{"path", "rootfs"}, {"readonly", container.read_only_root}}},
                {"process", std::move(process)},
                {"mounts", std::move(*mount_list)},
                {"linux", std::move(linux_part)}};
}

} // namespace berth::executor
