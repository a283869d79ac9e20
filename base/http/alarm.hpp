// Alarm: calls back when a deadline passes. Moving the deadline later, or clearing it, costs no system call:
// a wait that is already running is left alone and looks again when it ends.
#pragma once

#include "berth/base/async.hpp"

#include <functional>
#include <memory>

namespace berth::http {

class Alarm {
  public:
    Alarm(const Executor& executor, std::function<void()> ring);
    Alarm(const Alarm&) = delete;
    Alarm& operator=(const Alarm&) = delete;
    ~Alarm();

    // Deadline::max() is none.
    void set(Deadline deadline);
    void clear();
    // Ends the running wait too, which would keep the event loop busy.
    void disarm();

  private:
    struct State;
    static void wait(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

} // namespace berth::http
