// Docker's defaults for a container: capabilities, mounts, masked paths, devices. The seccomp profile is in
// docker_seccomp.cpp.
#include "berth/runtime/docker_defaults.hpp"

#include "runtime/spec/spec.hpp"

namespace berth::runtime {

std::vector<std::string> docker_capabilities() {
    return {"CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",
            "CAP_MKNOD",   "CAP_NET_RAW",      "CAP_SETGID",           "CAP_SETUID",
            "CAP_SETFCAP", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
            "CAP_KILL",    "CAP_AUDIT_WRITE"};
}

std::vector<std::string> all_capabilities() {
    std::vector<std::string> names;
    for (int number = 0;; ++number) {
        auto name = capability_name(number);
        if (name.empty()) return names;
        names.push_back(std::move(name));
    }
}

std::vector<std::string> masked_paths() {
    return {"/proc/acpi",
            "/proc/asound",
            "/proc/interrupts",
            "/proc/kcore",
            "/proc/keys",
            "/proc/latency_stats",
            "/proc/sched_debug",
            "/proc/scsi",
            "/proc/timer_list",
            "/proc/timer_stats",
            "/sys/devices/virtual/powercap",
            "/sys/firmware"};
}

std::vector<std::string> readonly_paths() {
    return {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
}

Json docker_default_mounts(const DefaultMountOptions& options) {
    const char* access = options.writable_sysfs_and_cgroup ? "rw" : "ro";
    const auto mount = [](const char* destination, const char* type, const char* source, Json list) {
        return Json{
            {"destination", destination}, {"type", type}, {"source", source}, {"options", std::move(list)}};
    };
    Json mounts = Json::array();
    mounts.push_back(mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}));
    mounts.push_back(mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}));
    mounts.push_back(mount("/dev/pts", "devpts", "devpts",
                           {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}));
    mounts.push_back(mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", access}));
    mounts.push_back(
        mount("/sys/fs/cgroup", "cgroup", "cgroup", {access, "nosuid", "noexec", "nodev", "relatime"}));
    mounts.push_back(mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}));
    mounts.push_back(
        mount("/dev/shm", "tmpfs", "shm",
              {"nosuid", "noexec", "nodev", "mode=1777", fmt::format("size={}", options.shm_bytes)}));
    return mounts;
}

Json docker_device_rules() {
    Json rules = Json::array();
    rules.push_back({{"allow", false}, {"access", "rwm"}});
    const auto allow = [&](int major, int minor) {
        rules.push_back(
            {{"allow", true}, {"type", "c"}, {"major", major}, {"minor", minor}, {"access", "rwm"}});
    };
    allow(1, 5); // zero
    allow(1, 3); // null
    allow(1, 9); // urandom
    allow(1, 8); // random
    allow(5, 0); // tty
    allow(5, 1); // console
    rules.push_back(
        {{"allow", false}, {"type", "c"}, {"major", 10}, {"minor", 229}, {"access", "rwm"}}); // fuse
    return rules;
}

} // namespace berth::runtime
