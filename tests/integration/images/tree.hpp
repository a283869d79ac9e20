// Everything about the files of a tree, for comparison.
#pragma once

#include "berth/base/files.hpp"

#include <map>
#include <string>

namespace berth::images::test {

// Relative path → type, mode, owner, size, time, device, link, attributes, content. Of overlayfs's own
// attributes nothing. Times of directories only when asked for.
std::map<std::string, std::string> describe_tree(const fs::path& root, bool xattrs = true);

} // namespace berth::images::test
