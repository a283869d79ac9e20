// StopSignal: what waits can be cut short by, once and for all.
#pragma once

#include "berth/base/async.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>
#include <variant>

namespace berth::control {

class StopSignal {
  public:
    explicit StopSignal(const Executor& executor) : timer_(executor, Deadline::max()) {}
    void raise() {
        raised_ = true;
        timer_.cancel();
    }
    bool raised() const { return raised_; }
    Async<void> wait() {
        if (!raised_) co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    }

  private:
    asio::steady_timer timer_;
    bool raised_ = false;
};

// The work's result, or ErrorCode::cancelled when the signal comes first; the work has then ended.
template <class T>
Async<Result<T>> or_stopped(StopSignal* stop, Async<Result<T>> work) {
    using namespace asio::experimental::awaitable_operators;
    if (stop->raised()) co_return fail(ErrorCode::cancelled, "stopping");
    auto first = co_await (std::move(work) || stop->wait());
    if (first.index() == 1) co_return fail(ErrorCode::cancelled, "stopping");
    co_return std::move(std::get<0>(first));
}

} // namespace berth::control
