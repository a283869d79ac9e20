// Setting the five capability sets through capset(2) and prctl(2).
#include "runtime/security/capabilities.hpp"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace berth::runtime {

namespace {

struct ThreadSets {
    std::uint64_t effective = 0, permitted = 0, inheritable = 0;
};

Result<ThreadSets> get_sets() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> data = {};
    if (::syscall(SYS_capget, &header, data.data()) != 0)
        return fail_errno(errno, "reading the capabilities");
    const auto join = [](std::uint32_t low, std::uint32_t high) { return std::uint64_t{high} << 32 | low; };
    return ThreadSets{join(data[0].effective, data[1].effective), join(data[0].permitted, data[1].permitted),
                      join(data[0].inheritable, data[1].inheritable)};
}

Status set_sets(const ThreadSets& sets) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    const auto low = [](std::uint64_t set) { return static_cast<std::uint32_t>(set); };
    const auto high = [](std::uint64_t set) { return static_cast<std::uint32_t>(set >> 32); };
    const std::array<__user_cap_data_struct, 2> data{
        {{low(sets.effective), low(sets.permitted), low(sets.inheritable)},
         {high(sets.effective), high(sets.permitted), high(sets.inheritable)}}};
    if (::syscall(SYS_capset, &header, data.data()) != 0)
        return fail_errno(errno, "setting the capabilities");
    return {};
}

std::string names_of(std::uint64_t set) {
    std::string names;
    for (int number = 0; number < 64; ++number)
        if (set >> number & 1)
            names += fmt::format("{}{}", names.empty() ? "" : ", ", capability_name(number));
    return names;
}

} // namespace

Result<int> last_capability() {
    int last = -1;
    while (last < 63 && ::prctl(PR_CAPBSET_READ, last + 1, 0, 0, 0) >= 0) ++last;
    if (last < 0) return fail_errno(errno, "asking the kernel for its capabilities");
    return last;
}

Result<std::uint64_t> held_capabilities() {
    const auto own = get_sets();
    if (!own) return std::unexpected(own.error());
    std::uint64_t bounding = 0;
    for (int number = 0; number < 64; ++number) {
        const int present = ::prctl(PR_CAPBSET_READ, number, 0, 0, 0);
        if (present < 0) break; // the kernel knows no more
        bounding |= static_cast<std::uint64_t>(present) << number;
    }
    return own->permitted & bounding;
}

CapabilitySets grantable(CapabilitySets wanted, std::uint64_t held, std::vector<std::string>& warnings) {
    const auto missing =
        (wanted.bounding | wanted.effective | wanted.inheritable | wanted.permitted | wanted.ambient) & ~held;
    if (missing != 0)
        warnings.push_back(fmt::format(
            "process.capabilities: {} ignored, the runtime does not hold it itself", names_of(missing)));
    for (auto* set :
         {&wanted.bounding, &wanted.effective, &wanted.inheritable, &wanted.permitted, &wanted.ambient})
        *set &= held;
    if (const auto excess = wanted.effective & ~wanted.permitted; excess != 0) {
        warnings.push_back(
            fmt::format("process.capabilities: {} effective but not permitted, ignored", names_of(excess)));
        wanted.effective &= wanted.permitted;
    }
    // capset(2) refuses inheritable capabilities outside the bounding set.
    if (const auto excess = wanted.inheritable & ~wanted.bounding; excess != 0) {
        warnings.push_back(
            fmt::format("process.capabilities: {} inheritable but not bounding, ignored", names_of(excess)));
        wanted.inheritable &= wanted.bounding;
    }
    if (const auto excess = wanted.ambient & ~(wanted.permitted & wanted.inheritable); excess != 0) {
        warnings.push_back(
            fmt::format("process.capabilities: {} ambient but not both permitted and inheritable, ignored",
                        names_of(excess)));
        wanted.ambient &= wanted.permitted & wanted.inheritable;
    }
    return wanted;
}

Status prepare_capabilities(const CapabilitySets& sets, int last) {
    for (int number = 0; number <= last; ++number)
        if ((sets.bounding >> number & 1) == 0 && ::prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0)
            return fail_errno(errno, "dropping {} from the bounding set", capability_name(number));
    if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
        return fail_errno(errno, "keeping capabilities over the change of user");
    return {};
}

Status raise_ambient(const CapabilitySets& sets) {
    auto own = get_sets();
    if (!own) return std::unexpected(own.error());
    // setresuid emptied the effective set; permitted is still whole.
    own->effective = own->permitted;
    own->inheritable = sets.inheritable;
    if (auto set = set_sets(*own); !set) return set;
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL)
        return fail_errno(errno, "clearing the ambient capabilities");
    for (int number = 0; number < 64; ++number)
        if ((sets.ambient >> number & 1) != 0 &&
            ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) != 0)
            return fail_errno(errno, "raising {} in the ambient set", capability_name(number));
    if (::prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0)
        return fail_errno(errno, "resetting the kept capabilities");
    return {};
}

Status apply_capabilities(const CapabilitySets& sets) {
    return set_sets(
        {.effective = sets.effective, .permitted = sets.permitted, .inheritable = sets.inheritable});
}

} // namespace berth::runtime
