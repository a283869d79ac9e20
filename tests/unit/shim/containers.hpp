// Containers for tests of the shim: a directory with a busybox root, launched by the real berth-shim, and a
// check that nothing of it is left.
#pragma once

#include "berth/base/async.hpp"
#include "berth/runtime/cgroup.hpp"
#include "berth/runtime/log_spool.hpp"
#include "berth/runtime/shim.hpp"

#include "temp_directory.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <exception>
#include <optional>
#include <string>
#include <vector>

namespace berth::test {

inline Deadline soon() { return deadline_in(std::chrono::seconds(30)); }

// Runs one coroutine to its end on a loop of its own.
template <class T>
T run(Async<T> work) {
    asio::io_context io;
    std::optional<T> result;
    std::exception_ptr thrown;
    asio::co_spawn(io, std::move(work), [&](std::exception_ptr problem, T value) {
        thrown = problem;
        result.emplace(std::move(value));
    });
    io.run();
    if (thrown) std::rethrow_exception(thrown);
    return std::move(*result);
}

class Containers : public testing::Test {
  protected:
    void SetUp() override;
    // Kills what a failed test left, then looks for traces.
    void TearDown() override;

    // A container directory for `sh -c script`. `changes` is merged into config.json.
    fs::path make(const std::string& script, const std::string& changes = "{}");
    fs::path make_running(const std::vector<std::string>& arguments, const std::string& changes = "{}");
    runtime::ShimConfig shim_config(const fs::path& directory) const;
    void write_shim_config(const fs::path& directory, const runtime::ShimConfig& config) const;

    runtime::LaunchRequest request(const fs::path& directory) const;
    runtime::StatusRecord launch(const fs::path& directory) const;
    runtime::ExitRecord wait(const fs::path& directory, const runtime::StatusRecord& status) const;
    runtime::ExitRecord launch_and_wait(const fs::path& directory) const;
    // Waits until the container has written so many lines.
    std::vector<std::string> wait_for_lines(const fs::path& directory, std::size_t count) const;
    std::vector<std::string> lines(const fs::path& directory, bool is_stderr = false) const;
    runtime::Cgroup group(const fs::path& directory) const;
    std::string cgroup_path(const fs::path& directory) const;

    TempDirectory root_;
    runtime::CgroupLayout layout_;
    std::string groups_; // parent of the test's cgroups
    int count_ = 0;
};

} // namespace berth::test
