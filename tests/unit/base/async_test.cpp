// Offloading, timers and descriptors on a real event loop.
#include "berth/base/async.hpp"
#include "berth/base/unique_fd.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <sys/eventfd.h>
#include <unistd.h>

#include <thread>

namespace berth {
namespace {

TEST(Async, OffloadRunsElsewhereAndComesBack) {
    asio::io_context loop;
    Pool pool(1);
    std::thread::id ran_on, resumed_on;
    int value = 0;
    auto work = [&]() -> Async<void> {
        value = co_await offload(pool, [&] {
            ran_on = std::this_thread::get_id();
            return 42;
        });
        resumed_on = std::this_thread::get_id();
    };
    asio::co_spawn(loop, work, asio::detached);
    loop.run();
    EXPECT_EQ(value, 42);
    EXPECT_NE(ran_on, std::this_thread::get_id());
    EXPECT_EQ(resumed_on, std::this_thread::get_id());
}

TEST(Async, WaitReadableSeesDataAndDeadline) {
    asio::io_context loop;
    UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    Status late, ready;
    auto work = [&]() -> Async<void> {
        late = co_await wait_readable(event.get(), deadline_in(std::chrono::milliseconds(5)));
        const std::uint64_t one = 1;
        EXPECT_EQ(::write(event.get(), &one, sizeof one), 8);
        ready = co_await wait_readable(event.get(), deadline_in(std::chrono::seconds(30)));
    };
    asio::co_spawn(loop, work, asio::detached);
    loop.run();
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code(), ErrorCode::timeout);
    EXPECT_TRUE(ready);
    EXPECT_TRUE(event) << "the descriptor stays the caller's";
}

TEST(Async, SpawnReportsExceptions) {
    asio::io_context loop;
    std::string problem;
    auto work = []() -> Async<void> {
        throw std::runtime_error("broken");
        co_return;
    };
    spawn(loop.get_executor(), work(), [&](std::string text) { problem = std::move(text); });
    loop.run();
    EXPECT_EQ(problem, "broken");
}

} // namespace
} // namespace berth
