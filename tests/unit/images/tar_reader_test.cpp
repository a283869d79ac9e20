// The tar reader: every dialect, in pieces of every size, and archives that lie.
#include "agent/images/tar_reader.hpp"
#include "tests/unit/images/tar_builder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace berth::images {
namespace {

using test::archive;
using test::Entry;
using testing::HasSubstr;

struct Collected {
    TarEntry entry;
    std::string content; // holes as zeros
};

class Collector : public TarSink {
  public:
    Status begin(const TarEntry& entry) override {
        all.push_back({entry, std::string(entry.type == EntryType::file ? entry.size : 0, '\0')});
        return {};
    }
    Status data(std::uint64_t offset, std::string_view bytes) override {
        all.back().content.replace(offset, bytes.size(), bytes);
        return {};
    }
    Status end() override {
        ++ended;
        return {};
    }
    std::vector<Collected> all;
    std::size_t ended = 0;
};

Status read(const std::string& bytes, Collector& into, std::size_t piece = 1 << 20) {
    TarReader reader(into);
    for (std::size_t at = 0; at < bytes.size(); at += piece)
        if (auto fed = reader.feed(std::string_view(bytes).substr(at, piece)); !fed) return fed;
    return reader.finish();
}

std::string error_of(const std::string& bytes) {
    Collector collector;
    const auto done = read(bytes, collector);
    return done ? "accepted" : done.error().message();
}

TEST(TarReader, GivesTheSameWhateverTheSizeOfThePieces) {
    const auto bytes =
        archive({{.path = "dir/", .kind = '5', .mode = 01777, .uid = 5, .gid = 6},
                 {.path = "dir/file", .content = std::string(1500, 'x'), .mode = 04755},
                 {.path = "empty"},
                 {.path = "link", .kind = '2', .link = "dir/file"},
                 {.path = "hard", .kind = '1', .link = "dir/file", .size_field = "00000002734 "},
                 {.path = "null", .kind = '3', .mode = 0666, .major = 1, .minor = 3},
                 {.path = "disk", .kind = '4', .major = 8, .minor = 0},
                 {.path = "pipe", .kind = '6'}});
    for (const std::size_t piece : {1U, 7U, 511U, 512U, 513U, 1U << 20}) {
        Collector got;
        const auto done = read(bytes, got, piece);
        ASSERT_TRUE(done) << piece << ": " << done.error().message();
        ASSERT_EQ(got.all.size(), 8U) << piece;
        EXPECT_EQ(got.ended, 8U);
        EXPECT_EQ(got.all[0].entry.type, EntryType::directory);
        EXPECT_EQ(got.all[0].entry.mode, 01777U);
        EXPECT_EQ(got.all[0].entry.uid, 5U);
        EXPECT_EQ(got.all[0].entry.gid, 6U);
        EXPECT_EQ(got.all[1].content, std::string(1500, 'x'));
        EXPECT_EQ(got.all[1].entry.mode, 04755U);
        EXPECT_EQ(got.all[1].entry.mtime.tv_sec, 1'600'000'000);
        EXPECT_EQ(got.all[2].entry.size, 0U);
        EXPECT_EQ(got.all[3].entry.link, "dir/file");
        EXPECT_EQ(got.all[4].entry.type, EntryType::hard_link);
        EXPECT_EQ(got.all[5].entry.device_minor, 3U);
        EXPECT_EQ(got.all[6].entry.type, EntryType::block_device);
        EXPECT_EQ(got.all[7].entry.type, EntryType::fifo);
    }
}

TEST(TarReader, TakesWhatPaxSays) {
    const std::string long_name(300, 'n');
    Collector got;
    const auto done = read(archive({{.path = "short",
                                     .content = "abc",
                                     .link = "x",
                                     .pax = {{"path", long_name},
                                             {"uid", "3000000000"},
                                             {"gid", "70000"},
                                             {"mtime", "1700000000.25"},
                                             {"atime", "-1.75"},
                                             {"comment", "nothing"},
                                             {"SCHILY.xattr.user.a", std::string("b\0c=\n", 5)},
                                             {"LIBARCHIVE.xattr.security.cap%61bility", "AQAAAg"},
                                             {"hdrcharset", "BINARY"}}},
                                    {.path = "next"}}),
                           got);
    ASSERT_TRUE(done) << done.error().message();
    const auto& entry = got.all[0].entry;
    EXPECT_EQ(entry.path, long_name);
    EXPECT_EQ(entry.uid, 3000000000U);
    EXPECT_EQ(entry.gid, 70000U);
    EXPECT_EQ(entry.mtime.tv_sec, 1700000000);
    EXPECT_EQ(entry.mtime.tv_nsec, 250'000'000);
    EXPECT_EQ(entry.atime->tv_sec, -2);
    EXPECT_EQ(entry.atime->tv_nsec, 250'000'000);
    ASSERT_EQ(entry.xattrs.size(), 2U);
    EXPECT_EQ(entry.xattrs[0], std::pair(std::string("user.a"), std::string("b\0c=\n", 5)));
    EXPECT_EQ(entry.xattrs[1], std::pair(std::string("security.capability"), std::string("\1\0\0\2", 4)));
    EXPECT_EQ(got.all[1].entry.path, "next"); // and says nothing of the entry after
    EXPECT_EQ(got.all[1].entry.uid, 0U);
}

TEST(TarReader, TakesThePaxSizeForLargeFiles) {
    Collector got;
    const auto done = read(
        archive(
            {{.path = "f", .content = "12345", .pax = {{"size", "5"}}, .size_field = std::string(12, '\0')}}),
        got);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(got.all[0].content, "12345");
}

TEST(TarReader, KnowsGnuLongNamesAndBase256) {
    const std::string name(200, 'g'), target(150, 't');
    std::string size(12, '\0');
    size[0] = '\x80';
    size[11] = 4;
    auto bytes = test::header({.path = "././@LongLink", .kind = 'L', .content = name + '\0'}) +
                 test::padded(name + '\0');
    bytes += test::header({.path = "././@LongLink", .kind = 'K', .content = target + '\0'}) +
             test::padded(target + '\0');
    bytes += test::entry_bytes({.path = "cut", .kind = '2', .link = "cut"});
    bytes += test::entry_bytes({.path = "big", .content = "4444", .size_field = size});
    Collector got;
    const auto done = read(bytes, got); // without an end mark, as some writers leave it
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(got.all[0].entry.path, name);
    EXPECT_EQ(got.all[0].entry.link, target);
    EXPECT_EQ(got.all[1].content, "4444");
}

TEST(TarReader, KnowsPrefixesVersion7AndGlobalHeaders) {
    auto old = test::header({.path = "olddir/", .kind = '\0', .mode = 0700});
    old.replace(257, 255, std::string(255, '\0'));
    test::set_checksum(old);
    const auto global = test::pax_record("path", "not-for-you");
    const auto bytes = test::header({.path = "g", .kind = 'g', .content = global}) + test::padded(global) +
                       old + archive({{.path = "name", .prefix = "some/prefix"}});
    Collector got;
    const auto done = read(bytes, got);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(got.all[0].entry.type, EntryType::directory);
    EXPECT_EQ(got.all[0].entry.path, "olddir/");
    EXPECT_EQ(got.all[1].entry.path, "some/prefix/name");
}

std::string with_hole() { return "abc" + std::string(4096, '\0') + "xyz" + std::string(100, '\0'); }

TEST(TarReader, FillsSparseFilesOfEveryDialect) {
    const std::vector<std::pair<std::string, std::string>> common = {{"GNU.sparse.name", "real"}};
    auto v00 = common, v01 = common, v10 = common;
    for (const auto& [offset, length] :
         {std::pair("0", "3"), std::pair("4099", "3"), std::pair("4202", "0")}) {
        v00.emplace_back("GNU.sparse.offset", offset);
        v00.emplace_back("GNU.sparse.numbytes", length);
    }
    v00.emplace_back("GNU.sparse.size", "4202");
    v01.emplace_back("GNU.sparse.map", "0,3,4099,3,4202,0");
    v01.emplace_back("GNU.sparse.size", "4202");
    v10.insert(v10.end(),
               {{"GNU.sparse.major", "1"}, {"GNU.sparse.minor", "0"}, {"GNU.sparse.realsize", "4202"}});
    const auto map = test::padded("3\n0\n3\n4099\n3\n4202\n0\n");

    auto old = test::header({.path = "real", .kind = 'S', .content = "abcxyz"});
    old.replace(257, 8, std::string("ustar  \0", 8));
    old.replace(345, 167, std::string(167, '\0'));
    const auto octal = [](unsigned number) { return fmt::format("{:011o}", number) + '\0'; };
    old.replace(386, 24, octal(0) + octal(3));
    old[482] = 1; // an extension block follows
    old.replace(483, 12, octal(4202));
    test::set_checksum(old);
    auto extension = octal(4099) + octal(3);
    extension.resize(512, '\0');

    for (const auto& bytes : {archive({{.path = "x", .content = "abcxyz", .pax = v00}}),
                              archive({{.path = "x", .content = "abcxyz", .pax = v01}}),
                              archive({{.path = "x", .content = map + "abcxyz", .pax = v10}}),
                              old + extension + test::padded("abcxyz") + archive({})}) {
        for (const std::size_t piece : {1U, 512U, 1U << 20}) {
            Collector got;
            const auto done = read(bytes, got, piece);
            ASSERT_TRUE(done) << done.error().message();
            EXPECT_EQ(got.all[0].entry.path, "real");
            EXPECT_EQ(got.all[0].content, with_hole());
        }
    }
}

TEST(TarReader, RefusesSparseMapsThatLie) {
    const auto with_map = [](const std::string& map, const std::string& size) {
        return error_of(archive({{.path = "x",
                                  .content = "abcxyz",
                                  .pax = {{"GNU.sparse.map", map}, {"GNU.sparse.size", size}}}}));
    };
    EXPECT_EQ(with_map("0,6", "6"), "accepted");
    EXPECT_THAT(with_map("0,3,1,3", "10"), HasSubstr("wrong sparse map"));
    EXPECT_THAT(with_map("0,3,9,3", "10"), HasSubstr("wrong sparse map"));
    EXPECT_THAT(with_map("0,18446744073709551615,0,7", "10"), HasSubstr("wrong sparse map"));
    EXPECT_THAT(with_map("0,3", "10"), HasSubstr("does not fit"));
    EXPECT_THAT(with_map("0,3,4", "10"), HasSubstr("odd count"));
    EXPECT_THAT(with_map("0,x", "10"), HasSubstr("GNU.sparse.map"));
    const auto v10 = [](std::string content) {
        return error_of(archive({{.path = "x",
                                  .content = std::move(content),
                                  .pax = {{"GNU.sparse.major", "1"}, {"GNU.sparse.realsize", "9"}}}}));
    };
    EXPECT_THAT(v10(""), HasSubstr("without its map"));
    EXPECT_THAT(v10("3\n0\n"), HasSubstr("without an end"));
    EXPECT_THAT(v10(std::string(600, '1')), HasSubstr("wrong sparse map"));
    EXPECT_THAT(v10(test::padded("99999999\n")), HasSubstr("too many pieces"));
}

TEST(TarReader, RefusesHeadersThatLie) {
    auto broken = archive({{.path = "a"}});
    broken[0] = 'b';
    EXPECT_THAT(error_of(broken), HasSubstr("wrong checksum"));
    EXPECT_THAT(error_of(archive({{.path = "a", .size_field = "0000000009x "}})), HasSubstr("size field"));
    std::string negative(12, '\xff');
    EXPECT_THAT(error_of(archive({{.path = "a", .size_field = negative}})), HasSubstr("size out of range"));
    std::string huge(12, '\x7f');
    huge[0] = '\x80';
    EXPECT_THAT(error_of(archive({{.path = "a", .size_field = huge}})), HasSubstr("size field"));
    EXPECT_THAT(error_of(archive({{.path = "a", .kind = 'M'}})), HasSubstr("unknown type 'M'"));
    EXPECT_THAT(error_of(archive({{.path = "a", .kind = '\n'}})), HasSubstr("unknown type '\\x0a'"));
    EXPECT_THAT(error_of(archive({{.path = "a", .pax = {{"uid", "4294967295"}}}})),
                HasSubstr("owner out of range"));
    EXPECT_THAT(error_of(archive({{.path = "a", .pax = {{"uid", "-1"}}}})), HasSubstr("uid is not a number"));
    EXPECT_THAT(error_of(archive({{.path = "a", .pax = {{"mtime", "soon"}}}})),
                HasSubstr("mtime is not a time"));
    EXPECT_THAT(error_of(archive({{.path = "a", .pax = {{"path", std::string("x\0y", 3)}}}})),
                HasSubstr("NUL"));
    EXPECT_THAT(error_of(archive({{.path = "a", .kind = '3', .major = 5000}})),
                HasSubstr("numbers out of range"));
    EXPECT_THAT(error_of(std::string(512, '\0') + archive({{.path = "a"}})),
                HasSubstr("lone block of zeros"));
}

TEST(TarReader, RefusesExtendedHeadersThatLie) {
    const auto with = [](const std::string& records) {
        return error_of(test::header({.path = "p", .kind = 'x', .content = records}) + test::padded(records) +
                        archive({{.path = "a"}}));
    };
    EXPECT_EQ(with("6 a=b\n"), "accepted");
    for (const auto* records : {"7 a=b\n", "5 a=b\n", "6 a=bx", "x", "3 \n", "99999999999999999999999 a=b\n",
                                "6 =ab\n", "6 abc\n", " a=b\n", "0 a=b\n"})
        EXPECT_THAT(with(records), HasSubstr("malformed pax header")) << records;
    EXPECT_THAT(error_of(test::header({.path = "p", .kind = 'L', .size_field = "77777777777 "})),
                HasSubstr("larger than 1 MiB"));
    // Many small ones add up.
    const std::string chunk(300 << 10, 'n');
    std::string bytes;
    for (int i = 0; i < 4; ++i)
        bytes += test::header({.path = "p", .kind = 'L', .content = chunk}) + test::padded(chunk);
    EXPECT_THAT(error_of(bytes), HasSubstr("larger than 1 MiB"));
}

TEST(TarReader, RefusesArchivesThatAreCut) {
    const auto whole = archive({{.path = "dir/", .kind = '5'},
                                {.path = "f", .content = std::string(700, 'x'), .pax = {{"uid", "5"}}}});
    std::size_t refused = 0;
    for (std::size_t cut = 0; cut < whole.size(); ++cut)
        if (error_of(whole.substr(0, cut)) != "accepted") ++refused;
    // No loss: nothing at all, between the entries, from the end of the data on, and half of the end mark.
    const std::size_t harmless = 1 + 1 + (1024 - 700 + 1) + 1;
    EXPECT_EQ(refused, whole.size() - harmless);
}

TEST(TarReader, IgnoresWhatFollowsTheEnd) {
    EXPECT_EQ(error_of(archive({{.path = "a"}}) + std::string(10240, '\0') + "garbage"), "accepted");
}

class Refusing : public Collector {
  public:
    Status data(std::uint64_t, std::string_view) override { return fail(ErrorCode::no_space, "no room"); }
};

TEST(TarReader, NamesTheEntryThatTheSinkRefuses) {
    Refusing sink;
    TarReader reader(sink);
    const auto done = reader.feed(archive({{.path = "bad\nname", .content = "x"}}));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), ErrorCode::no_space);
    EXPECT_EQ(done.error().message(), "entry \"bad\\x0aname\": no room");
}

} // namespace
} // namespace berth::images
