// Follows the spool of one container and delivers what it says.
#pragma once

#include "berth/aws/backoff.hpp"
#include "berth/logs/forwarder.hpp"

#include "agent/logs/log_stream.hpp"
#include "agent/logs/progress.hpp"

#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <set>

namespace berth::logs {

// Event loop only. Lives on until its work ends, even when its owner lets go of it after drop().
class Follower : public std::enable_shared_from_this<Follower> {
  public:
    Follower(Executor executor, Pool& pool, Log log, fs::path directory, LogStream stream);

    void start();
    void wake(); // the spool has grown
    // Without anybody who calls wake(), it looks by itself every second.
    void look_by_itself() { longest_wait_ = std::chrono::seconds(1); }
    void finish(); // the spool will not grow any more
    void drop();   // end at once, touch no file any more
    const ForwardStatus& status() const { return status_; }
    Async<Status> drained(Deadline deadline);

  private:
    static Async<void> run(std::shared_ptr<Follower> self);
    Async<void> follow();
    Async<bool> read_on();                             // false: everything is delivered
    Async<void> deliver(std::vector<LogEvent> events); // until it is, or dropped
    Async<void> deliver_batch(std::vector<LogEvent> batch);
    Async<void> pause(Deadline until); // or until something happens
    Async<void> load();
    void note_lost(std::uint32_t segments, Time when, std::vector<LogEvent>& events);
    void note_error(const Error& error);
    void end();

    Executor executor_;
    Pool* pool_;
    Log log_;
    fs::path directory_;
    LogStream stream_;
    Progress progress_;
    LineJoiner joiner_;
    aws::Backoff backoff_;
    ForwardStatus status_;
    asio::steady_timer timer_;
    std::set<asio::steady_timer*> waiting_; // in drained()
    std::chrono::nanoseconds longest_wait_ = std::chrono::hours(24);
    bool grown_ = true, ended_ = false, dropped_ = false;
};

} // namespace berth::logs
