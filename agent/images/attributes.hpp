// Owner, mode, extended attributes and times of an unpacked entry, in the order the kernel needs.
#pragma once

#include "agent/images/tar_entry.hpp"

namespace berth::images {

// By descriptor, times included.
Status set_file_attributes(int file, const TarEntry& entry);
// By name, without times and without following a link.
Status set_attributes(int parent, const std::string& name, const TarEntry& entry);
Status set_times(int parent, const std::string& name, const timespec& atime, const timespec& mtime);

} // namespace berth::images
