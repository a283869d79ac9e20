// inotify on log directories.
#include "agent/logs/spool_watch.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <set>
#include <string_view>

namespace berth::logs {
namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr auto kGather = std::chrono::milliseconds(100);

} // namespace

struct SpoolWatch::State {
    State(const Executor& executor, int fd, OnGrowth callback)
        : inotify(executor, fd), timer(executor), on_growth(std::move(callback)) {}
    asio::posix::stream_descriptor inotify; // owns it
    asio::steady_timer timer;
    OnGrowth on_growth;
    bool ended = false;
};

Result<SpoolWatch> SpoolWatch::open(Executor executor, OnGrowth on_growth) {
    UniqueFd fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!fd) return fail_errno(errno, "inotify");
    auto state = std::make_shared<State>(executor, fd.get(), std::move(on_growth));
    static_cast<void>(fd.release());
    spawn(std::move(executor), run(state), {});
    return SpoolWatch(std::move(state));
}

SpoolWatch::~SpoolWatch() {
    if (!state_) return;
    state_->ended = true;
    state_->inotify.close();
    state_->timer.cancel();
}

Result<int> SpoolWatch::add(const fs::path& log_directory) {
    const int watch =
        ::inotify_add_watch(state_->inotify.native_handle(), log_directory.c_str(), IN_MODIFY | IN_CREATE);
    if (watch < 0) return fail_errno(errno, "watching {}", log_directory.string());
    return watch;
}

void SpoolWatch::remove(int watch) { ::inotify_rm_watch(state_->inotify.native_handle(), watch); }

void SpoolWatch::report(State& state) {
    std::set<int> grown;
    alignas(inotify_event) std::array<char, 16384> buffer;
    for (;;) {
        const auto got = ::read(state.inotify.native_handle(), buffer.data(), buffer.size());
        if (got <= 0) break; // nothing more
        for (const char* at = buffer.data(); at < buffer.data() + got;) {
            const auto* event = reinterpret_cast<const inotify_event*>(at);
            const std::string_view name(event->len > 0 ? event->name : "");
            // Our own file lies there too.
            if (name.ends_with(".log") || event->mask & IN_Q_OVERFLOW) grown.insert(event->wd);
            at += sizeof(inotify_event) + event->len;
        }
    }
    for (const int watch : grown) state.on_growth(watch);
}

Async<void> SpoolWatch::run(std::shared_ptr<State> state) {
    for (;;) {
        const auto [error] =
            co_await state->inotify.async_wait(asio::posix::stream_descriptor::wait_read, kTuple);
        if (error || state->ended) co_return;
        state->timer.expires_after(kGather);
        co_await state->timer.async_wait(kTuple);
        if (state->ended) co_return;
        report(*state);
    }
}

} // namespace berth::logs
