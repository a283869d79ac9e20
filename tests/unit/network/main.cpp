// The tests of this room run in a network namespace of their own, so the machine's links and rules are never
// touched and every run begins with nothing.
#include "agent/network/links.hpp"

#include <gtest/gtest.h>

#include <sched.h>

#include <cstdio>

int main(int argc, char** argv) {
    ::testing::InitGoogleTest(&argc, argv);
    if (::unshare(CLONE_NEWNET) != 0) {
        std::perror("these tests need root: unshare(CLONE_NEWNET)");
        return 1;
    }
    auto links = berth::network::Links::open();
    if (!links || !links->bring_up_loopback()) return 1;
    return RUN_ALL_TESTS();
}
