// A directory that is gone with the object.
#pragma once

#include "berth/base/encoding.hpp"
#include "berth/base/files.hpp"

namespace berth::test {

class TempDirectory {
  public:
    TempDirectory() : path_(fs::temp_directory_path() / ("berth-shim-test-" + random_hex(8))) {
        fs::create_directory(path_);
    }
    TempDirectory(const TempDirectory&) = delete;
    TempDirectory& operator=(const TempDirectory&) = delete;
    ~TempDirectory() { std::ignore = remove_tree(path_); }
    const fs::path& path() const { return path_; }

  private:
    fs::path path_;
};

} // namespace berth::test
