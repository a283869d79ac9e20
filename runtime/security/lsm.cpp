// Writing the AppArmor or SELinux label that execve is to give the process.
#include "runtime/security/lsm.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace berth::runtime {

bool apparmor_enabled() {
    const auto enabled = read_file("/sys/module/apparmor/parameters/enabled", 16);
    return enabled && enabled->starts_with('Y');
}

bool selinux_enabled() { return ::access("/sys/fs/selinux/status", F_OK) == 0; }

Status check_lsm(const Spec& spec) {
    const auto& process = spec.process;
    if (!process.apparmor_profile.empty() && process.apparmor_profile != "unconfined" && !apparmor_enabled())
        return fail(ErrorCode::invalid,
                    "process.apparmorProfile: \"{}\" is asked for, but AppArmor is not enabled on this host",
                    process.apparmor_profile);
    if ((!process.selinux_label.empty() || !spec.mount_label.empty()) && !selinux_enabled())
        return fail(ErrorCode::invalid, "{}: \"{}\" is asked for, but SELinux is not enabled on this host",
                    process.selinux_label.empty() ? "linux.mountLabel" : "process.selinuxLabel",
                    process.selinux_label.empty() ? spec.mount_label : process.selinux_label);
    return {};
}

Result<LsmLabel> open_lsm(const Process& process) {
    LsmLabel label;
    std::string path = "/proc/self/attr/exec";
    if (!process.selinux_label.empty()) {
        label.text = process.selinux_label;
    } else if (!process.apparmor_profile.empty() && apparmor_enabled()) {
        label.text = "exec " + process.apparmor_profile;
        // Its own file since 5.8, for hosts with several security modules.
        if (::access("/proc/self/attr/apparmor/exec", F_OK) == 0) path = "/proc/self/attr/apparmor/exec";
    } else {
        return label;
    }
    auto file = open_file(path, O_WRONLY);
    if (!file) return std::unexpected(std::move(file.error()));
    label.attribute = std::move(*file);
    return label;
}

Status write_lsm(const LsmLabel& label) {
    if (!label.attribute) return {};
    if (::write(label.attribute.get(), label.text.data(), label.text.size()) < 0)
        return fail_errno(errno, "setting the security label \"{}\"", label.text);
    return {};
}

} // namespace berth::runtime
