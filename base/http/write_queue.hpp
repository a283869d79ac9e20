// WriteQueue: lets one coroutine at a time through, in the order they came.
#pragma once

#include "berth/base/async.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <list>

namespace berth::http {

class WriteQueue {
  public:
    // Holds the turn until destroyed.
    class [[nodiscard]] Turn {
      public:
        explicit Turn(WriteQueue& queue) : queue_(&queue) {}
        Turn(Turn&& other) noexcept : queue_(std::exchange(other.queue_, nullptr)) {}
        Turn& operator=(Turn&&) = delete;
        ~Turn() {
            if (queue_ != nullptr) queue_->pass_on();
        }

      private:
        WriteQueue* queue_;
    };

    Async<Result<Turn>> take(Executor executor, Deadline deadline) {
        if (!std::exchange(busy_, true)) co_return Turn(*this);
        auto place = waiting_.emplace(waiting_.end(), executor, deadline);
        const auto [error] = co_await place->timer.async_wait(asio::as_tuple(asio::use_awaitable));
        const bool granted = place->granted;
        waiting_.erase(place);
        if (granted) co_return Turn(*this);
        if (error) co_return fail(ErrorCode::cancelled, "cancelled while waiting for other writers");
        co_return fail(ErrorCode::timeout, "timed out while waiting for other writers");
    }

  private:
    struct Place {
        Place(const Executor& executor, Deadline deadline) : timer(executor, deadline) {}
        asio::steady_timer timer;
        bool granted = false;
    };
    void pass_on() {
        for (Place& place : waiting_)
            if (!place.granted) {
                place.granted = true;
                place.timer.cancel();
                return;
            }
        busy_ = false;
    }

    bool busy_ = false;
    std::list<Place> waiting_;
};

} // namespace berth::http
