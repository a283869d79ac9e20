// The config.json that `berth-runtime spec` writes: a shell with Docker's defaults.
#include "berth/runtime/docker_defaults.hpp"

#include "runtime/spec/spec.hpp"

namespace berth::runtime {

Json example_spec() {
    const auto capabilities = docker_capabilities();
    Json namespaces = Json::array();
    for (const auto* type : {"pid", "network", "ipc", "uts", "mount", "cgroup"})
        namespaces.push_back({{"type", type}});
    return {{"ociVersion", kOciVersion},
            {"process",
             {{"terminal", true},
              {"user", {{"uid", 0}, {"gid", 0}}},
              {"args", {"sh"}},
              {"env", {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"}},
              {"cwd", "/"},
              {"capabilities",
               {{"bounding", capabilities}, {"effective", capabilities}, {"permitted", capabilities}}},
              {"noNewPrivileges", true}}},
            {"root", {{"path", "rootfs"}, {"readonly", true}}},
            {"hostname", "berth"},
            {"mounts", docker_default_mounts()},
            {"linux",
             {{"resources", {{"devices", docker_device_rules()}}},
              {"namespaces", std::move(namespaces)},
              {"seccomp", docker_seccomp_profile(capabilities)},
              {"maskedPaths", masked_paths()},
              {"readonlyPaths", readonly_paths()}}}};
}

} // namespace berth::runtime
