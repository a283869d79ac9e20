// The state directory of a container.
#include "runtime/cli/state.hpp"

#include "runtime/process/channel.hpp"
#include "runtime/spec/fields.hpp"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>

namespace berth::runtime::cli {

namespace {

constexpr std::string_view kStateFile = "state.json";

Json to_json(const std::vector<Hook>& hooks) {
    Json list = Json::array();
    for (const auto& hook : hooks) {
        Json entry{{"path", hook.path}, {"args", hook.args}, {"env", hook.env}};
        if (hook.timeout_seconds) entry["timeout"] = *hook.timeout_seconds;
        list.push_back(std::move(entry));
    }
    return list;
}

void read_hooks(const Fields& fields, std::string_view key, std::vector<Hook>& hooks) {
    fields.each(key, [&](const Fields& entry) {
        auto& hook = hooks.emplace_back();
        entry.require("path", hook.path);
        entry.read("args", hook.args);
        entry.read("env", hook.env);
        if (int timeout = 0; entry.read("timeout", timeout)) hook.timeout_seconds = timeout;
    });
}

// State letter and start time: fields 3 and 22 of /proc/<pid>/stat, counted after the name, which may hold
// anything.
struct ProcessStat {
    char state = 'X';
    std::uint64_t start_ticks = 0;
};
Result<ProcessStat> read_stat(int pid) {
    const auto path = fmt::format("/proc/{}/stat", pid);
    const auto text = read_file(path, 4096);
    if (!text) return std::unexpected(text.error());
    const auto name_end = text->rfind(')');
    if (name_end == std::string::npos || name_end + 2 >= text->size())
        return fail(ErrorCode::protocol, "{}: not understood", path);
    std::string_view rest = std::string_view(*text).substr(name_end + 2);
    ProcessStat stat;
    stat.state = rest[0];
    for (int field = 3; field < 22; ++field) rest.remove_prefix(std::min(rest.find(' ') + 1, rest.size()));
    if (std::from_chars(rest.data(), rest.data() + rest.size(), stat.start_ticks).ec != std::errc())
        return fail(ErrorCode::protocol, "{}: not understood", path);
    return stat;
}

} // namespace

Result<StateDirectory> StateDirectory::of(const fs::path& root, const std::string& id) {
    const auto allowed = [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.' || c == '+';
    };
    if (id.empty() || id.size() > 255 || id.starts_with('.') || !std::ranges::all_of(id, allowed))
        return fail(ErrorCode::invalid,
                    "\"{}\" cannot be a container's name: letters, digits, _ - + . and no leading dot", id);
    return StateDirectory(fs::absolute(root) / id);
}

Status StateDirectory::make() const {
    if (auto root = make_directories(path_.parent_path(), 0700); !root) return root;
    if (::mkdir(path_.c_str(), 0700) == 0) return {};
    if (errno == EEXIST)
        return fail(ErrorCode::exists, "a container named {} exists already", path_.filename().string());
    return fail_errno(errno, "making {}", path_.string());
}

Status StateDirectory::save(const State& state) const {
    const Json json{{"ociVersion", state.version},
                    {"id", state.id},
                    {"pid", state.pid},
                    {"startTicks", state.start_ticks},
                    {"bundle", state.bundle},
                    {"rootfs", state.rootfs},
                    {"cgroupPath", state.cgroup_path},
                    {"created", state.created},
                    {"owner", state.owner},
                    {"annotations", state.annotations},
                    {"poststart", to_json(state.poststart)},
                    {"poststop", to_json(state.poststop)}};
    return write_file_atomic(path_ / kStateFile, dump_json(json), 0600, false);
}

Result<State> StateDirectory::load() const {
    const auto text = read_file(path_ / kStateFile, kMaxConfigBytes);
    if (!text && text.error().sys() == ENOENT)
        return fail(ErrorCode::not_found, "container {} does not exist", path_.filename().string());
    if (!text) return std::unexpected(text.error());
    const auto json = parse_json(*text);
    if (!json) return fail(Error(json.error()), "{}", (path_ / kStateFile).string());
    State state;
    std::optional<Error> error;
    const Fields fields(*json, (path_ / kStateFile).string(), error);
    fields.require("id", state.id);
    fields.require("ociVersion", state.version);
    fields.require("pid", state.pid);
    fields.require("startTicks", state.start_ticks);
    fields.require("bundle", state.bundle);
    fields.read("rootfs", state.rootfs);
    fields.require("cgroupPath", state.cgroup_path);
    fields.read("created", state.created);
    fields.read("owner", state.owner);
    fields.read("annotations", state.annotations);
    read_hooks(fields, "poststart", state.poststart);
    read_hooks(fields, "poststop", state.poststop);
    if (error) return std::unexpected(std::move(*error));
    return state;
}

bool StateDirectory::exists() const { return ::access(path_.c_str(), F_OK) == 0; }

std::string StateDirectory::status(const State& state) const {
    if (!is_alive(state)) return "stopped";
    return ::access((path_ / kStartSocket).c_str(), F_OK) == 0 ? "created" : "running";
}

void StateDirectory::forget_start() const { ::unlink((path_ / kStartSocket).c_str()); }

Result<std::uint64_t> start_ticks_of(int pid) {
    const auto stat = read_stat(pid);
    if (!stat) return std::unexpected(stat.error());
    return stat->start_ticks;
}

bool is_alive(const State& state) {
    const auto stat = read_stat(state.pid);
    return stat && stat->start_ticks == state.start_ticks && stat->state != 'Z' && stat->state != 'X';
}

Result<UniqueFd> open_process(const State& state) {
    UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, state.pid, 0)));
    // Looked at after opening: from now on the number cannot change its meaning.
    if (!pidfd || !is_alive(state))
        return fail(ErrorCode::not_found, "container {} is not running", state.id);
    return pidfd;
}

std::vector<std::string> container_names(const fs::path& root) {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(root, error))
        if (fs::exists(entry.path() / kStateFile, error)) names.push_back(entry.path().filename().string());
    std::ranges::sort(names);
    return names;
}

} // namespace berth::runtime::cli
