// linux.resources turned into writes to cgroup files: values of v1 and v2, what is refused, device rules.
#include "runtime/cgroup/devices.hpp"
#include "runtime/cgroup/groups.hpp"
#include "runtime/cgroup/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::runtime {
namespace {

CgroupLayout v1_layout() {
    CgroupLayout layout;
    for (const auto* name : {"cpu", "cpuset", "memory", "pids", "blkio", "hugetlb", "devices"})
        layout.v1[name] = fs::path("/v1") / name;
    return layout;
}

CgroupLayout v2_layout() {
    CgroupLayout layout;
    layout.v2 = "/v2";
    layout.v2_controllers = {"cpu", "cpuset", "memory", "pids", "io", "hugetlb"};
    return layout;
}

// "file=value" of every write, in order.
std::vector<std::string> writes(const CgroupLayout& layout, const Json& resources) {
    const auto settings = settings_for(layout, resources);
    if (!settings) return {"error: " + settings.error().message()};
    std::vector<std::string> lines;
    for (const auto& setting : *settings) lines.push_back(setting.file + "=" + setting.value);
    return lines;
}

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Settings, NothingAskedForIsNothingWritten) {
    EXPECT_THAT(writes(v1_layout(), Json()), ElementsAre());
    EXPECT_THAT(writes(v2_layout(), Json::parse(R"({"memory":{"limit":0},"pids":{"limit":0}})")),
                ElementsAre());
}

TEST(Settings, SharesKeepTheirProportionsAsWeights) {
    EXPECT_EQ(weight_from_shares(2), 1U);
    EXPECT_EQ(weight_from_shares(0), 1U);
    EXPECT_EQ(weight_from_shares(1024), 39U);
    EXPECT_EQ(weight_from_shares(262144), 10000U);
    EXPECT_EQ(weight_from_shares(1'000'000), 10000U);
    EXPECT_EQ(io_weight_from_blkio(10), 1U);
    EXPECT_EQ(io_weight_from_blkio(500), 4950U);
    EXPECT_EQ(io_weight_from_blkio(1000), 10000U);
}

TEST(Settings, Cpu) {
    const auto cpu = Json::parse(
        R"({"cpu":{"shares":512,"quota":50000,"period":100000,"burst":1000,"idle":1,"cpus":"0-1","mems":"0"}})");
    EXPECT_THAT(writes(v1_layout(), cpu),
                ElementsAre("cpu.shares=512", "cpu.cfs_period_us=100000", "cpu.cfs_quota_us=50000",
                            "cpu.cfs_burst_us=1000", "cpu.idle=1", "cpuset.cpus=0-1", "cpuset.mems=0"));
    EXPECT_THAT(writes(v2_layout(), cpu),
                ElementsAre("cpu.weight=20", "cpu.max=50000 100000", "cpu.max.burst=1000", "cpu.idle=1",
                            "cpuset.cpus=0-1", "cpuset.mems=0"));
    EXPECT_THAT(writes(v2_layout(), Json::parse(R"({"cpu":{"quota":-1}})")), ElementsAre("cpu.max=max"));
}

TEST(Settings, SwapIsTogetherWithMemoryOnV1AndAloneOnV2) {
    const auto memory =
        Json::parse(R"({"memory":{"limit":1000,"swap":1500,"reservation":500,"swappiness":10}})");
    EXPECT_THAT(writes(v1_layout(), memory),
                ElementsAre("memory.limit_in_bytes=1000", "memory.memsw.limit_in_bytes=1500",
                            "memory.soft_limit_in_bytes=500", "memory.swappiness=10"));
    EXPECT_THAT(writes(v2_layout(), memory),
                ElementsAre("memory.max=1000", "memory.swap.max=500", "memory.low=500"));
    const auto no_swap = Json::parse(R"({"memory":{"limit":1000,"swap":1000}})");
    EXPECT_THAT(writes(v2_layout(), no_swap), ElementsAre("memory.max=1000", "memory.swap.max=0"));
    const auto any_swap = Json::parse(R"({"memory":{"limit":1000,"swap":-1}})");
    EXPECT_THAT(writes(v1_layout(), any_swap),
                ElementsAre("memory.limit_in_bytes=1000", "memory.memsw.limit_in_bytes=-1"));
    EXPECT_THAT(writes(v2_layout(), any_swap), ElementsAre("memory.max=1000", "memory.swap.max=max"));
}

TEST(Settings, LiftingTheMemoryLimitLiftsThatOfSwap) {
    const auto memory = Json::parse(R"({"memory":{"limit":-1}})");
    EXPECT_THAT(writes(v1_layout(), memory),
                ElementsAre("memory.limit_in_bytes=-1", "memory.memsw.limit_in_bytes=-1"));
    EXPECT_THAT(writes(v2_layout(), memory), ElementsAre("memory.max=max", "memory.swap.max=max"));
}

TEST(Settings, SwapBelowMemoryIsRefused) {
    const auto memory = Json::parse(R"({"memory":{"limit":1000,"swap":500}})");
    for (const auto& layout : {v1_layout(), v2_layout()})
        EXPECT_THAT(writes(layout, memory),
                    ElementsAre(HasSubstr("linux.resources.memory.swap: 500 is less")));
    EXPECT_THAT(writes(v2_layout(), Json::parse(R"({"memory":{"swap":500}})")),
                ElementsAre(HasSubstr("needs a memory limit")));
}

TEST(Settings, PidsHugePagesAndUnified) {
    const auto limits = Json::parse(
        R"({"pids":{"limit":-1},"hugepageLimits":[{"pageSize":"2MB","limit":9}],"unified":{"memory.high":"7"}})");
    EXPECT_THAT(writes(v2_layout(), limits),
                ElementsAre("pids.max=max", "hugetlb.2MB.max=9", "hugetlb.2MB.rsvd.max=9", "memory.high=7"));
    EXPECT_THAT(writes(v1_layout(), Json::parse(R"({"hugepageLimits":[{"pageSize":"2MB","limit":9}]})")),
                ElementsAre("hugetlb.2MB.limit_in_bytes=9", "hugetlb.2MB.rsvd.limit_in_bytes=9"));
    EXPECT_THAT(writes(v1_layout(), Json::parse(R"({"unified":{"memory.high":"7"}})")),
                ElementsAre(HasSubstr("no cgroup v2")));
    EXPECT_THAT(writes(v2_layout(), Json::parse(R"({"unified":{"../memory.high":"7"}})")),
                ElementsAre(HasSubstr("unified: ")));
}

TEST(Settings, BlockIo) {
    const auto io = Json::parse(
        R"({"blockIO":{"weight":100,"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":4096}],
            "throttleWriteIOPSDevice":[{"major":8,"minor":0,"rate":0}]}})");
    EXPECT_THAT(writes(v1_layout(), io),
                ElementsAre("blkio.weight=100", "blkio.throttle.read_bps_device=8:0 4096",
                            "blkio.throttle.write_iops_device=8:0 0"));
    EXPECT_THAT(writes(v2_layout(), io),
                ElementsAre("io.weight=910", "io.max=8:0 rbps=4096", "io.max=8:0 wiops=max"));
    EXPECT_THAT(writes(v1_layout(), Json::parse(R"({"blockIO":{"weight":5}})")),
                ElementsAre(HasSubstr("10..1000")));
}

TEST(Settings, HybridTakesEachControllerWhereItIs) {
    auto layout = v1_layout();
    layout.v1.erase("hugetlb");
    layout.v2 = "/v2";
    layout.v2_controllers = {"hugetlb"};
    const auto settings = settings_for(
        layout, Json::parse(R"({"pids":{"limit":5},"hugepageLimits":[{"pageSize":"2MB","limit":9}]})"));
    ASSERT_TRUE(settings);
    EXPECT_FALSE(settings->at(0).v2);
    EXPECT_TRUE(settings->at(1).v2);
}

TEST(Settings, ErrorsNameTheFieldOrTheController) {
    EXPECT_THAT(writes(v1_layout(), Json::parse(R"({"memory":{"limit":"1g"}})")),
                ElementsAre(HasSubstr("linux.resources.memory.limit: expected a whole number")));
    EXPECT_THAT(writes(v1_layout(), Json::parse(R"({"pids":7})")),
                ElementsAre(HasSubstr("linux.resources.pids")));
    EXPECT_THAT(writes(CgroupLayout(), Json::parse(R"({"pids":{"limit":7}})")),
                ElementsAre(HasSubstr("no pids cgroup controller")));
}

TEST(CgroupPath, IsMadeRelativeAndCannotClimb) {
    EXPECT_EQ(clean_path("/ecs//task/one/").value(), "ecs/task/one");
    for (const auto* path : {"", "/", "..", "a/../b", "a/./b"}) EXPECT_FALSE(clean_path(path)) << path;
}

std::vector<std::string> lines(const char* json) {
    const auto rules = device_rules(Json::parse(json));
    if (!rules) return {"error: " + rules.error().message()};
    std::vector<std::string> result;
    for (const auto& rule : *rules) result.push_back((rule.allow ? "allow " : "deny ") + to_line(rule));
    return result;
}

TEST(DeviceRules, KeepTheirOrderFromTheLastRuleForEverything) {
    EXPECT_THAT(lines(R"({"devices":[{"allow":true,"type":"c","major":9,"minor":9,"access":"r"},
                          {"allow":false,"access":"rwm"},
                          {"allow":true,"type":"c","major":1,"minor":3,"access":"rw"},
                          {"allow":true,"type":"b","major":-1}]})"),
                ElementsAre("deny a", "allow c 1:3 rw", "allow b *:* rwm"));
    EXPECT_THAT(lines(R"({"devices":[{"allow":true,"type":"a","access":"m"}]})"),
                ElementsAre("allow b *:* m", "allow c *:* m"));
    EXPECT_THAT(lines("{}"), ElementsAre());
}

TEST(DeviceRules, ErrorsNameTheField) {
    EXPECT_THAT(lines(R"({"devices":[{"type":"x"}]})"),
                ElementsAre(HasSubstr("linux.resources.devices[0].type")));
    EXPECT_THAT(lines(R"({"devices":[{"type":"c","access":"x"}]})"),
                ElementsAre(HasSubstr("devices[0].access")));
    EXPECT_THAT(lines(R"({"devices":[{"type":"c","major":-2}]})"),
                ElementsAre(HasSubstr("devices[0].major")));
    EXPECT_THAT(lines(R"({"devices":[{"type":"c","minor":1048576}]})"),
                ElementsAre(HasSubstr("devices[0].minor")));
}

} // namespace
} // namespace berth::runtime
