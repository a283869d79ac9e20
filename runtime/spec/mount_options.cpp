// The option list of a mount, as mount(8) and the runtime specification write it, into flags and data.
#include "runtime/spec/spec.hpp"

#include <linux/mount.h>
#include <sys/mount.h>

#include <algorithm>
#include <array>

namespace berth::runtime {

namespace {

struct FlagOption {
    std::string_view name;
    bool clear;
    unsigned long flag;
};
constexpr std::array<FlagOption, 31> kFlagOptions{{{"defaults", false, 0},
                                                   {"bind", false, MS_BIND},
                                                   {"rbind", false, MS_BIND | MS_REC},
                                                   {"ro", false, MS_RDONLY},
                                                   {"rw", true, MS_RDONLY},
                                                   {"nosuid", false, MS_NOSUID},
                                                   {"suid", true, MS_NOSUID},
                                                   {"nodev", false, MS_NODEV},
                                                   {"dev", true, MS_NODEV},
                                                   {"noexec", false, MS_NOEXEC},
                                                   {"exec", true, MS_NOEXEC},
                                                   {"sync", false, MS_SYNCHRONOUS},
                                                   {"async", true, MS_SYNCHRONOUS},
                                                   {"dirsync", false, MS_DIRSYNC},
                                                   {"remount", false, MS_REMOUNT},
                                                   {"mand", false, MS_MANDLOCK},
                                                   {"nomand", true, MS_MANDLOCK},
                                                   {"noatime", false, MS_NOATIME},
                                                   {"atime", true, MS_NOATIME},
                                                   {"nodiratime", false, MS_NODIRATIME},
                                                   {"diratime", true, MS_NODIRATIME},
                                                   {"relatime", false, MS_RELATIME},
                                                   {"norelatime", true, MS_RELATIME},
                                                   {"strictatime", false, MS_STRICTATIME},
                                                   {"nostrictatime", true, MS_STRICTATIME},
                                                   {"lazytime", false, MS_LAZYTIME},
                                                   {"nolazytime", true, MS_LAZYTIME},
                                                   {"iversion", false, MS_I_VERSION},
                                                   {"noiversion", true, MS_I_VERSION},
                                                   {"silent", false, MS_SILENT},
                                                   {"loud", true, MS_SILENT}}};

// For the whole tree below the mount, by mount_setattr(2).
struct RecursiveOption {
    std::string_view name;
    bool clear;
    std::uint64_t attribute;
};
constexpr std::array<RecursiveOption, 16> kRecursiveOptions{{{"rro", false, MOUNT_ATTR_RDONLY},
                                                             {"rrw", true, MOUNT_ATTR_RDONLY},
                                                             {"rnosuid", false, MOUNT_ATTR_NOSUID},
                                                             {"rsuid", true, MOUNT_ATTR_NOSUID},
                                                             {"rnodev", false, MOUNT_ATTR_NODEV},
                                                             {"rdev", true, MOUNT_ATTR_NODEV},
                                                             {"rnoexec", false, MOUNT_ATTR_NOEXEC},
                                                             {"rexec", true, MOUNT_ATTR_NOEXEC},
                                                             {"rnodiratime", false, MOUNT_ATTR_NODIRATIME},
                                                             {"rdiratime", true, MOUNT_ATTR_NODIRATIME},
                                                             {"rnosymfollow", false, MOUNT_ATTR_NOSYMFOLLOW},
                                                             {"rsymfollow", true, MOUNT_ATTR_NOSYMFOLLOW},
                                                             {"rrelatime", false, MOUNT_ATTR_RELATIME},
                                                             {"rnoatime", false, MOUNT_ATTR_NOATIME},
                                                             {"rstrictatime", false, MOUNT_ATTR_STRICTATIME},
                                                             {"ratime", true, MOUNT_ATTR_NOATIME}}};

constexpr std::uint64_t kAtimeOptions = MOUNT_ATTR_NOATIME | MOUNT_ATTR_STRICTATIME;

} // namespace

Result<MountOptions> parse_mount_options(const std::vector<std::string>& options, const std::string& field) {
    MountOptions result;
    for (const auto& option : options) {
        if (const auto flag = std::ranges::find(kFlagOptions, option, &FlagOption::name);
            flag != kFlagOptions.end()) {
            result.flags = flag->clear ? result.flags & ~flag->flag : result.flags | flag->flag;
            result.cleared = flag->clear ? result.cleared | flag->flag : result.cleared & ~flag->flag;
        } else if (const auto recursive =
                       std::ranges::find(kRecursiveOptions, option, &RecursiveOption::name);
                   recursive != kRecursiveOptions.end()) {
            auto& add = recursive->clear ? result.recursive_cleared : result.recursive_set;
            auto& remove = recursive->clear ? result.recursive_set : result.recursive_cleared;
            add |= recursive->attribute;
            remove &= ~recursive->attribute;
            // The kernel wants the whole access-time field cleared before one of its values is set.
            if (option.find("atime") != std::string::npos && !option.ends_with("diratime"))
                result.recursive_cleared |= MOUNT_ATTR__ATIME;
        } else if (const auto propagation = propagation_flag(option)) {
            result.propagation.push_back(*propagation);
        } else if (option == "tmpcopyup") {
            result.copy_up = true;
        } else if (option == "idmap" || option == "ridmap") {
            return fail(ErrorCode::invalid, "{}: id-mapped mounts (\"{}\") are not supported", field, option);
        } else if (!option.empty()) {
            if (!result.data.empty()) result.data += ',';
            result.data += option;
        }
    }
    if ((result.recursive_set & kAtimeOptions) == kAtimeOptions)
        return fail(ErrorCode::invalid, "{}: rnoatime and rstrictatime exclude each other", field);
    if (result.data.size() >= 4095) // one page, with its final NUL
        return fail(ErrorCode::limit, "{}: more than 4094 bytes of file system options", field);
    return result;
}

std::vector<std::string> mount_option_names() {
    std::vector<std::string> names{"tmpcopyup"};
    for (const auto& option : kFlagOptions) names.emplace_back(option.name);
    for (const auto& option : kRecursiveOptions) names.emplace_back(option.name);
    for (const auto* propagation : {"shared", "slave", "private", "unbindable"}) {
        names.emplace_back(propagation);
        names.push_back(fmt::format("r{}", propagation));
    }
    std::ranges::sort(names);
    return names;
}

bool Mount::is_bind() const { return (options.flags & MS_BIND) != 0 || type == "bind"; }

} // namespace berth::runtime
