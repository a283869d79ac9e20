// One entry of a tar archive, and the parsing of headers and pax records. Pure.
#pragma once

#include "berth/base/result.hpp"

#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth::images {

inline constexpr std::size_t kTarBlock = 512;
inline constexpr std::size_t kMaxSparseExtents = 1 << 16;

enum class EntryType : std::uint8_t { file, hard_link, symlink, char_device, block_device, directory, fifo };

struct TarEntry {
    EntryType type = EntryType::file;
    std::string path, link;
    mode_t mode = 0; // permission bits only
    uid_t uid = 0;
    gid_t gid = 0;
    std::uint64_t size = 0; // of the file, holes included
    timespec mtime = {};
    std::optional<timespec> atime;
    std::uint32_t device_major = 0, device_minor = 0;
    std::vector<std::pair<std::string, std::string>> xattrs;
};

struct SparseExtent {
    std::uint64_t offset = 0, length = 0;
};

// GNU tar's description of a sparse file in pax records.
struct PaxSparse {
    std::uint64_t major = 0, minor = 0;
    std::optional<std::string> name;
    std::optional<std::uint64_t> real_size;
    std::vector<std::uint64_t> map; // offset, length, offset, length …
};

// POSIX pax extended header of one entry, with the keys of star, libarchive and GNU tar.
struct PaxRecords {
    std::optional<std::string> path, link;
    std::optional<std::uint64_t> size, uid, gid;
    std::optional<timespec> mtime, atime;
    std::vector<std::pair<std::string, std::string>> xattrs;
    std::optional<PaxSparse> sparse;
};
// Adds to what earlier headers of the same entry said.
Status parse_pax(std::string_view text, PaxRecords& records);

// The fields of a 512-byte header as they stand there.
struct TarHeader {
    char kind = 0; // typeflag
    std::string path, link;
    mode_t mode = 0;
    std::int64_t uid = 0, gid = 0, size = 0, mtime = 0, device_major = 0, device_minor = 0;
    // Old GNU sparse files
    std::vector<SparseExtent> extents;
    bool more_extents = false;
    std::uint64_t real_size = 0;
};
Result<TarHeader> parse_tar_header(std::string_view block);
// The extension blocks that may follow the header of an old GNU sparse file; true when another one follows.
Result<bool> parse_gnu_extents(std::string_view block, std::vector<SparseExtent>& extents);
// Decimal digits only.
std::optional<std::uint64_t> parse_decimal(std::string_view text);

} // namespace berth::images
