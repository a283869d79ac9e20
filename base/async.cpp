// Coroutine helpers: offloading, timers, descriptors, detached work with an owner for its errors.
#include "berth/base/async.hpp"

#include "berth/base/scope_exit.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>

namespace berth {

namespace {
constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
}

Async<void> run_on_pool(Pool& pool, std::function<void()> work) {
    // Work on the pool cannot be cancelled half-way: the caller waits for it even when it is being cancelled.
    auto initiate = [&pool, work = std::move(work)](auto handler) mutable {
        auto executor = asio::get_associated_executor(handler);
        auto job = [work = std::move(work), handler = std::move(handler),
                    executor = asio::prefer(executor, asio::execution::outstanding_work.tracked)]() mutable {
            work();
            asio::post(executor, [handler = std::move(handler)]() mutable { std::move(handler)(); });
        };
        asio::post(pool, std::move(job));
    };
    co_await asio::async_initiate<decltype(asio::use_awaitable), void()>(std::move(initiate),
                                                                         asio::use_awaitable);
}

Async<Status> sleep_until(Deadline moment) {
    asio::steady_timer timer(co_await asio::this_coro::executor, moment);
    const auto [error] = co_await timer.async_wait(kTuple);
    if (error) co_return fail(ErrorCode::cancelled, "waiting was cancelled");
    co_return Status{};
}

Async<Status> wait_readable(int fd, Deadline deadline) {
    using namespace asio::experimental::awaitable_operators;
    const auto executor = co_await asio::this_coro::executor;
    asio::posix::stream_descriptor descriptor(executor, fd);
    ScopeExit give_back([&] { descriptor.release(); });
    if (deadline == Deadline::max()) {
        const auto [error] =
            co_await descriptor.async_wait(asio::posix::stream_descriptor::wait_read, kTuple);
        if (error) co_return fail(ErrorCode::cancelled, "waiting for descriptor {}: {}", fd, error.message());
        co_return Status{};
    }
    asio::steady_timer timer(executor, deadline);
    auto readable = descriptor.async_wait(asio::posix::stream_descriptor::wait_read, kTuple);
    auto late = timer.async_wait(kTuple);
    const auto first = co_await (std::move(readable) || std::move(late));
    if (first.index() == 1) {
        if (std::get<0>(std::get<1>(first))) co_return fail(ErrorCode::cancelled, "waiting was cancelled");
        co_return fail(ErrorCode::timeout, "the deadline passed");
    }
    if (const auto& [error] = std::get<0>(first); error)
        co_return fail(ErrorCode::cancelled, "waiting for descriptor {}: {}", fd, error.message());
    co_return Status{};
}

void spawn(Executor executor, Async<void> work, std::function<void(std::string)> on_error) {
    auto finished = [on_error = std::move(on_error)](const std::exception_ptr& problem) {
        if (!problem || !on_error) return;
        try {
            std::rethrow_exception(problem);
        } catch (const std::exception& e) {
            on_error(e.what());
        } catch (...) {
            on_error("unknown exception");
        }
    };
    asio::co_spawn(executor, std::move(work), std::move(finished));
}

} // namespace berth
