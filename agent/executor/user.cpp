// Parsing passwd(5) and group(5) of an image, which may hold anything.
#include "agent/executor/user.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace berth::executor {

namespace {

std::optional<std::uint32_t> number(std::string_view text) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value > INT32_MAX)
        return std::nullopt;
    return value;
}

// Calls visit(fields) for each line with at least `count` fields until it returns true.
template <std::size_t count, class Visit>
bool find_line(std::string_view file, Visit visit) {
    while (!file.empty()) {
        const auto end = std::min(file.find('\n'), file.size());
        auto line = file.substr(0, end);
        file.remove_prefix(std::min(end + 1, file.size()));
        std::array<std::string_view, count> fields;
        std::size_t have = 0;
        while (have < count) {
            const auto colon = have + 1 < count ? line.find(':') : line.size();
            fields[have++] = line.substr(0, colon);
            if (colon >= line.size()) break;
            line.remove_prefix(colon + 1);
        }
        if (have == count && visit(fields)) return true;
    }
    return false;
}

constexpr std::size_t kGroupFields = 4;  // name:password:gid:members
constexpr std::size_t kPasswdFields = 7; // name:password:uid:gid:gecos:home:shell

} // namespace

Result<std::uint32_t> resolve_group(std::string_view name, std::string_view group) {
    std::optional<std::uint32_t> gid;
    find_line<kGroupFields>(group, [&](const auto& fields) {
        if (fields[0] == name) gid = number(fields[2]);
        return gid.has_value();
    });
    if (!gid) gid = number(name);
    if (!gid) return fail(ErrorCode::not_found, "group \"{}\" is not in the image's /etc/group", name);
    return *gid;
}

Result<ResolvedUser> resolve_user(std::string_view user, std::string_view passwd, std::string_view group) {
    const auto colon = user.find(':');
    const auto name = user.substr(0, colon);
    const auto group_name = colon == std::string_view::npos ? std::string_view() : user.substr(colon + 1);
    const auto uid = number(name.empty() ? "0" : name);

    ResolvedUser resolved;
    std::string_view login;
    const bool found = find_line<kPasswdFields>(passwd, [&](const auto& fields) {
        const auto line_uid = number(fields[2]), line_gid = number(fields[3]);
        if (!line_uid || !line_gid || !(uid ? *line_uid == *uid : fields[0] == name)) return false;
        resolved = {.uid = *line_uid, .gid = *line_gid, .groups = {}, .home = std::string(fields[5])};
        login = fields[0];
        return true;
    });
    if (!found) {
        if (!uid) return fail(ErrorCode::not_found, "user \"{}\" is not in the image's /etc/passwd", name);
        resolved.uid = *uid;
    }
    if (resolved.home.empty()) resolved.home = "/";

    if (!group_name.empty()) {
        const auto gid = resolve_group(group_name, group);
        if (!gid) return std::unexpected(gid.error());
        resolved.gid = *gid;
        return resolved;
    }
    constexpr std::size_t kMostGroups = 1024;
    find_line<kGroupFields>(group, [&](const auto& fields) {
        auto members = fields[3];
        while (!login.empty() && !members.empty()) {
            const auto comma = std::min(members.find(','), members.size());
            const auto gid = number(fields[2]);
            if (members.substr(0, comma) == login && gid && *gid != resolved.gid)
                resolved.groups.push_back(*gid);
            members.remove_prefix(std::min(comma + 1, members.size()));
        }
        return resolved.groups.size() >= kMostGroups;
    });
    return resolved;
}

} // namespace berth::executor
