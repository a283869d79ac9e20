// A directory of a test, removed afterwards.
#pragma once

#include "berth/base/encoding.hpp"
#include "berth/base/files.hpp"

#include <stdexcept>

namespace berth::images::test {

class TemporaryDirectory {
  public:
    TemporaryDirectory() : path_(fs::temp_directory_path() / ("berth-images-" + random_hex(12))) {
        if (auto made = make_directories(path_, 0755); !made)
            throw std::runtime_error(made.error().message());
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() { (void)remove_tree(path_); }
    const fs::path& path() const { return path_; }
    fs::path operator/(const fs::path& name) const { return path_ / name; }

  private:
    fs::path path_;
};

} // namespace berth::images::test
