// Debian's docker-registry on a port of its own, and images in it made with other tools.
#pragma once

#include "berth/base/files.hpp"

#include "tests/integration/images/process.hpp"

#include <memory>
#include <string>

namespace berth::images::test {

class Registry {
  public:
    // `more` is added to the configuration, two spaces of indentation for what belongs to http.
    Registry(const fs::path& storage, const fs::path& work, const std::string& more = "");
    const std::string& host() const { return host_; } // 127.0.0.1:port
    // The file in which the registry keeps a blob.
    fs::path blob_file(const std::string& digest) const;

  private:
    fs::path storage_;
    std::string host_;
    std::unique_ptr<Process> process_;
};

// What a file system can hold, in one directory.
void make_source_tree(const fs::path& root);
// Changes to a tree of which a layer must tell by whiteouts, opaque directories and new entries.
void change_source_tree(const fs::path& root);

// The tree as a layer by GNU tar, as an image by umoci, in the registry by skopeo: <host>/tree:pax, :gnu,
// :zstd, :plain, :docker. And <host>/changed:1 with a second layer for the changes, made by umoci; returns
// the directory in which umoci has both merged.
fs::path push_images(const Registry& registry, const fs::path& tree, const fs::path& work);

} // namespace berth::images::test
