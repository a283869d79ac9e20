// A seccomp profile of config.json into BPF, by libseccomp, with a prologue for system calls newer than the
// profile.
#include "runtime/security/seccomp.hpp"
#include "runtime/security/seccomp_profile.hpp"
#include "runtime/spec/fields.hpp"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>

namespace berth::runtime {

namespace {

struct ReleaseFilter {
    void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, ReleaseFilter>;

template <class Value>
using Name = std::pair<std::string_view, Value>;

constexpr std::array<Name<std::uint32_t>, 18> kArchitectures{
    {{"SCMP_ARCH_X86", SCMP_ARCH_X86},
     {"SCMP_ARCH_X86_64", SCMP_ARCH_X86_64},
     {"SCMP_ARCH_X32", SCMP_ARCH_X32},
     {"SCMP_ARCH_ARM", SCMP_ARCH_ARM},
     {"SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64},
     {"SCMP_ARCH_MIPS", SCMP_ARCH_MIPS},
     {"SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64},
     {"SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32},
     {"SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL},
     {"SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64},
     {"SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32},
     {"SCMP_ARCH_PPC", SCMP_ARCH_PPC},
     {"SCMP_ARCH_PPC64", SCMP_ARCH_PPC64},
     {"SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE},
     {"SCMP_ARCH_S390", SCMP_ARCH_S390},
     {"SCMP_ARCH_S390X", SCMP_ARCH_S390X},
     {"SCMP_ARCH_PARISC", SCMP_ARCH_PARISC},
     {"SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64}}};

// ERRNO and TRACE carry a number, added where they are used.
constexpr std::array<Name<std::uint32_t>, 8> kActions{{{"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD},
                                                       {"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
                                                       {"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
                                                       {"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
                                                       {"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0)},
                                                       {"SCMP_ACT_TRACE", SCMP_ACT_TRACE(0)},
                                                       {"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
                                                       {"SCMP_ACT_LOG", SCMP_ACT_LOG}}};

constexpr std::array<Name<scmp_compare>, 7> kOperators{{{"SCMP_CMP_NE", SCMP_CMP_NE},
                                                        {"SCMP_CMP_LT", SCMP_CMP_LT},
                                                        {"SCMP_CMP_LE", SCMP_CMP_LE},
                                                        {"SCMP_CMP_EQ", SCMP_CMP_EQ},
                                                        {"SCMP_CMP_GE", SCMP_CMP_GE},
                                                        {"SCMP_CMP_GT", SCMP_CMP_GT},
                                                        {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ}}};

constexpr std::array<Name<unsigned>, 4> kFlags{
    {{"SECCOMP_FILTER_FLAG_TSYNC", 0}, // one thread: nothing to do
     {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
     {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
     {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", 0}}}; // of notify only

template <class Value, std::size_t Count>
const Value* look_up(const std::array<Name<Value>, Count>& table, std::string_view name) {
    const auto found = std::ranges::find(table, name, &Name<Value>::first);
    return found == table.end() ? nullptr : &found->second;
}

template <class Value, std::size_t Count>
std::vector<std::string> names_of(const std::array<Name<Value>, Count>& table) {
    std::vector<std::string> names;
    for (const auto& [name, value] : table) names.emplace_back(name);
    return names;
}

std::uint32_t parse_action(const Fields& fields, std::string_view key, std::string_view errno_key) {
    std::string name;
    std::uint16_t number = EPERM;
    fields.require(key, name);
    fields.read(errno_key, number);
    if (!fields.good()) return 0;
    const auto* action = look_up(kActions, name);
    if (action == nullptr) {
        fields.complain(key, fmt::format("\"{}\" is not a supported action", name));
        return 0;
    }
    if (name == "SCMP_ACT_ERRNO" || name == "SCMP_ACT_TRACE") return *action | number;
    return *action;
}

// One rule of the profile.
struct Rule {
    std::vector<std::string> names;
    std::uint32_t action = 0;
    std::vector<scmp_arg_cmp> comparisons;
};

// 64-bit unsigned, beyond what Fields reads.
std::uint64_t parse_operand(const Fields& fields, std::string_view key) {
    const Json* value = fields.raw(key);
    if (value == nullptr) return 0;
    if (!value->is_number_integer()) {
        fields.complain(key, "expected a whole number");
        return 0;
    }
    return value->is_number_unsigned() ? value->get<std::uint64_t>()
                                       : static_cast<std::uint64_t>(value->get<std::int64_t>());
}

void parse_comparison(const Fields& fields, std::vector<scmp_arg_cmp>& comparisons) {
    scmp_arg_cmp comparison = {};
    std::string name;
    fields.require("index", comparison.arg);
    fields.require("op", name);
    comparison.datum_a = parse_operand(fields, "value");
    comparison.datum_b = parse_operand(fields, "valueTwo");
    if (!fields.good()) return;
    if (comparison.arg > 5) return fields.complain("index", "system calls have arguments 0 to 5");
    const auto* op = look_up(kOperators, name);
    if (op == nullptr) return fields.complain("op", fmt::format("\"{}\" is not a comparison", name));
    comparison.op = *op;
    comparisons.push_back(comparison);
}

struct Profile {
    std::uint32_t default_action = 0;
    std::vector<std::uint32_t> architectures;
    std::vector<Rule> rules;
};

Result<Profile> parse_profile(const Json& json) {
    std::optional<Error> error;
    const Fields fields(json, "linux.seccomp", error);
    Profile profile;
    profile.default_action = parse_action(fields, "defaultAction", "defaultErrnoRet");
    std::vector<std::string> architectures;
    fields.read("architectures", architectures);
    for (const auto& name : architectures) {
        const auto* token = look_up(kArchitectures, name);
        if (token == nullptr)
            fields.complain("architectures", fmt::format("\"{}\" is not known", name));
        else
            profile.architectures.push_back(*token);
    }
    if (fields.raw("listenerPath") != nullptr)
        fields.complain("listenerPath", "user notification is not supported");
    fields.each("syscalls", [&](const Fields& entry) {
        Rule& rule = profile.rules.emplace_back();
        entry.read("names", rule.names);
        if (std::string name; rule.names.empty() && entry.read("name", name)) rule.names.push_back(name);
        if (entry.good() && rule.names.empty()) entry.complain("names", "missing");
        rule.action = parse_action(entry, "action", "errnoRet");
        entry.each("args", [&](const Fields& arg) { parse_comparison(arg, rule.comparisons); });
    });
    if (error) return std::unexpected(std::move(*error));
    const auto native = seccomp_arch_native();
    if (std::ranges::find(profile.architectures, native) == profile.architectures.end())
        profile.architectures.insert(profile.architectures.begin(), native);
    return profile;
}

Status add_rule(scmp_filter_ctx context, const Rule& rule, int number, const std::string& name) {
    const auto add = [&](const std::vector<scmp_arg_cmp>& comparisons) -> Status {
        const int result = seccomp_rule_add_array(
            context, rule.action, number, static_cast<unsigned>(comparisons.size()), comparisons.data());
        // -EEXIST: said before. -EACCES: the action is the default one. Neither adds anything.
        if (result < 0 && result != -EEXIST && result != -EACCES)
            return fail_errno(-result, "linux.seccomp: adding the rule for {}", name);
        return {};
    };
    // Two comparisons of one argument mean "either", which libseccomp only takes as separate rules.
    bool repeated = false;
    for (std::size_t i = 0; i < rule.comparisons.size(); ++i)
        for (std::size_t k = 0; k < i; ++k) repeated |= rule.comparisons[i].arg == rule.comparisons[k].arg;
    if (!repeated) return add(rule.comparisons);
    for (const auto& comparison : rule.comparisons)
        if (auto added = add({comparison}); !added) return added;
    return {};
}

Result<std::vector<sock_filter>> export_program(scmp_filter_ctx context) {
    const UniqueFd memory(::memfd_create("seccomp", MFD_CLOEXEC));
    if (!memory) return fail_errno(errno, "making a memory file for the seccomp filter");
    if (const int result = seccomp_export_bpf(context, memory.get()); result < 0)
        return fail_errno(-result, "linux.seccomp: compiling the filter");
    if (::lseek(memory.get(), 0, SEEK_SET) != 0) return fail_errno(errno, "reading the seccomp filter");
    const auto bytes = read_fd(memory.get(), "the seccomp filter", BPF_MAXINSNS * sizeof(sock_filter));
    if (!bytes) return std::unexpected(bytes.error());
    std::vector<sock_filter> program(bytes->size() / sizeof(sock_filter));
    std::memcpy(program.data(), bytes->data(), program.size() * sizeof(sock_filter));
    return program;
}

constexpr std::uint32_t kX32Bit = 0x40000000;

int highest_number(const Profile& profile, std::uint32_t architecture) {
    int highest = -1;
    for (const auto& rule : profile.rules)
        for (const auto& name : rule.names)
            highest = std::max(highest, seccomp_syscall_resolve_name_arch(architecture, name.c_str()));
    return highest;
}

// System calls with numbers above every one that the profile names did not exist for its author. They get
// ENOSYS, so that programs fall back, where the default would be an error that they report.
std::vector<sock_filter> newer_calls_prologue(const Profile& profile) {
    std::vector<sock_filter> code;
    const auto emit = [&](unsigned op, std::uint32_t k, std::uint8_t yes = 0, std::uint8_t no = 0) {
        code.push_back({static_cast<std::uint16_t>(op), yes, no, k});
    };
    const std::uint32_t no_such_call = SECCOMP_RET_ERRNO | ENOSYS;
    for (const auto architecture : profile.architectures) {
        if (architecture == SCMP_ARCH_X32) continue; // below, it shares the architecture of x86_64
        const int highest = highest_number(profile, architecture);
        if (highest < 0) continue;
        const auto limit = static_cast<std::uint32_t>(highest);
        emit(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch));
        if (architecture == SCMP_ARCH_X86_64) { // leave x32's numbers to the filter
            emit(BPF_JMP | BPF_JEQ | BPF_K, architecture, 0, 4);
            emit(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
            emit(BPF_JMP | BPF_JGE | BPF_K, kX32Bit, 2, 0);
        } else {
            emit(BPF_JMP | BPF_JEQ | BPF_K, architecture, 0, 3);
            emit(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
        }
        emit(BPF_JMP | BPF_JGT | BPF_K, limit, 0, 1);
        emit(BPF_RET | BPF_K, no_such_call);
    }
    return code;
}

bool refuses(std::uint32_t action) {
    return action != SCMP_ACT_ALLOW && action != SCMP_ACT_LOG && action != SCMP_ACT_ERRNO(ENOSYS) &&
           (action & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_TRACE;
}

} // namespace

std::vector<std::string> seccomp_actions() { return names_of(kActions); }
std::vector<std::string> seccomp_operators() { return names_of(kOperators); }
std::vector<std::string> seccomp_architectures() { return names_of(kArchitectures); }

Result<unsigned> seccomp_flags(const Json& profile) {
    const auto names = JsonReader(profile, "linux.seccomp").strings("flags");
    if (!names) return std::unexpected(names.error());
    unsigned flags = 0;
    for (const auto& name : names->value_or(std::vector<std::string>())) {
        const auto* flag = look_up(kFlags, name);
        if (flag == nullptr)
            return fail(ErrorCode::invalid, "linux.seccomp.flags: \"{}\" is not known", name);
        flags |= *flag;
    }
    return flags;
}

Result<std::vector<sock_filter>> compile_seccomp(const Json& json) {
    const auto profile = parse_profile(json);
    if (!profile) return std::unexpected(profile.error());
    const Context context(seccomp_init(profile->default_action));
    if (!context) return fail(ErrorCode::invalid, "linux.seccomp.defaultAction: not accepted by libseccomp");
    for (const auto architecture : profile->architectures)
        if (const int result = seccomp_arch_add(context.get(), architecture); result < 0 && result != -EEXIST)
            return fail_errno(-result, "linux.seccomp.architectures: adding {:#x}", architecture);
    // no_new_privs is the caller's business; a binary tree makes each call cost log n instead of n
    // comparisons.
    seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_NNP, 0);
    seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
    for (const auto& rule : profile->rules) {
        if (rule.action == profile->default_action) continue;
        for (const auto& name : rule.names) {
            const int number = seccomp_syscall_resolve_name(name.c_str());
            if (number == __NR_SCMP_ERROR) continue; // a name newer than the library
            if (auto added = add_rule(context.get(), rule, number, name); !added)
                return std::unexpected(std::move(added.error()));
        }
    }
    auto body = export_program(context.get());
    if (!body || !refuses(profile->default_action)) return body;
    auto program = newer_calls_prologue(*profile);
    program.insert(program.end(), body->begin(), body->end());
    if (program.size() > BPF_MAXINSNS)
        return fail(ErrorCode::limit, "linux.seccomp: the filter has {} instructions, the kernel takes {}",
                    program.size(), BPF_MAXINSNS);
    return program;
}

} // namespace berth::runtime
