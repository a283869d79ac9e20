// The host's resources: first come, first served, and everybody is told what they wait for.
#include "tests/unit/engine/scenario.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::engine {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TaskSpec large(const std::string& id, std::int64_t cpu, std::int64_t memory_mib) {
    auto app = container("app");
    app.cpu_units = cpu;
    app.memory_bytes = memory_mib << 20;
    return task(id, {app});
}

TaskSpec with_port(const std::string& id, std::uint16_t port, Protocol protocol = Protocol::tcp) {
    auto app = container("app");
    app.ports = {{80, port, protocol}};
    return task(id, {app});
}

void end(Scenario& s, const std::string& id) {
    s.current = id;
    s.exited("app", 0);
}

void up(Scenario& s, const std::string& id) {
    s.current = id;
    s.bring_up("app");
}

TEST(Admission, ATaskThatDoesNotFitIsAcknowledgedAndWaitsWithAReason) {
    Scenario s;
    s.run({large("t1", 4000, 64)});
    EXPECT_THAT(s.run({large("t2", 200, 64)}), ElementsAre("Acknowledge m complete"));
    EXPECT_FALSE(s.task("t2").admitted);
    EXPECT_EQ(s.task("t2").waiting_for, "waits for 200 CPU units (of 4096, 4000 are in use)");
    EXPECT_EQ(s.task("t2").waiting_since, s.now);
    EXPECT_THAT(explain(s.state, arn("t2")), HasSubstr("waits for 200 CPU units"));
}

TEST(Admission, TheNextIsLetInWhenATaskEnds) {
    Scenario s;
    s.run({large("t1", 64, 2000)});
    s.run({large("t2", 64, 100)});
    EXPECT_EQ(s.task("t2").waiting_for, "waits for 100 MiB of memory (of 2048, 2000 are in use)");
    up(s, "t1");
    EXPECT_THAT(s.exited("app", 0), Contains("Pull app"));
    EXPECT_TRUE(s.task("t2").admitted);
}

TEST(Admission, NobodyOvertakesTheHead) {
    Scenario s;
    s.run({large("t1", 64, 2000)});
    s.run({large("t2", 64, 1000)});
    s.run({large("t3", 64, 10)});
    EXPECT_FALSE(s.task("t3").admitted);
    EXPECT_EQ(s.task("t3").waiting_for,
              "waits behind task t2, which waits for 1000 MiB of memory (of 2048, 2000 are in use)");
    up(s, "t1");
    end(s, "t1");
    EXPECT_TRUE(s.task("t2").admitted);
    EXPECT_TRUE(s.task("t3").admitted);
}

TEST(Admission, AStopLetsAQueuedTaskThrough) {
    Scenario s;
    s.run({large("t1", 64, 2000)});
    s.run({large("t2", 64, 1000)});
    s.run({large("t3", 64, 10)});
    EXPECT_THAT(s.stop("t2"), Contains("Report STOPPED app=STOPPED"));
    EXPECT_TRUE(s.task("t3").admitted);
    EXPECT_THAT(s.state.queue, testing::IsEmpty());
}

TEST(Admission, TaskLimitsCountInsteadOfTheContainers) {
    Scenario s;
    auto spec = large("t1", 64, 64);
    spec.cpu = 3.5;
    spec.memory_mib = 2000;
    s.run({spec});
    s.run({large("t2", 600, 64)});
    EXPECT_EQ(s.task("t2").waiting_for, "waits for 600 CPU units (of 4096, 3584 are in use) and 64 MiB of "
                                        "memory (of 2048, 2000 are in use)");
}

TEST(Admission, TheReservationCountsInsteadOfTheLimit) {
    Scenario s;
    auto spec = large("t1", 64, 2000);
    spec.containers[0].memory_reservation_bytes = std::int64_t{100} << 20;
    s.run({spec});
    s.run({large("t2", 64, 1900)});
    EXPECT_TRUE(s.task("t2").admitted);
}

TEST(Admission, AFixedPortIsHeldByOneTask) {
    Scenario s;
    s.run({with_port("t1", 8080)});
    s.run({with_port("t2", 8080, Protocol::udp)});
    s.run({with_port("t3", 8080)});
    EXPECT_TRUE(s.task("t2").admitted);
    EXPECT_EQ(s.task("t3").waiting_for, "waits for host port 8080/tcp, which task t1 has");
    up(s, "t1");
    end(s, "t1");
    EXPECT_TRUE(s.task("t3").admitted);
}

TEST(Admission, DynamicPortsNeedNoAdmission) {
    Scenario s;
    s.run({with_port("t1", 0), with_port("t2", 0)});
    EXPECT_TRUE(s.task("t2").admitted);
}

TEST(Admission, WhatTheHostCannotEverGiveIsRefusedAndDoesNotBlock) {
    Scenario s;
    EXPECT_THAT(
        s.run({large("t1", 64, 4096), with_port("t2", 22), large("t3", 5000, 64), large("t4", 64, 64)}),
        ElementsAre("Acknowledge m complete", "Arm cleanup 10800s", "Report STOPPED app=STOPPED",
                    "Arm cleanup 10800s", "Report STOPPED app=STOPPED", "Arm cleanup 10800s",
                    "Report STOPPED app=STOPPED", "Pull app"));
    EXPECT_EQ(s.task("t1").reason, "ResourceInitializationError: the task needs 4096 MiB of memory, but the "
                                   "host has 2048 for tasks");
    EXPECT_THAT(s.task("t2").reason, HasSubstr("host port 22/tcp, which is reserved"));
    EXPECT_THAT(s.task("t3").reason, HasSubstr("5000 CPU units, but the host has 4096"));
    EXPECT_TRUE(s.task("t4").admitted);
}

TEST(Admission, SurvivesARestartInOrder) {
    Scenario s;
    s.run({large("zz", 64, 2000)});
    s.run({large("t2", 64, 1000), large("t1", 64, 1000)});
    s.crash();
    for (const auto* id : {"zz", "t1", "t2"}) {
        s.current = id;
        s.recovered("app", Recovered::What::never_started);
    }
    EXPECT_THAT(s.feed(RecoveryDone{}), ElementsAre("Pull app"));
    EXPECT_THAT(s.state.queue, ElementsAre(arn("t2"), arn("t1")));
    EXPECT_TRUE(s.task("zz").admitted);
}

} // namespace
} // namespace berth::engine
