// Where the cgroup hierarchies of this machine are mounted.
#include "berth/runtime/cgroup.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace berth::runtime {

namespace {

constexpr std::array<std::string_view, 13> kControllers = {
    "cpu",  "cpuacct", "cpuset",  "memory",   "devices", "freezer",   "blkio",
    "pids", "hugetlb", "net_cls", "net_prio", "rdma",    "perf_event"};

// mountinfo writes space, tab, newline and backslash as three octal digits (proc(5)).
std::string unescape(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size()) {
            plain +=
                static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
            i += 3;
        } else {
            plain += text[i];
        }
    }
    return plain;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const auto end = std::min(text.find(separator), text.size());
        if (end != 0) parts.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

} // namespace

Result<CgroupLayout> CgroupLayout::detect() {
    const auto text = read_file("/proc/self/mountinfo");
    if (!text) return fail(text.error(), "looking for cgroup mounts");
    CgroupLayout layout;
    for (const auto line : split(*text, '\n')) {
        // 31 23 0:28 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu
        const auto dash = line.find(" - ");
        if (dash == std::string_view::npos) continue;
        const auto front = split(line.substr(0, dash), ' ');
        const auto back = split(line.substr(dash + 3), ' ');
        if (front.size() < 5 || back.size() < 3) continue;
        if (back[0] == "cgroup2" && layout.v2.empty()) layout.v2 = unescape(front[4]);
        if (back[0] != "cgroup") continue;
        for (const auto option : split(back[2], ','))
            if (option.starts_with("name=") || std::ranges::find(kControllers, option) != kControllers.end())
                layout.v1.try_emplace(std::string(option), unescape(front[4]));
    }
    if (layout.v1.empty() && layout.v2.empty())
        return fail(ErrorCode::not_found, "no cgroup hierarchy is mounted; mount one at /sys/fs/cgroup");
    if (!layout.v2.empty()) {
        auto controllers = read_file(layout.v2 / "cgroup.controllers");
        if (!controllers) return fail(std::move(controllers.error()), "reading the controllers of cgroup v2");
        controllers->erase(std::remove(controllers->begin(), controllers->end(), '\n'), controllers->end());
        for (const auto name : split(*controllers, ' ')) layout.v2_controllers.emplace_back(name);
    }
    return layout;
}

} // namespace berth::runtime
