// Bundles with a busybox root, and containers run from them, for tests that look at what the kernel then
// says.
#pragma once

#include "berth/base/files.hpp"
#include "berth/base/json.hpp"
#include "berth/runtime/container.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace berth::runtime::testing {

class TemporaryDirectory {
  public:
    TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory();
    const fs::path& path() const { return path_; }

  private:
    fs::path path_;
};

// What a program left behind.
struct Outcome {
    int status = -1; // exit status, 128+n for signal n
    std::string output, errors;
};

// Runs a program of the host with its output collected. Fails the test after a minute.
Outcome run_program(const std::vector<std::string>& args, const fs::path& directory = "/");

class ContainerTest : public ::testing::Test {
  protected:
    ContainerTest();
    ~ContainerTest() override;

    // The configuration that `berth-runtime spec` writes, without a terminal; tests change it.
    Json config;
    fs::path bundle() const { return directory_.path(); }
    fs::path rootfs() const { return directory_.path() / "rootfs"; }
    const std::string& id() const { return id_; }
    void write_config() const;
    // Its program is `sh -c script`.
    void set_script(const std::string& script);
    void remove_mount(const std::string& destination);
    void add_mount(const std::string& destination, const std::string& type, const std::string& source,
                   std::vector<std::string> options);

    CreateOptions options() const;
    // Writes config.json and creates the container.
    Result<std::unique_ptr<Created>> create_it(const CreateOptions& options);
    // From creation to the end. A failure to create or start is a failure of the test.
    Outcome run(const std::string& script);
    Outcome run(const CreateOptions& options);
    // The message with which creating (or starting) fails.
    std::string failure();
    // Directories of this container in the cgroup hierarchies of the host.
    std::vector<std::string> cgroups() const;

  private:
    TemporaryDirectory directory_;
    std::string id_;
};

std::string text_of(const fs::path& path);
int wait_for_exit(int pid);

} // namespace berth::runtime::testing
