// Waiting for one another on the event loop: an event that happens once, and a fixed number of slots.
//
// For the loop's thread only. Both may be destroyed while somebody waits only when the loop is gone.
#pragma once

#include "berth/base/async.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <deque>
#include <memory>
#include <utility>

namespace berth::images {

class Event {
  public:
    explicit Event(const Executor& executor) : timer_(executor, Deadline::max()) {}
    void set() {
        happened_ = true;
        timer_.cancel();
    }
    bool happened() const { return happened_; }
    // Returns early when the waiting coroutine is cancelled.
    Async<void> wait() {
        if (!happened_) co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    }

  private:
    asio::steady_timer timer_;
    bool happened_ = false;
};

// At most so many at once; first come, first served.
class Slots {
    struct State;

  public:
    Slots(Executor executor, int count) : state_(std::make_shared<State>(std::move(executor), count)) {}

    class Slot {
      public:
        explicit Slot(std::shared_ptr<State> state) : state_(std::move(state)) {}
        Slot(Slot&&) noexcept = default;
        Slot& operator=(Slot&&) = delete;
        ~Slot() {
            if (state_) state_->release();
        }

      private:
        std::shared_ptr<State> state_;
    };

    Async<Slot> acquire() {
        auto state = state_;
        if (state->free > 0) {
            --state->free;
            co_return Slot(std::move(state));
        }
        auto turn = std::make_shared<Event>(state->executor);
        state->waiting.push_back(turn);
        co_await turn->wait(); // whoever sets it hands its slot over
        co_return Slot(std::move(state));
    }

  private:
    struct State {
        State(Executor executor_, int count) : executor(std::move(executor_)), free(count) {}
        void release() {
            if (waiting.empty()) {
                ++free;
                return;
            }
            waiting.front()->set();
            waiting.pop_front();
        }
        Executor executor;
        int free;
        std::deque<std::shared_ptr<Event>> waiting;
    };
    std::shared_ptr<State> state_;
};

} // namespace berth::images
