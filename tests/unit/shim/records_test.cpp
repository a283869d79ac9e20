// The records of a container directory: there and back, and what is refused.
#include "berth/runtime/shim.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::runtime {
namespace {

using testing::HasSubstr;

TEST(Records, ShimConfigComesBack) {
    ShimConfig config;
    config.id = ContainerId("abc");
    config.rootfs = {"/store", {"a", "b"}, "upper", "work"};
    config.log_segment_bytes = 5;
    config.log_segments = 6;
    config.terminal = true;
    config.shim_cgroup = "shims";
    const auto back = shim_config_from_json(to_json(config));
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(to_json(*back), to_json(config));
    EXPECT_EQ(back->rootfs.lower, config.rootfs.lower);
    EXPECT_EQ(back->id, config.id);
    EXPECT_EQ(back->shim_cgroup, "shims");
    EXPECT_TRUE(back->terminal);
}

TEST(Records, StatusAndExitComeBack) {
    StatusRecord status;
    status.pid = 7;
    status.pid_start_ticks = 8;
    status.shim_pid = 9;
    status.shim_start_ticks = 10;
    status.boot_id = "boot";
    status.cgroup = "a/b";
    status.started_at = now();
    const auto status_back = status_record_from_json(to_json(status));
    ASSERT_TRUE(status_back) << status_back.error().message();
    EXPECT_EQ(to_json(*status_back), to_json(status));
    EXPECT_EQ(status_back->started_at, status.started_at);
    ExitRecord exit;
    exit.exit_code = 137;
    exit.signal = 9;
    exit.oom_killed = true;
    exit.finished_at = now();
    exit.peak_memory_bytes = 1ULL << 40;
    const auto exit_back = exit_record_from_json(to_json(exit));
    ASSERT_TRUE(exit_back) << exit_back.error().message();
    EXPECT_EQ(to_json(*exit_back), to_json(exit));
}

TEST(Records, WhatIsMissingOrWrongIsNamed) {
    EXPECT_THAT(shim_config_from_json(Json::parse(R"({"id":""})")).error().message(),
                HasSubstr("shim.json.id"));
    EXPECT_THAT(shim_config_from_json(Json::parse(R"({"id":"a","log_segment_bytes":1,"log_segments":1e12})"))
                    .error()
                    .message(),
                HasSubstr("log_segments: 1000000000000 is out of range"));
    EXPECT_THAT(shim_config_from_json(
                    Json::parse(R"({"id":"a","log_segment_bytes":1,"log_segments":1,"rootfs":{"lower":[]}})"))
                    .error()
                    .message(),
                HasSubstr("rootfs.store"));
    EXPECT_FALSE(status_record_from_json(Json::parse("{}")));
    auto exit = to_json(ExitRecord());
    exit["finished_at"] = "yesterday";
    EXPECT_FALSE(exit_record_from_json(exit));
    EXPECT_FALSE(exit_record_from_json(Json::array()));
}

} // namespace
} // namespace berth::runtime
