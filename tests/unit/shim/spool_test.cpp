// The log spool: what is written under any cut of the input is read again, rotation, damage, a full disk.
#include "berth/runtime/log_spool.hpp"

#include "runtime/shim/spool_writer.hpp"
#include "temp_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <fcntl.h>
#include <malloc.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace berth::runtime {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const Time kTime = parse_rfc3339("2026-01-02T03:04:05.123456789Z").value();

void feed(LineSplitter& splitter, SpoolWriter& writer, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto space = splitter.space();
        const auto count = std::min(space.size(), bytes.size());
        std::memcpy(space.data(), bytes.data(), count);
        splitter.accept(count, writer, kTime);
        bytes.remove_prefix(count);
    }
}

SpoolWriter open_spool(const fs::path& directory, std::uint64_t segment_bytes = 1 << 20, int segments = 100) {
    auto writer = SpoolWriter::open(directory);
    if (!writer) throw std::runtime_error(writer.error().message());
    writer->set_limits(segment_bytes, segments);
    return std::move(*writer);
}

// Everything from the position on.
SpoolBatch read_all(const fs::path& directory, SpoolPosition from = {}, std::size_t max_bytes = 64 << 10) {
    SpoolBatch all;
    all.next = from;
    for (bool more = true; more;) {
        auto batch = read_spool(directory, all.next, max_bytes);
        if (!batch) throw std::runtime_error(batch.error().message());
        std::ranges::move(batch->lines, std::back_inserter(all.lines));
        all.lost_segments += batch->lost_segments;
        all.next = batch->next;
        more = batch->more;
    }
    return all;
}

// The lines as they were before they were cut into records.
std::vector<std::string> whole_lines(const std::vector<SpoolLine>& records, bool is_stderr = false) {
    std::vector<std::string> lines;
    bool continued = false;
    for (const auto& record : records) {
        if (record.is_stderr != is_stderr) continue;
        if (!continued) lines.emplace_back();
        lines.back() += record.text;
        continued = record.partial;
    }
    return lines;
}

void append(const fs::path& file, std::string_view bytes) {
    const auto fd = open_file(file, O_WRONLY | O_CREAT | O_APPEND, 0600);
    ASSERT_TRUE(fd && write_all(fd->get(), bytes, "test"));
}

constexpr auto kRecord = "2026-01-02T03:04:05.123456789Z stdout F whole\n";

TEST(SpoolRecord, IsParsed) {
    const auto line = parse_spool_record("2026-01-02T03:04:05.123456789Z stderr P a  b ");
    ASSERT_TRUE(line);
    EXPECT_EQ(line->time, kTime);
    EXPECT_TRUE(line->is_stderr);
    EXPECT_TRUE(line->partial);
    EXPECT_EQ(line->text, "a  b ");
    EXPECT_EQ(parse_spool_record("2026-01-02T03:04:05Z stdout F ")->text, "");
}

TEST(SpoolRecord, DamageIsAnError) {
    for (const auto* record : {"", "hello", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z stdin F x",
                               "2026-01-02T03:04:05Z stdout X x", "2026-01-02T03:04:05Z stdout F",
                               "2026-01-02T03:04:05Z stdout FF x", "yesterday stdout F x"})
        EXPECT_FALSE(parse_spool_record(record)) << record;
}

TEST(Spool, KeepsBothStreamsWithTheirTime) {
    const test::TempDirectory directory;
    auto writer = open_spool(directory.path() / "log");
    LineSplitter out(false), err(true);
    feed(out, writer, "one\ntwo");
    feed(err, writer, "bad\n");
    feed(out, writer, " parts\nno newline");
    out.finish(writer, kTime);
    err.finish(writer, kTime);
    writer.flush();
    EXPECT_EQ(*read_file(directory.path() / "log/00000001.log"),
              "2026-01-02T03:04:05.123456789Z stdout F one\n"
              "2026-01-02T03:04:05.123456789Z stderr F bad\n"
              "2026-01-02T03:04:05.123456789Z stdout F two parts\n"
              "2026-01-02T03:04:05.123456789Z stdout F no newline\n");
    const auto read = read_all(directory.path() / "log");
    EXPECT_THAT(whole_lines(read.lines), ElementsAre("one", "two parts", "no newline"));
    EXPECT_THAT(whole_lines(read.lines, true), ElementsAre("bad"));
}

TEST(Spool, LongLinesAreCutAt16KiB) {
    const test::TempDirectory directory;
    auto writer = open_spool(directory.path());
    LineSplitter out(false);
    feed(out, writer, std::string(16384, 'a') + "\n" + std::string(16385, 'b') + "\n");
    writer.flush();
    const auto read = read_all(directory.path());
    ASSERT_THAT(read.lines, SizeIs(3));
    EXPECT_FALSE(read.lines[0].partial);
    EXPECT_EQ(read.lines[1].text.size(), 16384U);
    EXPECT_TRUE(read.lines[1].partial);
    EXPECT_EQ(read.lines[2].text, "b");
}

RC_GTEST_PROP(Spool, GivesBackWhatWasWrittenHoweverItWasCut, ()) {
    // Lines of every length about the limit, any bytes in them.
    const auto length = rc::gen::weightedOneOf<int>({{10, rc::gen::inRange(0, 60)},
                                                     {2, rc::gen::inRange(16300, 16500)},
                                                     {1, rc::gen::inRange(30000, 60000)}});
    const auto lengths = *rc::gen::container<std::vector<int>>(length);
    std::string input;
    std::vector<std::string> expected;
    for (const int size : lengths) {
        const auto seed = *rc::gen::arbitrary<unsigned char>();
        std::string line(static_cast<std::size_t>(size), '\0');
        for (std::size_t i = 0; i < line.size(); ++i) {
            line[i] = static_cast<char>(static_cast<unsigned>(seed) * 31 + i * 7);
            if (line[i] == '\n') line[i] = ' ';
        }
        input += line + "\n";
        expected.push_back(std::move(line));
    }
    const test::TempDirectory directory;
    {
        auto writer =
            open_spool(directory.path(), static_cast<std::uint64_t>(*rc::gen::inRange(1, 100'000)), 1 << 20);
        LineSplitter out(false);
        for (std::string_view rest = input; !rest.empty();) {
            const auto count = std::min(
                rest.size(), static_cast<std::size_t>(*rc::gen::element(1, 7, 100, 4096, 16384, 65536)));
            feed(out, writer, rest.substr(0, count));
            if (*rc::gen::arbitrary<bool>()) writer.flush();
            rest.remove_prefix(count);
        }
        out.finish(writer, kTime);
        writer.flush();
    }
    const auto read =
        read_all(directory.path(), {}, static_cast<std::size_t>(*rc::gen::element(1, 100, 20'000, 1 << 20)));
    RC_ASSERT(read.lost_segments == 0U);
    RC_ASSERT(whole_lines(read.lines) == expected);
}

TEST(Spool, RotationKeepsTheNewestSegmentsWithinTheirSize) {
    const test::TempDirectory directory;
    auto writer = open_spool(directory.path(), 4096, 3);
    LineSplitter out(false);
    for (int i = 0; i < 1000; ++i) feed(out, writer, fmt::format("line {}\n", i));
    writer.flush();
    const auto segments = list_segments(directory.path());
    EXPECT_THAT(*segments, SizeIs(3));
    for (const auto segment : *segments)
        EXPECT_LE(fs::file_size(directory.path() / segment_name(segment)), 4096U);
    const auto read = read_all(directory.path());
    EXPECT_EQ(read.lines.back().text, "line 999");
    EXPECT_EQ(read.lost_segments, 0U) << "who begins at the oldest has lost nothing";
}

TEST(Spool, ReaderIsToldWhatRotationTookFromIt) {
    const test::TempDirectory directory;
    auto writer = open_spool(directory.path(), 4096, 3);
    LineSplitter out(false);
    feed(out, writer, "first\n");
    writer.flush();
    const auto before = read_all(directory.path());
    EXPECT_EQ(before.next.segment, 1U);
    for (int i = 0; i < 1000; ++i) feed(out, writer, fmt::format("line {}\n", i));
    writer.flush();
    const auto oldest = list_segments(directory.path())->front();
    const auto after = read_all(directory.path(), before.next);
    EXPECT_EQ(after.lost_segments, oldest - 1);
    EXPECT_EQ(after.lines.back().text, "line 999");
}

TEST(Spool, ReaderGoesOnWhereItStopped) {
    const test::TempDirectory directory;
    auto writer = open_spool(directory.path(), 500, 100);
    LineSplitter out(false);
    SpoolPosition position;
    for (int i = 0; i < 50; ++i) {
        feed(out, writer, fmt::format("line {}\n", i));
        writer.flush();
        const auto read = read_all(directory.path(), position);
        ASSERT_THAT(read.lines, SizeIs(1)) << i;
        EXPECT_EQ(read.lines[0].text, fmt::format("line {}", i));
        position = read.next;
    }
    EXPECT_THAT(read_all(directory.path(), position).lines, IsEmpty());
}

TEST(Spool, RecordThatIsBeingWrittenIsLeftForLater) {
    const test::TempDirectory directory;
    const auto segment = directory.path() / segment_name(1);
    append(segment, std::string(kRecord) + "2026-01-02T03:04:05.123456789Z stdout F ha");
    auto read = read_all(directory.path());
    EXPECT_THAT(whole_lines(read.lines), ElementsAre("whole"));
    append(segment, "lf\n");
    read = read_all(directory.path(), read.next);
    EXPECT_THAT(whole_lines(read.lines), ElementsAre("half"));
}

TEST(Spool, TornTailOfAFinishedSegmentIsStepedOver) {
    const test::TempDirectory directory;
    append(directory.path() / segment_name(1),
           std::string(kRecord) + "2026-01-02T03:04:05.123456789Z stdout F ha");
    append(directory.path() / segment_name(2), kRecord);
    EXPECT_THAT(whole_lines(read_all(directory.path()).lines), ElementsAre("whole", "whole"));
}

TEST(Spool, DamageIsSteppedOver) {
    const test::TempDirectory directory;
    append(directory.path() / segment_name(1),
           std::string(kRecord) + "what is this\n" + kRecord + std::string(200'000, 'x') + "\n" + kRecord);
    EXPECT_THAT(whole_lines(read_all(directory.path(), {}, 1000).lines),
                ElementsAre("whole", "whole", "whole"));
}

TEST(Spool, NothingThereIsNothingRead) {
    const test::TempDirectory directory;
    const auto batch = read_spool(directory.path() / "log", {}, 100);
    ASSERT_TRUE(batch);
    EXPECT_THAT(batch->lines, IsEmpty());
    EXPECT_FALSE(batch->more);
}

TEST(Spool, SecondWriterBeginsANewSegment) {
    const test::TempDirectory directory;
    for (int i = 0; i < 2; ++i) {
        auto writer = open_spool(directory.path());
        LineSplitter out(false);
        feed(out, writer, "line\n");
        writer.flush();
    }
    EXPECT_THAT(*list_segments(directory.path()), ElementsAre(1U, 2U));
    EXPECT_THAT(whole_lines(read_all(directory.path()).lines), ElementsAre("line", "line"));
}

TEST(Spool, WritingDoesNotTakeMoreAndMoreMemory) {
    const test::TempDirectory directory;
    auto writer = open_spool(directory.path(), 100'000, 2);
    LineSplitter out(false);
    const auto round = [&] {
        for (int i = 0; i < 20'000; ++i)
            feed(out, writer, "a line of the usual length, neither long nor short\n");
        writer.flush();
    };
    const auto before = ::mallinfo2();
    round();
    const auto after = ::mallinfo2();
    EXPECT_EQ(after.uordblks, before.uordblks);
    EXPECT_EQ(after.hblkhd, before.hblkhd);
}

class SmallDisk {
  public:
    explicit SmallDisk(fs::path path) : path_(std::move(path)) {
        fs::create_directory(path_);
        mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=64k") == 0;
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    ~SmallDisk() {
        if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
    }
    bool mounted() const { return mounted_; }

  private:
    fs::path path_;
    bool mounted_ = false;
};

TEST(Spool, FullDiskLosesLinesAndSaysHowMuch) {
    const test::TempDirectory directory;
    const auto log = directory.path() / "log";
    const SmallDisk disk(log);
    if (!disk.mounted()) GTEST_SKIP() << "needs root";
    auto writer = open_spool(log);
    LineSplitter out(false);
    for (int i = 0; i < 100; ++i) {
        feed(out, writer, std::string(999, 'x') + "\n");
        writer.flush();
    }
    const auto full = read_all(log);
    EXPECT_GT(full.lines.size(), 50U);
    EXPECT_LT(full.lines.size(), 64U);
    for (const auto& line : full.lines) EXPECT_EQ(line.text.size(), 999U) << "a record that was cut";
    ASSERT_EQ(::truncate((log / segment_name(1)).c_str(), 0), 0);
    feed(out, writer, "space again\n");
    writer.flush();
    const auto after = read_all(log);
    EXPECT_THAT(whole_lines(after.lines), ElementsAre("space again"));
    EXPECT_THAT(whole_lines(after.lines, true), ElementsAre(HasSubstr("are lost: No space left on device")));
}

} // namespace
} // namespace berth::runtime
