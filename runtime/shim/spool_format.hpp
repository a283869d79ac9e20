// What the writer and the readers of a log spool agree upon. Private to this room.
#pragma once

#include "berth/base/files.hpp"

#include <cstdint>
#include <vector>

namespace berth::runtime {

constexpr std::size_t kMaxSpoolText = 16 << 10;              // longer lines are continued in further records
constexpr std::size_t kSpoolHeader = 30 + 1 + 6 + 1 + 1 + 1; // "<time> stdout F "
constexpr std::size_t kMaxSpoolRecord = kSpoolHeader + kMaxSpoolText + 1;

// "00000001.log"
std::string segment_name(std::uint32_t segment);
// Numbers of the segments that are there, oldest first. No directory: none.
Result<std::vector<std::uint32_t>> list_segments(const fs::path& directory);

} // namespace berth::runtime
