// The names that config.json uses for numbers of the kernel: capabilities, resource limits, propagation.
#include "runtime/spec/spec.hpp"

#include <sys/mount.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <utility>

namespace berth::runtime {

namespace {

// By number, include/uapi/linux/capability.h.
constexpr std::array<std::string_view, 41> kCapabilities{"CHOWN",
                                                         "DAC_OVERRIDE",
                                                         "DAC_READ_SEARCH",
                                                         "FOWNER",
                                                         "FSETID",
                                                         "KILL",
                                                         "SETGID",
                                                         "SETUID",
                                                         "SETPCAP",
                                                         "LINUX_IMMUTABLE",
                                                         "NET_BIND_SERVICE",
                                                         "NET_BROADCAST",
                                                         "NET_ADMIN",
                                                         "NET_RAW",
                                                         "IPC_LOCK",
                                                         "IPC_OWNER",
                                                         "SYS_MODULE",
                                                         "SYS_RAWIO",
                                                         "SYS_CHROOT",
                                                         "SYS_PTRACE",
                                                         "SYS_PACCT",
                                                         "SYS_ADMIN",
                                                         "SYS_BOOT",
                                                         "SYS_NICE",
                                                         "SYS_RESOURCE",
                                                         "SYS_TIME",
                                                         "SYS_TTY_CONFIG",
                                                         "MKNOD",
                                                         "LEASE",
                                                         "AUDIT_WRITE",
                                                         "AUDIT_CONTROL",
                                                         "SETFCAP",
                                                         "MAC_OVERRIDE",
                                                         "MAC_ADMIN",
                                                         "SYSLOG",
                                                         "WAKE_ALARM",
                                                         "BLOCK_SUSPEND",
                                                         "AUDIT_READ",
                                                         "PERFMON",
                                                         "BPF",
                                                         "CHECKPOINT_RESTORE"};

constexpr std::array<std::pair<std::string_view, int>, 16> kRlimits{{{"AS", RLIMIT_AS},
                                                                     {"CORE", RLIMIT_CORE},
                                                                     {"CPU", RLIMIT_CPU},
                                                                     {"DATA", RLIMIT_DATA},
                                                                     {"FSIZE", RLIMIT_FSIZE},
                                                                     {"LOCKS", RLIMIT_LOCKS},
                                                                     {"MEMLOCK", RLIMIT_MEMLOCK},
                                                                     {"MSGQUEUE", RLIMIT_MSGQUEUE},
                                                                     {"NICE", RLIMIT_NICE},
                                                                     {"NOFILE", RLIMIT_NOFILE},
                                                                     {"NPROC", RLIMIT_NPROC},
                                                                     {"RSS", RLIMIT_RSS},
                                                                     {"RTPRIO", RLIMIT_RTPRIO},
                                                                     {"RTTIME", RLIMIT_RTTIME},
                                                                     {"SIGPENDING", RLIMIT_SIGPENDING},
                                                                     {"STACK", RLIMIT_STACK}}};

constexpr std::array<std::pair<std::string_view, unsigned long>, 8> kPropagation{
    {{"shared", MS_SHARED},
     {"rshared", MS_SHARED | MS_REC},
     {"slave", MS_SLAVE},
     {"rslave", MS_SLAVE | MS_REC},
     {"private", MS_PRIVATE},
     {"rprivate", MS_PRIVATE | MS_REC},
     {"unbindable", MS_UNBINDABLE},
     {"runbindable", MS_UNBINDABLE | MS_REC}}};

template <class Table>
auto look_up(const Table& table, std::string_view name) -> std::optional<decltype(table[0].second)> {
    const auto found = std::ranges::find(table, name, &Table::value_type::first);
    if (found == table.end()) return std::nullopt;
    return found->second;
}

} // namespace

std::optional<int> capability_number(std::string_view name) {
    if (!name.starts_with("CAP_")) return std::nullopt;
    const auto found = std::ranges::find(kCapabilities, name.substr(4));
    if (found == kCapabilities.end()) return std::nullopt;
    return static_cast<int>(found - kCapabilities.begin());
}

std::string capability_name(int number) {
    const auto index = static_cast<std::size_t>(number);
    return index < kCapabilities.size() ? fmt::format("CAP_{}", kCapabilities[index]) : std::string();
}

std::optional<int> rlimit_number(std::string_view name) {
    if (!name.starts_with("RLIMIT_")) return std::nullopt;
    return look_up(kRlimits, name.substr(7));
}

std::optional<unsigned long> propagation_flag(std::string_view name) { return look_up(kPropagation, name); }

} // namespace berth::runtime
