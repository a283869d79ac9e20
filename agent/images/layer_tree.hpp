// A layer's directory while it is being unpacked: finds and makes directories inside it, whatever names an
// archive uses.
//
// Every path is resolved by openat2(2) with the layer's directory as root: a symbolic link or ".." cannot
// lead out. Nobody else writes there meanwhile, so what was found stays as it is. Blocking; one thread at a
// time.
#pragma once

#include "berth/base/result.hpp"
#include "berth/base/unique_fd.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace berth::images {

// Names below the root: no leading or trailing slash, no empty, "." or ".." component; "" is the root itself.
Result<std::string> clean_path(std::string_view path);

struct SplitPath {
    std::string_view parent, name;
};
SplitPath split_path(std::string_view clean);

class LayerTree {
  public:
    explicit LayerTree(UniqueFd root) : root_(std::move(root)) {}

    int root() const { return root_.get(); }
    // The directory, with missing ones on the way made; good until the next call.
    Result<int> directory(std::string_view clean);
    // The directory as it is; not_found when it is missing.
    Result<UniqueFd> open_directory(std::string_view clean) const;
    // Takes away what has this name, directories with all they hold.
    Status remove(int directory, const std::string& name);

    // Directories that the archive uses without having an entry for them.
    const std::vector<std::string>& implied() const { return implied_; }

  private:
    UniqueFd root_;
    // The directory of the last entry is mostly that of the next one.
    std::string cached_path_;
    UniqueFd cached_;
    std::vector<std::string> implied_;
};

// For calls that take only a path: the name in a directory that is known by its descriptor.
std::string path_at(int directory, std::string_view name = {});

} // namespace berth::images
