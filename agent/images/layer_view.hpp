// The merged view of an image's layers without a mount: what overlayfs would show under a name.
#pragma once

#include "berth/base/files.hpp"

#include <optional>
#include <string>
#include <vector>

namespace berth::images {

// The content of a regular file. `layers` are directories, topmost first. Links are followed inside the
// image. nullopt when there is no such file; more than `limit` bytes is an error. Blocking.
Result<std::optional<std::string>> read_merged_file(const std::vector<fs::path>& layers,
                                                    const std::string& path, std::size_t limit);

} // namespace berth::images
