// config.json as types: what the OCI runtime specification 1.x says a container is.
//
// Only checked values get in here: parse_spec names the field that is wrong and never lets a contradiction
// through. linux.resources stays JSON; the cgroup room reads it.
#pragma once

#include "berth/base/files.hpp"
#include "berth/base/json.hpp"
#include "berth/base/result.hpp"

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace berth::runtime {

inline constexpr std::string_view kOciVersion = "1.1.0";
inline constexpr std::size_t kMaxConfigBytes = std::size_t{4} << 20;

struct Namespace {
    int flag = 0;     // CLONE_NEW…
    std::string path; // joined when not empty
};

struct IdMap {
    std::uint32_t container = 0, host = 0, size = 0;
};

// The option list of one mount, sorted out.
struct MountOptions {
    unsigned long flags = 0;                // MS_… for mount(2)
    unsigned long cleared = 0;              // flags an option took away ("rw", "exec" …)
    std::vector<unsigned long> propagation; // MS_SHARED … | MS_REC, in order
    std::uint64_t recursive_set = 0;        // MOUNT_ATTR_… of "rro" and its like
    std::uint64_t recursive_cleared = 0;
    bool copy_up = false; // "tmpcopyup"
    std::string data;     // everything else, comma separated
};

struct Mount {
    std::string destination, type, source;
    MountOptions options;
    bool is_bind() const;
};

struct Root {
    std::string path;
    bool readonly = false;
};

struct Rlimit {
    int resource = 0;
    std::string name; // "RLIMIT_NOFILE"
    std::uint64_t soft = 0, hard = 0;
};

// Bit n is capability n.
struct CapabilitySets {
    std::uint64_t bounding = 0, effective = 0, inheritable = 0, permitted = 0, ambient = 0;
};

struct Process {
    bool terminal = false;
    unsigned short console_rows = 0, console_columns = 0;
    uid_t uid = 0;
    gid_t gid = 0;
    std::optional<mode_t> umask;
    std::vector<gid_t> additional_gids;
    std::vector<std::string> args, env;
    std::string cwd;
    std::vector<Rlimit> rlimits;
    std::optional<CapabilitySets> capabilities; // absent: none are left
    bool no_new_privileges = false;
    std::optional<int> oom_score_adj;
    std::string apparmor_profile, selinux_label;
};

struct Device {
    std::string path;
    mode_t type = 0; // S_IFCHR, S_IFBLK, S_IFIFO
    unsigned major = 0, minor = 0;
    mode_t mode = 0666;
    uid_t uid = 0;
    gid_t gid = 0;
};

struct Hook {
    std::string path;
    std::vector<std::string> args, env;
    std::optional<int> timeout_seconds;
};

struct Hooks {
    std::vector<Hook> prestart, create_runtime, create_container, start_container, poststart, poststop;
};

struct Spec {
    std::string version;
    std::string hostname, domainname;
    Root root;
    std::vector<Mount> mounts;
    Process process;
    Hooks hooks;
    std::map<std::string, std::string> annotations;
    // linux.*
    std::vector<Namespace> namespaces;
    std::vector<IdMap> uid_mappings, gid_mappings;
    std::vector<Device> devices;
    std::string cgroups_path;
    Json resources;                            // null when absent
    Json seccomp;                              // null when absent
    std::map<std::string, std::string> sysctl; // by path below /proc/sys
    std::vector<std::string> masked_paths, readonly_paths;
    unsigned long rootfs_propagation = 0; // MS_…; 0: not given
    std::string mount_label;
    std::vector<std::string> warnings; // what was ignored, and why

    // nullptr when the container shares the runtime's.
    const Namespace* find_namespace(int clone_flag) const;
};

// <bundle>/config.json.
Result<Spec> load_spec(const fs::path& bundle);
Result<Spec> parse_spec(const Json& config);
// What `berth-runtime spec` writes.
Json example_spec();

// Shared by the parsers of the parts.
Result<MountOptions> parse_mount_options(const std::vector<std::string>& options, const std::string& field);
std::vector<std::string> mount_option_names();
// MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE, each with MS_REC for the r-forms.
std::optional<unsigned long> propagation_flag(std::string_view name);
// Number of "CAP_…", or nothing for a name that this build does not know.
std::optional<int> capability_number(std::string_view name);
std::string capability_name(int number);
std::optional<int> rlimit_number(std::string_view name);
// Contradictions between fields.
Status check_spec(const Spec& spec);

} // namespace berth::runtime
