// The "process" object of config.json.
#include "runtime/spec/parse.hpp"

#include <algorithm>

namespace berth::runtime {

namespace {

void parse_user(const Fields& fields, Process& process) {
    fields.read("uid", process.uid);
    fields.read("gid", process.gid);
    mode_t mask = 0;
    if (fields.read("umask", mask)) process.umask = mask & 0777;
    const Json* groups = fields.raw("additionalGids");
    if (groups == nullptr) return;
    if (!groups->is_array()) return fields.complain("additionalGids", "expected a list");
    for (const auto& group : *groups) {
        if (!group.is_number_unsigned() || group.get<std::uint64_t>() > UINT32_MAX)
            return fields.complain("additionalGids", "every element must be a group number");
        process.additional_gids.push_back(group.get<gid_t>());
    }
}

// RLIM_INFINITY is 2^64-1, which Fields' signed integers do not hold.
bool parse_limit(const Fields& fields, std::string_view key, std::uint64_t& target) {
    const Json* value = fields.raw(key);
    if (value == nullptr || !value->is_number_integer()) {
        fields.complain(key, "expected a whole number");
        return false;
    }
    // -1 is how many generators write "unlimited".
    target = value->is_number_unsigned() ? value->get<std::uint64_t>()
                                         : static_cast<std::uint64_t>(value->get<std::int64_t>());
    return true;
}

void parse_rlimit(const Fields& fields, Process& process) {
    Rlimit limit;
    fields.require("type", limit.name);
    if (!fields.good() || !parse_limit(fields, "soft", limit.soft) ||
        !parse_limit(fields, "hard", limit.hard))
        return;
    const auto number = rlimit_number(limit.name);
    if (!number) return fields.complain("type", fmt::format("\"{}\" is not a resource limit", limit.name));
    if (limit.soft > limit.hard)
        return fields.complain("soft", fmt::format("{} is above the hard limit {}", limit.soft, limit.hard));
    limit.resource = *number;
    if (std::ranges::find(process.rlimits, limit.resource, &Rlimit::resource) != process.rlimits.end())
        return fields.complain("type", fmt::format("{} is given twice", limit.name));
    process.rlimits.push_back(std::move(limit));
}

void parse_capability_set(const Fields& fields, std::string_view key, std::uint64_t& set, Spec& spec) {
    std::vector<std::string> names;
    fields.read(key, names);
    for (const auto& name : names) {
        if (const auto number = capability_number(name))
            set |= std::uint64_t{1} << *number;
        else // must not fail, runtime specification 1.1 on process.capabilities
            spec.warnings.push_back(
                fmt::format("{}: unknown capability \"{}\" ignored", fields.path_of(key), name));
    }
}

} // namespace

void parse_process(const Fields& fields, Spec& spec) {
    Process& process = spec.process;
    fields.read("terminal", process.terminal);
    fields.object("consoleSize", [&](const Fields& size) {
        size.read("height", process.console_rows);
        size.read("width", process.console_columns);
    });
    fields.object("user", [&](const Fields& user) { parse_user(user, process); });
    fields.read("args", process.args);
    fields.read("env", process.env);
    fields.require("cwd", process.cwd);
    fields.each("rlimits", [&](const Fields& limit) { parse_rlimit(limit, process); });
    fields.object("capabilities", [&](const Fields& sets) {
        auto& target = process.capabilities.emplace();
        parse_capability_set(sets, "bounding", target.bounding, spec);
        parse_capability_set(sets, "effective", target.effective, spec);
        parse_capability_set(sets, "inheritable", target.inheritable, spec);
        parse_capability_set(sets, "permitted", target.permitted, spec);
        parse_capability_set(sets, "ambient", target.ambient, spec);
    });
    fields.read("noNewPrivileges", process.no_new_privileges);
    int score = 0;
    if (fields.read("oomScoreAdj", score)) process.oom_score_adj = score;
    fields.read("apparmorProfile", process.apparmor_profile);
    fields.read("selinuxLabel", process.selinux_label);
    if (fields.raw("scheduler") != nullptr || fields.raw("ioPriority") != nullptr)
        spec.warnings.push_back(
            "process.scheduler and process.ioPriority are not supported and were ignored");

    if (!fields.good()) return;
    if (process.args.empty() || process.args[0].empty())
        fields.complain("args", "the program to run is missing");
    if (!process.cwd.starts_with('/'))
        fields.complain("cwd", fmt::format("\"{}\" is not an absolute path", process.cwd));
    if (process.oom_score_adj && (*process.oom_score_adj < -1000 || *process.oom_score_adj > 1000))
        fields.complain("oomScoreAdj", fmt::format("{} is not in -1000..1000", *process.oom_score_adj));
}

} // namespace berth::runtime
