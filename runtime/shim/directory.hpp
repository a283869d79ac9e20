// The files of a container directory, its lock, and which group of processes it is about. Private to this
// room.
#pragma once

#include "berth/base/files.hpp"
#include "berth/runtime/cgroup.hpp"
#include "berth/runtime/shim.hpp"

namespace berth::runtime {

constexpr auto kConfigFile = "bundle/config.json";
constexpr auto kShimFile = "shim.json";
constexpr auto kLockFile = "lock";
constexpr auto kStatusFile = "status.json";
constexpr auto kExitFile = "exit.json";
constexpr auto kLogDirectory = "log";

// The lock is one of open file descriptions (F_OFD_SETLK): it ends with the shim, and others can ask for it
// without ever holding it, so that a look at a container never gets in the way of its start.
// launch() takes it and gives it to the shim with the descriptor, so it is held from before the shim exists.
Result<UniqueFd> take_lock(const fs::path& directory); // ErrorCode::exists while somebody has it
Result<bool> is_locked(const fs::path& directory);     // no lock file: false

// Reads and parses one of the JSON files; ErrorCode::not_found when it is missing.
Result<Json> read_json(const fs::path& file);
// Empty when the file is missing.
Result<std::optional<StatusRecord>> read_status(const fs::path& directory);
Result<std::optional<ExitRecord>> read_exit(const fs::path& directory);
Status write_exit(const fs::path& directory, const ExitRecord& record);

// The container's group: as its status says, before there is one by linux.cgroupsPath of its config.json.
Result<Cgroup> cgroup_of(const fs::path& directory);

// What keeps a process number from being mistaken for its successor.
Result<std::uint64_t> start_ticks(int pid); // ErrorCode::not_found when there is no such process
Result<std::string> boot_id();
// A pidfd of exactly that process. Empty when it is gone, or was of an earlier boot.
Result<UniqueFd> open_process(int pid, std::uint64_t ticks, const std::string& boot);

} // namespace berth::runtime
