// The coroutine type of the tree, and how blocking work leaves the event loop.
//
// There is one io_context, run by one thread; every coroutine lives there. What blocks or burns CPU runs on
// the Pool and comes back by offload(). Parameters of coroutines are values: a reference may dangle after
// the first suspension.
#pragma once

#include "berth/base/result.hpp"
#include "berth/base/time.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>

namespace berth {

namespace asio = boost::asio;

template <class T>
using Async = asio::awaitable<T>;
using Executor = asio::any_io_executor;
using Pool = asio::thread_pool;

// Runs `work` on the pool, resumes the caller on its own executor. `work` must not throw.
Async<void> run_on_pool(Pool& pool, std::function<void()> work);

template <class F>
Async<std::invoke_result_t<F>> offload(Pool& pool, F work) {
    using Value = std::invoke_result_t<F>;
    if constexpr (std::is_void_v<Value>) {
        co_await run_on_pool(pool, std::move(work));
    } else {
        auto slot = std::make_shared<std::optional<Value>>();
        auto fill = [slot, work = std::move(work)]() mutable { slot->emplace(work()); };
        co_await run_on_pool(pool, std::move(fill));
        co_return std::move(**slot);
    }
}

// Waits until the moment, or until cancelled (then the result is cancelled).
Async<Status> sleep_until(Deadline moment);
// Waits until the descriptor (pidfd, eventfd, inotify …) is readable. The descriptor stays the caller's.
Async<Status> wait_readable(int fd, Deadline deadline);

// Starts a coroutine that nobody waits for. What it throws is logged by `on_error` and swallowed.
void spawn(Executor executor, Async<void> work, std::function<void(std::string)> on_error);

} // namespace berth
