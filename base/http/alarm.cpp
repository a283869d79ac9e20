// Alarm over one steady_timer, armed at most as often as it rings.
#include "base/http/alarm.hpp"

#include <boost/asio/steady_timer.hpp>

namespace berth::http {

struct Alarm::State {
    State(const Executor& executor, std::function<void()> ring_) : timer(executor), ring(std::move(ring_)) {}
    asio::steady_timer timer;
    std::function<void()> ring;
    Deadline deadline = Deadline::max();
    bool waiting = false;
};

Alarm::Alarm(const Executor& executor, std::function<void()> ring)
    : state_(std::make_shared<State>(executor, std::move(ring))) {}

Alarm::~Alarm() {
    state_->ring = nullptr;
    disarm();
}

void Alarm::set(Deadline deadline) {
    state_->deadline = deadline;
    if (deadline != Deadline::max() && (!state_->waiting || state_->timer.expiry() > deadline)) wait(state_);
}

void Alarm::clear() { state_->deadline = Deadline::max(); }

void Alarm::disarm() {
    clear();
    if (std::exchange(state_->waiting, false)) state_->timer.cancel();
}

void Alarm::wait(std::shared_ptr<State> state) {
    state->waiting = true;
    state->timer.expires_at(state->deadline);
    state->timer.async_wait([state](const boost::system::error_code& error) {
        if (error) return; // set or disarmed anew
        state->waiting = false;
        if (state->deadline == Deadline::max() || !state->ring) return;
        if (std::chrono::steady_clock::now() < state->deadline) return wait(state);
        state->deadline = Deadline::max();
        state->ring();
    });
}

} // namespace berth::http
