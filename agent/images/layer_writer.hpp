// Writes the entries of a layer into its directory, in the form that overlayfs wants.
//
// Whiteouts become character devices 0:0, opaque directories get trusted.overlay.opaque. Owners, modes, times
// and extended attributes are the archive's. Blocking; one thread at a time.
#pragma once

#include "agent/images/layer_tree.hpp"
#include "agent/images/tar_reader.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace berth::images {

struct LayerLimits {
    std::uint64_t entries = 1'000'000;
    std::uint64_t directories = 200'000; // their names are kept in memory until the end
    std::uint64_t unpacked_bytes = std::uint64_t{1} << 40;
};

struct LayerContents {
    std::uint64_t bytes = 0; // of all files' data
    bool root_entry = false; // the archive says what the root directory looks like
    bool opaque_root = false;
    std::vector<std::string> implied; // directories that are used but not described
};

class LayerWriter final : public TarSink {
  public:
    LayerWriter(UniqueFd root, LayerLimits limits) : tree_(std::move(root)), limits_(limits) {}

    Status begin(const TarEntry& entry) override;
    Status data(std::uint64_t offset, std::string_view bytes) override;
    Status end() override;
    // After the last entry: what must be done last, the times of directories.
    Result<LayerContents> finish();

  private:
    Status make_root(const TarEntry& entry);
    Status make_whiteout(int parent, const std::string& name);
    Status make_file(int parent, const TarEntry& entry);
    Status make_directory(int parent, const TarEntry& entry);
    Status make_hard_link(int parent, const TarEntry& entry);
    Status make_special(int parent, const TarEntry& entry);
    // Does `create`; when the name is taken, takes it away and does it again.
    template <class Create>
    Status replace(int parent, std::string_view what, Create create);
    Status set_opaque(const std::string& path);

    LayerTree tree_;
    LayerLimits limits_;
    LayerContents contents_;
    std::uint64_t entries_ = 0;
    std::string path_, name_; // of the entry under way
    TarEntry entry_;          // the file under way
    UniqueFd file_;
    std::uint64_t written_to_ = 0;
    struct DirectoryTimes {
        std::string path;
        timespec atime, mtime;
    };
    std::vector<DirectoryTimes> directory_times_;
};

} // namespace berth::images
