// gzip, zstd and plain streams, in pieces of every size, joined, cut and damaged.
#include "berth/base/encoding.hpp"

#include "agent/images/decompressor.hpp"
#include "tests/unit/images/packed.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::images {
namespace {

using testing::HasSubstr;

Result<std::string> undo(const std::string& packed, std::size_t piece) {
    std::string out;
    const auto stream = make_decompressor(packed, [&](std::string_view bytes) {
        out += bytes;
        return Status();
    });
    for (std::size_t at = 0; at < packed.size(); at += piece)
        if (auto fed = stream->feed(std::string_view(packed).substr(at, piece)); !fed)
            return std::unexpected(fed.error());
    if (auto ended = stream->finish(); !ended) return std::unexpected(ended.error());
    return out;
}

std::string sample() {
    std::string text = random_bytes(100'000); // does not compress
    text += std::string(3'000'000, 'z');      // many output buffers from few bytes
    return text + to_hex(random_bytes(200'000));
}

TEST(Decompressor, UndoesEveryKindInPiecesOfEverySize) {
    const auto text = sample();
    for (const auto& packed : {test::gzip(text), test::zstd(text), "tar" + text})
        for (const std::size_t piece : {997U, 65536U, 1U << 22}) {
            const auto out = undo(packed, piece);
            ASSERT_TRUE(out) << out.error().message();
            EXPECT_TRUE(*out == text || *out == "tar" + text);
        }
    for (const auto& packed : {test::gzip("short"), test::zstd("short")})
        EXPECT_EQ(undo(packed, 1).value(), "short");
}

TEST(Decompressor, JoinsMembersAndFrames) {
    const std::string skippable("\x5a\x2a\x4d\x18\x03\x00\x00\x00xyz", 11);
    for (const std::size_t piece : {1U, 3U, 1000U}) {
        EXPECT_EQ(undo(test::gzip("one") + test::gzip("") + test::gzip("two"), piece).value(), "onetwo");
        EXPECT_EQ(undo(test::zstd("one") + skippable + test::zstd("two"), piece).value(), "onetwo");
        EXPECT_EQ(undo(skippable + test::zstd("two"), piece).value(), "two");
    }
}

TEST(Decompressor, NoticesCutsAndDamage) {
    const auto text = sample();
    for (const auto& packed : {test::gzip(text), test::zstd(text)}) {
        EXPECT_THAT(undo(packed.substr(0, packed.size() - 1), 1000).error().message(),
                    HasSubstr("ends in the middle"));
        EXPECT_THAT(undo(packed.substr(0, 20), 1000).error().message(), HasSubstr("ends in the middle"));
    }
    // zstd frames need not carry a checksum: there the layer's digest notices.
    auto damaged = test::gzip(text);
    damaged[damaged.size() / 2] ^= 0x55;
    EXPECT_FALSE(undo(damaged, 1000));
    EXPECT_THAT(undo(test::gzip("a") + "junk", 1000).error().message(), HasSubstr("damaged gzip data"));
    auto checksum = test::gzip(text);
    checksum[checksum.size() - 8] ^= 1;
    EXPECT_THAT(undo(checksum, 1000).error().message(), HasSubstr("wrong checksum"));
}

TEST(Decompressor, StopsWhenTheOutputIsRefused) {
    int calls = 0;
    const auto stream = make_decompressor("\x1f\x8b", [&](std::string_view) -> Status {
        ++calls;
        return fail(ErrorCode::limit, "enough");
    });
    const auto fed = stream->feed(test::gzip(std::string(10'000'000, 'b')));
    ASSERT_FALSE(fed);
    EXPECT_EQ(fed.error().message(), "enough");
    EXPECT_EQ(calls, 1);
}

} // namespace
} // namespace berth::images
