// Writing a log spool: CRI records, batches, rotation, and what happens when the disk is full.
#include "runtime/shim/spool_writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace berth::runtime {

namespace {

using SegmentName = std::array<char, 16>;

SegmentName segment_name_buffer(std::uint32_t number) {
    SegmentName name = {};
    fmt::format_to_n(name.data(), name.size() - 1, "{:08}.log", number);
    return name;
}

} // namespace

SpoolWriter::SpoolWriter(fs::path directory)
    : directory_(std::move(directory)),
      // Not initialized: memory that is not needed is never touched.
      batch_(std::make_unique_for_overwrite<char[]>(kBatch)) {}

Result<SpoolWriter> SpoolWriter::open(fs::path directory) {
    if (auto made = make_directories(directory, 0700); !made) return fail(std::move(made.error()));
    auto fd = open_file(directory, O_RDONLY | O_DIRECTORY);
    const auto old = list_segments(directory);
    if (!fd || !old) return fail(fd ? old.error() : fd.error());
    SpoolWriter writer(std::move(directory));
    writer.directory_fd_ = std::move(*fd);
    if (auto begun = writer.begin_segment(old->empty() ? 1 : old->back() + 1); !begun)
        return fail(std::move(begun.error()));
    return writer;
}

void SpoolWriter::set_limits(std::uint64_t segment_bytes, int segments) {
    segment_bytes_ = segment_bytes;
    segments_ = static_cast<std::uint32_t>(std::max(segments, 1));
}

Status SpoolWriter::begin_segment(std::uint32_t number) {
    const auto name = segment_name_buffer(number);
    UniqueFd fd(
        ::openat(directory_fd_.get(), name.data(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600));
    if (!fd) return fail_errno(errno, "making the log segment {}/{}", directory_, name.data());
    segment_ = std::move(fd);
    number_ = number;
    written_ = 0;
    if (number > segments_)
        ::unlinkat(directory_fd_.get(), segment_name_buffer(number - segments_).data(), 0);
    return {};
}

void SpoolWriter::add(bool is_stderr, bool partial, std::string_view text, Time time) {
    if (lost_bytes_ != 0) {
        // Says it before the first line that can be written again; if this is lost, too, it is said again.
        std::array<char, 160> note = {};
        const auto end = fmt::format_to_n(note.data(), note.size(),
                                          "[berth: {} bytes of this container's log are lost: {}]",
                                          lost_bytes_, strerrordesc_np(lost_reason_));
        const auto lost = std::exchange(lost_bytes_, 0);
        append(true, false, {note.data(), std::min(end.size, note.size())}, time);
        flush();
        if (lost_bytes_ != 0) {
            lost_bytes_ = lost + text.size();
            return;
        }
    }
    append(is_stderr, partial, text, time);
}

void SpoolWriter::append(bool is_stderr, bool partial, std::string_view text, Time time) {
    const auto size = kSpoolHeader + text.size() + 1;
    if (kBatch - used_ < size) flush();
    if (written_ + used_ != 0 && written_ + used_ + size > segment_bytes_) {
        flush();
        // Without a new segment (a full disk) the old one has to do.
        (void)begin_segment(number_ + 1);
    }
    const auto second = std::chrono::floor<std::chrono::seconds>(time);
    if (second != std::exchange(second_, second)) {
        const auto day = std::chrono::floor<std::chrono::days>(second);
        const std::chrono::year_month_day date(day);
        const std::chrono::hh_mm_ss clock(second - day);
        fmt::format_to_n(second_text_.data(), second_text_.size(), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
                         static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                         static_cast<unsigned>(date.day()), clock.hours().count(), clock.minutes().count(),
                         clock.seconds().count());
    }
    char* at = batch_.get() + used_;
    const auto put = [&at](std::string_view piece) {
        std::memcpy(at, piece.data(), piece.size());
        at += piece.size();
    };
    put({second_text_.data(), second_text_.size()});
    *at++ = '.';
    auto fraction = (time - second).count();
    for (int digit = 8; digit >= 0; --digit, fraction /= 10)
        at[digit] = static_cast<char>('0' + fraction % 10);
    at += 9;
    put(is_stderr ? "Z stderr " : "Z stdout ");
    put(partial ? "P " : "F ");
    put(text);
    *at++ = '\n';
    used_ = static_cast<std::size_t>(at - batch_.get());
}

void SpoolWriter::flush() {
    const std::string_view bytes(batch_.get(), std::exchange(used_, 0));
    if (bytes.empty()) return;
    std::size_t done = 0;
    while (done < bytes.size()) {
        const auto put = ::write(segment_.get(), bytes.data() + done, bytes.size() - done);
        if (put >= 0) {
            done += static_cast<std::size_t>(put);
        } else if (errno != EINTR) {
            lost_reason_ = errno;
            break;
        }
    }
    // Whole records only: the rest of a record that was cut is taken back.
    const auto whole = done == bytes.size() ? done : bytes.rfind('\n', done == 0 ? 0 : done - 1) + 1;
    if (done != bytes.size()) lost_bytes_ += bytes.size() - whole;
    if (whole != done) (void)!::ftruncate(segment_.get(), static_cast<off_t>(written_ + whole));
    written_ += whole;
}

LineSplitter::LineSplitter(bool is_stderr)
    : is_stderr_(is_stderr), buffer_(std::make_unique_for_overwrite<char[]>(kBuffer)) {}

void LineSplitter::accept(std::size_t count, SpoolWriter& writer, Time time) {
    // What was there before has no newline in it.
    std::size_t begin = 0, search = used_;
    used_ += count;
    for (;;) {
        const auto* newline =
            static_cast<const char*>(std::memchr(buffer_.get() + search, '\n', used_ - search));
        const auto end = newline == nullptr ? used_ : static_cast<std::size_t>(newline - buffer_.get());
        while (end - begin > kMaxSpoolText) {
            writer.add(is_stderr_, true, {buffer_.get() + begin, kMaxSpoolText}, time);
            begin += kMaxSpoolText;
        }
        if (newline == nullptr) break;
        writer.add(is_stderr_, false, {buffer_.get() + begin, end - begin}, time);
        begin = search = end + 1;
    }
    used_ -= begin;
    std::memmove(buffer_.get(), buffer_.get() + begin, used_);
}

void LineSplitter::finish(SpoolWriter& writer, Time time) {
    if (used_ != 0) writer.add(is_stderr_, false, {buffer_.get(), used_}, time);
    used_ = 0;
}

} // namespace berth::runtime
