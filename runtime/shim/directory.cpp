// The files of a container directory, its lock, and the identity of processes.
#include "runtime/shim/directory.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

namespace berth::runtime {

namespace {

struct flock whole_file() {
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return lock;
}

template <class T>
Result<std::optional<T>> read_record(const fs::path& file, Result<T> (*parse)(const Json&)) {
    const auto json = read_json(file);
    if (!json && json.error().code() == ErrorCode::not_found) return std::optional<T>();
    if (!json) return fail(json.error());
    auto record = parse(*json);
    if (!record) return fail(std::move(record.error()), "reading {}", file.string());
    return std::optional(std::move(*record));
}

} // namespace

Result<UniqueFd> take_lock(const fs::path& directory) {
    auto file = open_file(directory / kLockFile, O_RDWR | O_CREAT, 0600);
    if (!file) return file;
    auto lock = whole_file();
    if (::fcntl(file->get(), F_OFD_SETLK, &lock) == 0) return file;
    if (errno == EAGAIN || errno == EACCES)
        return fail(ErrorCode::exists, "{} is locked: this container is already running", directory.string());
    return fail_errno(errno, "locking {}", (directory / kLockFile).string());
}

Result<bool> is_locked(const fs::path& directory) {
    const auto file = open_file(directory / kLockFile, O_RDWR);
    if (!file && file.error().sys() == ENOENT) return false;
    if (!file) return fail(file.error());
    auto lock = whole_file();
    if (::fcntl(file->get(), F_OFD_GETLK, &lock) != 0)
        return fail_errno(errno, "asking for the lock {}", (directory / kLockFile).string());
    return lock.l_type != F_UNLCK;
}

Result<Json> read_json(const fs::path& file) {
    const auto text = read_file(file);
    if (!text) return fail(text.error());
    auto json = parse_json(*text);
    if (!json) return fail(std::move(json.error()), "reading {}", file.string());
    return json;
}

Result<std::optional<StatusRecord>> read_status(const fs::path& directory) {
    return read_record(directory / kStatusFile, status_record_from_json);
}

Result<std::optional<ExitRecord>> read_exit(const fs::path& directory) {
    return read_record(directory / kExitFile, exit_record_from_json);
}

Status write_exit(const fs::path& directory, const ExitRecord& record) {
    return write_file_atomic(directory / kExitFile, dump_json(to_json(record)), 0600);
}

Result<Cgroup> cgroup_of(const fs::path& directory) {
    const auto layout = CgroupLayout::detect();
    if (!layout) return fail(layout.error());
    const auto status = read_status(directory);
    if (!status) return fail(status.error());
    if (*status && !(*status)->cgroup.empty()) return Cgroup::open(*layout, (*status)->cgroup);
    const auto config = read_json(directory / kConfigFile);
    if (!config) return fail(config.error());
    const auto linux_part = JsonReader(*config, kConfigFile).object("linux");
    if (!linux_part) return fail(linux_part.error());
    const auto path =
        JsonReader(*linux_part == nullptr ? Json() : **linux_part, "linux").required_string("cgroupsPath");
    if (!path) return fail(path.error(), "looking for the cgroup of {}", directory.string());
    return Cgroup::open(*layout, *path);
}

Result<std::uint64_t> start_ticks(int pid) {
    const auto text = read_file(fmt::format("/proc/{}/stat", pid));
    if (!text && (text.error().sys() == ENOENT || text.error().sys() == ESRCH))
        return fail(ErrorCode::not_found, "there is no process {}", pid);
    if (!text) return fail(text.error());
    // The name in parentheses may hold anything; field 3 follows the last one.
    std::size_t at = text->rfind(')');
    for (int field = 2; field < 22 && at != std::string::npos; ++field) at = text->find(' ', at + 1);
    std::uint64_t ticks = 0;
    if (at == std::string::npos ||
        std::from_chars(text->data() + at + 1, text->data() + text->size(), ticks).ec != std::errc())
        return fail(ErrorCode::protocol, "/proc/{}/stat is not as it should be: {}", pid, *text);
    return ticks;
}

Result<std::string> boot_id() {
    auto text = read_file("/proc/sys/kernel/random/boot_id");
    if (text && text->ends_with('\n')) text->pop_back();
    return text;
}

Result<UniqueFd> open_process(int pid, std::uint64_t ticks, const std::string& boot) {
    const auto current_boot = boot_id();
    if (!current_boot) return fail(current_boot.error());
    if (*current_boot != boot) return UniqueFd();
    UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!process && errno == ESRCH) return UniqueFd();
    if (!process) return fail_errno(errno, "opening process {}", pid);
    // After the descriptor: what has the right age now is what the descriptor is of.
    const auto now = start_ticks(pid);
    if (!now && now.error().code() != ErrorCode::not_found) return fail(now.error());
    if (!now || *now != ticks) return UniqueFd();
    return process;
}

} // namespace berth::runtime
