// Reading a log spool: positions, torn tails, segments that rotation removed.
#include "berth/runtime/log_spool.hpp"

#include "runtime/shim/spool_format.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace berth::runtime {

std::string segment_name(std::uint32_t segment) { return fmt::format("{:08}.log", segment); }

Result<std::vector<std::uint32_t>> list_segments(const fs::path& directory) {
    std::vector<std::uint32_t> segments;
    std::error_code error;
    fs::directory_iterator entry(directory, error);
    if (error == std::errc::no_such_file_or_directory) return segments;
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
        const auto name = entry->path().filename().string();
        std::uint32_t number = 0;
        const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
        if (parsed.ec == std::errc() && number > 0 && name == segment_name(number))
            segments.push_back(number);
    }
    if (error) return fail_errno(error.value(), "listing {}", directory.string());
    std::ranges::sort(segments);
    return segments;
}

Result<SpoolLine> parse_spool_record(std::string_view record) {
    const auto damaged = [&](std::string_view why) {
        return fail(ErrorCode::invalid, "damaged log record ({}): \"{}\"", why, record.substr(0, 60));
    };
    const auto next_word = [&record] {
        const auto end = std::min(record.find(' '), record.size());
        const auto word = record.substr(0, end);
        record.remove_prefix(std::min(end + 1, record.size()));
        return word;
    };
    const auto time = parse_rfc3339(next_word());
    if (!time) return damaged("time");
    SpoolLine line;
    line.time = *time;
    const auto stream = next_word();
    if (stream != "stdout" && stream != "stderr") return damaged("stream");
    line.is_stderr = stream == "stderr";
    if (record.size() < 2 || record[1] != ' ' || (record[0] != 'F' && record[0] != 'P'))
        return damaged("tag");
    line.partial = record[0] == 'P';
    line.text = record.substr(2);
    return line;
}

namespace {

// Up to `size` bytes from `offset`; fewer only at the end of the file.
Result<std::string> read_at(const fs::path& path, std::uint64_t offset, std::size_t size) {
    const auto file = open_file(path, O_RDONLY);
    if (!file) return fail(file.error());
    struct stat status = {};
    if (::fstat(file->get(), &status) != 0) return fail_errno(errno, "reading {}", path.string());
    const auto length = static_cast<std::uint64_t>(status.st_size);
    std::string bytes(offset < length ? std::min<std::uint64_t>(size, length - offset) : 0, '\0');
    std::size_t filled = 0;
    while (filled < bytes.size()) {
        const auto got = ::pread(file->get(), bytes.data() + filled, bytes.size() - filled,
                                 static_cast<off_t>(offset + filled));
        if (got < 0 && errno != EINTR) return fail_errno(errno, "reading {}", path.string());
        if (got == 0) break;
        filled += got < 0 ? 0 : static_cast<std::size_t>(got);
    }
    bytes.resize(filled);
    return bytes;
}

} // namespace

Result<SpoolBatch> read_spool(const fs::path& log_directory, SpoolPosition from, std::size_t max_bytes) {
    // Listed before it is read: a segment that has a successor will not grow any more.
    const auto segments = list_segments(log_directory);
    if (!segments) return fail(segments.error());
    SpoolBatch batch;
    batch.next = from;
    const auto segment = std::ranges::lower_bound(*segments, from.segment);
    if (segment == segments->end()) return batch;
    if (*segment != from.segment) {
        batch.lost_segments = from.segment == 0 ? 0 : *segment - from.segment;
        batch.next = {*segment, 0};
    }
    const bool finished = segment + 1 != segments->end();
    const auto size = std::max(max_bytes, kMaxSpoolRecord); // a record must fit, or there is no progress
    const auto bytes = read_at(log_directory / segment_name(*segment), batch.next.offset, size);
    if (!bytes && bytes.error().sys() == ENOENT && finished) {
        // Removed by rotation since it was listed: its successor is next.
        batch.next = {segment[1], 0};
        batch.lost_segments += segment[1] - *segment;
        batch.more = true;
        return batch;
    }
    if (!bytes) return fail(bytes.error());

    std::string_view rest = *bytes;
    for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
        if (auto line = parse_spool_record(rest.substr(0, end))) batch.lines.push_back(std::move(*line));
        rest.remove_prefix(end + 1);
    }
    const bool at_end = bytes->size() < size;
    // No newline in more than a record can have is damage, to be stepped over. At the end of the newest
    // segment it is a record that is still being written.
    const bool step_over = rest.size() >= kMaxSpoolRecord;
    batch.next.offset += bytes->size() - (step_over ? 0 : rest.size());
    batch.more = !at_end || step_over;
    if (at_end && finished) {
        batch.next = {segment[1], 0};
        batch.more = true;
    }
    return batch;
}

} // namespace berth::runtime
