// Reading spools and writing them to stdout and stderr.
#include "agent/cli/log_printer.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <deque>

namespace berth::cli {

namespace {
constexpr std::size_t kBatchBytes = 1 << 20;
}

void LogPrinter::print(Followed& from, const runtime::SpoolLine& line) const {
    std::FILE* to = line.is_stderr ? stderr : stdout;
    if (!from.mid_line) {
        if (timestamps_) fmt::print(to, "{} ", to_rfc3339(line.time));
        if (!from.source.prefix.empty()) fmt::print(to, "{}", from.source.prefix);
    }
    std::fwrite(line.text.data(), 1, line.text.size(), to);
    if (!line.partial) std::fputc('\n', to);
    from.mid_line = line.partial;
}

Status LogPrinter::skip_to_tail(std::uint64_t lines) {
    for (auto& source : sources_) {
        std::deque<runtime::SpoolLine> last;
        for (bool more = true; more;) {
            auto batch = runtime::read_spool(source.source.directory, source.position, kBatchBytes);
            if (!batch) return std::unexpected(std::move(batch.error()));
            for (auto& line : batch->lines) {
                last.push_back(std::move(line));
                if (last.size() > lines) last.pop_front();
            }
            source.position = batch->next;
            more = batch->more;
        }
        for (const auto& line : last) print(source, line);
    }
    return {};
}

Status LogPrinter::print_new() {
    for (auto& source : sources_) {
        for (bool more = true; more;) {
            auto batch = runtime::read_spool(source.source.directory, source.position, kBatchBytes);
            if (!batch && batch.error().code() == ErrorCode::not_found) break; // not made yet, or removed
            if (!batch) return std::unexpected(std::move(batch.error()));
            if (batch->lost_segments > 0)
                fmt::print(stderr, "berth: {} log segments were rotated away unread\n", batch->lost_segments);
            for (const auto& line : batch->lines) print(source, line);
            source.position = batch->next;
            more = batch->more;
        }
    }
    std::fflush(stdout);
    return {};
}

Async<Status> LogPrinter::follow() {
    const UniqueFd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!watch) co_return fail_errno(errno, "inotify");
    for (const auto& source : sources_)
        if (::inotify_add_watch(watch.get(), source.source.directory.c_str(), IN_MODIFY | IN_CREATE) < 0)
            co_return fail_errno(errno, "watching {}", source.source.directory.string());
    for (;;) {
        if (auto printed = print_new(); !printed) co_return printed;
        if (auto changed = co_await wait_readable(watch.get(), Deadline::max()); !changed) co_return changed;
        std::array<char, 4096> events;
        while (::read(watch.get(), events.data(), events.size()) > 0) {
        } // what changed is found by reading on
    }
}

} // namespace berth::cli
