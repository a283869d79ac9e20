// Device rules: parsed, written to the v1 files, or compiled and attached as a BPF program on v2.
#include "runtime/cgroup/devices.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace berth::runtime {

namespace {

constexpr std::uint32_t kAllAccess = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;
constexpr std::size_t kMaxRules = 1000;

Result<std::optional<std::uint32_t>> number(const JsonReader& reader, std::string_view key) {
    const auto value = reader.integer(key);
    if (!value) return fail(value.error());
    if (!*value || **value == -1) // how some writers of config.json say "any"
        return std::optional<std::uint32_t>();
    if (**value < 0 || **value > 0xfffff)
        return fail(ErrorCode::invalid, "{}: {} is no device number", reader.path_of(key), **value);
    return std::optional(static_cast<std::uint32_t>(**value));
}

Result<DeviceRule> parse_rule(const JsonReader& reader) {
    const auto allow = reader.boolean("allow");
    const auto type = reader.string("type"), access = reader.string("access");
    const auto major = number(reader, "major"), minor = number(reader, "minor");
    if (!allow || !type || !access)
        return fail(!allow ? allow.error() : !type ? type.error() : access.error());
    if (!major || !minor) return fail(!major ? major.error() : minor.error());
    const auto type_text = type->value_or("a");
    if (type_text.size() != 1 || std::string_view("abcup").find(type_text[0]) == std::string_view::npos)
        return fail(ErrorCode::invalid, "{}: \"{}\" is none of a, b, c", reader.path_of("type"), type_text);
    DeviceRule rule{allow->value_or(false), type_text[0] == 'u' ? 'c' : type_text[0], *major, *minor, 0};
    for (const char letter : access->value_or("rwm")) {
        if (letter == 'r')
            rule.access |= BPF_DEVCG_ACC_READ;
        else if (letter == 'w')
            rule.access |= BPF_DEVCG_ACC_WRITE;
        else if (letter == 'm')
            rule.access |= BPF_DEVCG_ACC_MKNOD;
        else
            return fail(ErrorCode::invalid, "{}: \"{}\" is not made of r, w, m", reader.path_of("access"),
                        **access);
    }
    return rule;
}

Status apply_v1(const fs::path& group, const std::vector<DeviceRule>& rules) {
    const auto allow = open_file(group / "devices.allow", O_WRONLY),
               deny = open_file(group / "devices.deny", O_WRONLY);
    if (!allow || !deny) return fail(allow ? deny.error() : allow.error());
    const auto write_line = [&](bool allowed, const std::string& line) -> Status {
        const int fd = (allowed ? *allow : *deny).get();
        if (::write(fd, line.data(), line.size()) < 0)
            return fail_errno(errno, "writing \"{}\" to {}/devices.{}", line, group.string(),
                              allowed ? "allow" : "deny");
        return {};
    };
    if (rules.front().type != 'a')
        if (auto written = write_line(false, "a"); !written) return written;
    for (const auto& rule : rules)
        if (auto written = write_line(rule.allow, to_line(rule)); !written) return written;
    return {};
}

long bpf(int command, bpf_attr& attributes) {
    return ::syscall(SYS_bpf, command, &attributes, sizeof attributes);
}

Result<UniqueFd> load_program(const std::vector<bpf_insn>& program) {
    bpf_attr load = {};
    load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    load.insns = reinterpret_cast<std::uintptr_t>(program.data());
    load.insn_cnt = static_cast<std::uint32_t>(program.size());
    load.license = reinterpret_cast<std::uintptr_t>("Apache-2.0");
    const long fd = bpf(BPF_PROG_LOAD, load);
    if (fd < 0) return fail_errno(errno, "loading the device filter");
    return UniqueFd(static_cast<int>(fd));
}

// The new program first, the old ones out afterwards: meanwhile both must agree, so nothing is open for a
// moment.
Status attach_program(const fs::path& group, const UniqueFd& program) {
    const auto directory = open_file(group, O_RDONLY | O_DIRECTORY);
    if (!directory) return fail(directory.error());
    std::array<std::uint32_t, 64> old = {};
    bpf_attr query = {};
    query.query.target_fd = static_cast<std::uint32_t>(directory->get());
    query.query.attach_type = BPF_CGROUP_DEVICE;
    query.query.prog_ids = reinterpret_cast<std::uintptr_t>(old.data());
    query.query.prog_cnt = old.size();
    if (bpf(BPF_PROG_QUERY, query) < 0)
        return fail_errno(errno, "asking for the device filters of {}", group.string());
    bpf_attr attach = {};
    attach.target_fd = static_cast<std::uint32_t>(directory->get());
    attach.attach_bpf_fd = static_cast<std::uint32_t>(program.get());
    attach.attach_type = BPF_CGROUP_DEVICE;
    attach.attach_flags = BPF_F_ALLOW_MULTI;
    if (bpf(BPF_PROG_ATTACH, attach) < 0)
        return fail_errno(errno, "attaching the device filter to {}", group.string());
    for (std::uint32_t i = 0; i < query.query.prog_cnt; ++i) {
        bpf_attr find = {};
        find.prog_id = old[i];
        const UniqueFd before(static_cast<int>(bpf(BPF_PROG_GET_FD_BY_ID, find)));
        bpf_attr detach = {};
        detach.target_fd = static_cast<std::uint32_t>(directory->get());
        detach.attach_bpf_fd = static_cast<std::uint32_t>(before.get());
        detach.attach_type = BPF_CGROUP_DEVICE;
        if (!before || bpf(BPF_PROG_DETACH, detach) < 0)
            return fail_errno(errno, "detaching the previous device filter of {}", group.string());
    }
    return {};
}

bpf_insn instruction(int code, int destination, int source, int offset, std::uint32_t immediate) {
    bpf_insn result = {};
    result.code = static_cast<std::uint8_t>(code);
    result.dst_reg = static_cast<std::uint8_t>(destination & 0xf);
    result.src_reg = static_cast<std::uint8_t>(source & 0xf);
    result.off = static_cast<std::int16_t>(offset);
    result.imm = static_cast<std::int32_t>(immediate);
    return result;
}

// Conditional jumps over the rest of the rule get their distance in the end.
void add_rule(std::vector<bpf_insn>& program, const DeviceRule& rule) {
    std::vector<std::size_t> to_next;
    const auto skip_if = [&](int code, int left, int right, std::uint32_t immediate) {
        to_next.push_back(program.size());
        program.push_back(instruction(BPF_JMP32 | code, left, right, 0, immediate));
    };
    if (rule.type != 'a') {
        const std::uint32_t kind = rule.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
        skip_if(BPF_JNE | BPF_K, BPF_REG_2, 0, kind);
        if (rule.access != kAllAccess) {
            program.push_back(instruction(BPF_ALU | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_3, 0, 0));
            program.push_back(instruction(BPF_ALU | BPF_AND | BPF_K, BPF_REG_1, 0, 0, rule.access));
            if (rule.allow) // all that is asked for must be in the rule
                skip_if(BPF_JNE | BPF_X, BPF_REG_1, BPF_REG_3, 0);
            else // any of it
                skip_if(BPF_JEQ | BPF_K, BPF_REG_1, 0, 0);
        }
        if (rule.major) skip_if(BPF_JNE | BPF_K, BPF_REG_4, 0, *rule.major);
        if (rule.minor) skip_if(BPF_JNE | BPF_K, BPF_REG_5, 0, *rule.minor);
    }
    program.push_back(instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, rule.allow ? 1 : 0));
    program.push_back(instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
    for (const auto at : to_next) program[at].off = static_cast<std::int16_t>(program.size() - at - 1);
}

} // namespace

Result<std::vector<DeviceRule>> device_rules(const Json& resources) {
    const JsonReader reader(resources, "linux.resources");
    const auto list = reader.array("devices");
    if (!list) return fail(list.error());
    std::vector<DeviceRule> rules;
    if (*list == nullptr) return rules;
    if ((*list)->size() > kMaxRules)
        return fail(ErrorCode::limit, "{} has more than {} rules", reader.path_of("devices"), kMaxRules);
    for (std::size_t i = 0; i < (*list)->size(); ++i) {
        auto rule = parse_rule(JsonReader((**list)[i], fmt::format("{}[{}]", reader.path_of("devices"), i)));
        if (!rule) return fail(std::move(rule.error()));
        const bool everything =
            rule->type == 'a' && !rule->major && !rule->minor && rule->access == kAllAccess;
        if (everything) {
            rules.clear();
            rules.push_back(*rule);
        } else if (rule->type == 'a') {
            // The kernel takes an "a" line of v1 for everything whatever else it says, so say it in two.
            for (const char type : {'b', 'c'}) {
                rule->type = type;
                rules.push_back(*rule);
            }
        } else if (rule->type != 'p') { // pipes are not held by any filter
            rules.push_back(*rule);
        }
    }
    return rules;
}

std::string to_line(const DeviceRule& rule) {
    if (rule.type == 'a') return "a";
    const auto or_any = [](std::optional<std::uint32_t> value) {
        return value ? std::to_string(*value) : "*";
    };
    return fmt::format("{} {}:{} {}{}{}", rule.type, or_any(rule.major), or_any(rule.minor),
                       rule.access & BPF_DEVCG_ACC_READ ? "r" : "",
                       rule.access & BPF_DEVCG_ACC_WRITE ? "w" : "",
                       rule.access & BPF_DEVCG_ACC_MKNOD ? "m" : "");
}

std::vector<bpf_insn> device_program(const std::vector<DeviceRule>& rules) {
    // struct bpf_cgroup_dev_ctx: access << 16 | type, major, minor.
    std::vector<bpf_insn> program = {
        instruction(BPF_LDX | BPF_W | BPF_MEM, BPF_REG_2, BPF_REG_1, 0, 0),
        instruction(BPF_ALU | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0),
        instruction(BPF_ALU | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff),
        instruction(BPF_ALU | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16),
        instruction(BPF_LDX | BPF_W | BPF_MEM, BPF_REG_4, BPF_REG_1, 4, 0),
        instruction(BPF_LDX | BPF_W | BPF_MEM, BPF_REG_5, BPF_REG_1, 8, 0),
    };
    for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) add_rule(program, *rule);
    if (rules.empty() || rules.front().type != 'a') // the verifier refuses code that cannot be reached
        add_rule(program, DeviceRule{});
    return program;
}

Status apply_device_rules(const CgroupLayout& layout, const std::string& path, const Json& resources) {
    const auto rules = device_rules(resources);
    if (!rules) return fail(rules.error());
    if (rules->empty()) return {};
    if (const auto v1 = layout.v1.find("devices"); v1 != layout.v1.end())
        return apply_v1(v1->second / path, *rules);
    if (layout.v2.empty())
        return fail(ErrorCode::not_found,
                    "device rules need the devices controller or cgroup v2, this machine has neither");
    const auto program = load_program(device_program(*rules));
    if (!program) return fail(program.error());
    return attach_program(layout.v2 / path, *program);
}

} // namespace berth::runtime
