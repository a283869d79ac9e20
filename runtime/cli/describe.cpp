// features and spec.
#include "berth/base/files.hpp"
#include "berth/runtime/docker_defaults.hpp"

#include "runtime/cli/commands.hpp"
#include "runtime/security/lsm.hpp"
#include "runtime/security/seccomp_profile.hpp"
#include "runtime/spec/spec.hpp"

#include <unistd.h>

#include <cstdio>

namespace berth::runtime::cli {

namespace {

// Runtime specification, "Features Structure".
Json features() {
    const Json flags{"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
                     "SECCOMP_FILTER_FLAG_TSYNC"};
    return {{"ociVersionMin", "1.0.0"},
            {"ociVersionMax", kOciVersion},
            {"hooks",
             {"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"}},
            {"mountOptions", mount_option_names()},
            {"linux",
             {{"namespaces", {"cgroup", "ipc", "mount", "network", "pid", "user", "uts"}},
              {"capabilities", all_capabilities()},
              {"cgroup",
               {{"v1", true}, {"v2", true}, {"systemd", false}, {"systemdUser", false}, {"rdma", false}}},
              {"seccomp",
               {{"enabled", true},
                {"actions", seccomp_actions()},
                {"operators", seccomp_operators()},
                {"archs", seccomp_architectures()},
                {"knownFlags", flags},
                {"supportedFlags", flags}}},
              {"apparmor", {{"enabled", apparmor_enabled()}}},
              {"selinux", {{"enabled", selinux_enabled()}}},
              {"intelRdt", {{"enabled", false}}},
              {"mountExtensions", {{"idmap", {{"enabled", false}}}}}}},
            {"annotations", {{"org.berth.version", BERTH_VERSION}}},
            {"potentiallyUnsafeConfigAnnotations", Json::array()}};
}

} // namespace

Outcome features_command() {
    const auto text = features().dump(2) + "\n";
    std::fwrite(text.data(), 1, text.size(), stdout);
    return 0;
}

Outcome spec_command(const Arguments& arguments) {
    const auto path = fs::path(arguments.bundle) / "config.json";
    if (::access(path.c_str(), F_OK) == 0)
        return fail(ErrorCode::exists, "{} exists already; remove it first", path.string());
    if (auto written = write_file_atomic(path, example_spec().dump(4) + "\n", 0644, false); !written)
        return fail(std::move(written.error()));
    return 0;
}

} // namespace berth::runtime::cli
