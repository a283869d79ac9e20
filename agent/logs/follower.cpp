// The loop of one container's logs: read, join, send, remember.
#include "agent/logs/follower.hpp"

#include "berth/base/scope_exit.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <optional>

namespace berth::logs {
namespace {

// One read makes one batch: in this much of a spool there are fewer than 10,000 records, and even if each
// byte of it has to be replaced by three it stays under a mebibyte.
constexpr std::size_t kReadBytes = 256 << 10;
// Batches that are not full go this far apart.
constexpr auto kInterval = std::chrono::seconds(1);
constexpr aws::BackoffPolicy kBackoff{
    .first = std::chrono::seconds(1), .factor = 2, .max = std::chrono::seconds(32)};

} // namespace

Follower::Follower(Executor executor, Pool& pool, Log log, fs::path directory, LogStream stream)
    : executor_(executor), pool_(&pool), log_(std::move(log)), directory_(std::move(directory)),
      stream_(std::move(stream)), backoff_(kBackoff, aws::system_random()), timer_(std::move(executor)) {}

void Follower::start() {
    const auto broken = [self = shared_from_this()](const std::string& what) {
        self->status_.last_error = what;
        self->log_.error("log forwarding ended", {{"error", what}});
    };
    spawn(executor_, run(shared_from_this()), broken);
}

void Follower::wake() {
    grown_ = true;
    timer_.cancel();
}

void Follower::finish() {
    ended_ = true;
    timer_.cancel();
}

void Follower::drop() {
    dropped_ = true;
    end();
}

void Follower::end() {
    timer_.cancel();
    for (auto* waiting : waiting_) waiting->cancel();
}

Async<Status> Follower::drained(Deadline deadline) {
    const auto self = shared_from_this();
    asio::steady_timer timer(executor_, deadline);
    waiting_.insert(&timer);
    ScopeExit leave([&] { waiting_.erase(&timer); });
    if (!status_.drained && !dropped_) co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (status_.drained || dropped_) co_return Status{};
    co_return fail(ErrorCode::timeout, "log lines are not delivered yet{}{}",
                   status_.last_error.empty() ? "" : ": ", status_.last_error);
}

Async<void> Follower::pause(Deadline until) {
    timer_.expires_at(until);
    co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
}

Async<void> Follower::run(std::shared_ptr<Follower> self) { co_await self->follow(); }

Async<void> Follower::load() {
    const auto work = [directory = directory_] { return load_progress(directory); };
    auto loaded = co_await offload(*pool_, work);
    if (!loaded) {
        log_.warn("the position of log forwarding is unreadable; lines may be sent twice",
                  {{"error", loaded.error().message()}});
        co_return;
    }
    if (loaded->position != runtime::SpoolPosition{}) stream_.assume_created();
    joiner_ = LineJoiner(loaded->pending);
    progress_ = std::move(*loaded);
}

Async<void> Follower::follow() {
    co_await load();
    Deadline next_batch = Deadline::min();
    while (!dropped_) {
        while (!grown_ && !ended_ && !dropped_) {
            const auto until = deadline_in(longest_wait_);
            co_await pause(until);
            grown_ = grown_ || std::chrono::steady_clock::now() >= until;
        }
        while (!ended_ && !dropped_ && std::chrono::steady_clock::now() < next_batch)
            co_await pause(next_batch);
        const auto sent_before = status_.lines_sent;
        while (!dropped_ && co_await read_on()) {
        }
        if (status_.lines_sent != sent_before) next_batch = deadline_in(kInterval);
        if (status_.drained) break;
    }
    end();
}

Async<bool> Follower::read_on() {
    grown_ = false;
    const bool last = ended_; // known before the read: then what is read is all there will ever be
    const auto read = [directory = directory_, from = progress_.position] {
        return runtime::read_spool(directory, from, kReadBytes);
    };
    auto batch = co_await offload(*pool_, read);
    if (dropped_) co_return false;
    if (!batch) {
        note_error(batch.error());
        const auto again = deadline_in(backoff_.next());
        while (!dropped_ && std::chrono::steady_clock::now() < again) co_await pause(again);
        co_return true;
    }
    std::vector<LogEvent> events;
    if (batch->lost_segments > 0) {
        const auto when = batch->lines.empty() ? now() : batch->lines.front().time;
        note_lost(batch->lost_segments, when, events);
    }
    joiner_.add(std::move(batch->lines), events);
    if (last && !batch->more) joiner_.finish(events);
    co_await deliver(std::move(events));
    if (dropped_) co_return false;

    Progress reached{.position = batch->next, .pending = joiner_.pending()};
    if (reached != progress_) {
        progress_ = std::move(reached);
        const auto save = [directory = directory_, progress = progress_] {
            return save_progress(directory, progress);
        };
        if (const auto saved = co_await offload(*pool_, save); !saved)
            log_.warn("the position of log forwarding is not saved; lines may be sent twice",
                      {{"error", saved.error().message()}});
    }
    if (last && !batch->more) status_.drained = true;
    co_return batch->more;
}

Async<void> Follower::deliver(std::vector<LogEvent> events) {
    for (auto& batch : make_batches(std::move(events))) {
        if (dropped_) co_return;
        co_await deliver_batch(std::move(batch));
    }
}

Async<void> Follower::deliver_batch(std::vector<LogEvent> batch) {
    while (!dropped_) {
        const auto delivered = co_await stream_.put(batch);
        if (delivered) {
            if (!status_.last_error.empty()) log_.info("log forwarding goes on", {});
            if (delivered->refused > 0)
                log_.warn("the log service refused lines that are too old or too new for it",
                          {{"lines", delivered->refused}});
            status_.lines_sent += delivered->events;
            status_.bytes_sent += delivered->bytes;
            status_.last_error.clear();
            backoff_.reset();
            co_return;
        }
        note_error(delivered.error());
        if (delivered.error().code() == ErrorCode::invalid) {
            log_.error("log lines are dropped, for the log service will never take them",
                       {{"lines", batch.size()}, {"error", delivered.error().message()}});
            co_return;
        }
        const auto again = deadline_in(backoff_.next());
        while (!dropped_ && std::chrono::steady_clock::now() < again) co_await pause(again);
    }
}

void Follower::note_lost(std::uint32_t segments, Time when, std::vector<LogEvent>& events) {
    status_.lost_segments += segments;
    const auto said = fmt::format(
        "[berth: {} segments of this container's log were rotated away before they could be sent]", segments);
    log_.warn("log segments were rotated away before they could be sent", {{"segments", segments}});
    // What was begun before the gap does not go on after it.
    joiner_.finish(events);
    events.push_back({to_milliseconds(when), said});
}

void Follower::note_error(const Error& error) {
    if (status_.last_error == error.message()) return;
    status_.last_error = error.message();
    log_.warn("log lines cannot be delivered; this is tried again", {{"error", error.message()}});
}

} // namespace berth::logs
