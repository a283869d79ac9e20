// Encodings and hashes against published values.
#include "berth/base/encoding.hpp"
#include "berth/base/sha256.hpp"

#include <gtest/gtest.h>

#include <set>

namespace berth {
namespace {

TEST(Encoding, HexIsLowerCase) { EXPECT_EQ(to_hex(std::string_view("\x00\xab\xff", 3)), "00abff"); }

TEST(Encoding, Base64Vectors) { // RFC 4648, section 10
    const std::pair<const char*, const char*> vectors[] = {
        {"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
        {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, encoded] : vectors) {
        EXPECT_EQ(base64_encode(plain), encoded);
        const auto decoded = base64_decode(encoded);
        ASSERT_TRUE(decoded) << encoded;
        EXPECT_EQ(*decoded, plain);
    }
    EXPECT_FALSE(base64_decode("Zg="));
    EXPECT_FALSE(base64_decode("Z!=="));
}

TEST(Encoding, PercentEncoding) {
    EXPECT_EQ(percent_encode("a b/c~é"), "a%20b%2Fc~%C3%A9");
    EXPECT_EQ(percent_encode("a/b", true), "a/b");
    EXPECT_EQ(percent_decode("a%20b%2fc").value(), "a b/c");
    EXPECT_FALSE(percent_decode("100%"));
    EXPECT_FALSE(percent_decode("%4"));
    EXPECT_FALSE(percent_decode("%zz"));
    EXPECT_EQ(percent_decode("%41").value(), "A");
}

TEST(Encoding, UuidsAreVersion4AndDiffer) {
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i) {
        const auto uuid = make_uuid();
        ASSERT_EQ(uuid.size(), 36U);
        EXPECT_EQ(uuid[14], '4');
        EXPECT_NE(std::string("89ab").find(uuid[19]), std::string::npos);
        EXPECT_TRUE(seen.insert(uuid).second);
    }
    EXPECT_EQ(random_hex(7).size(), 7U);
}

TEST(Sha256, PublishedVectors) { // FIPS 180-4, RFC 4231 case 2
    EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    Sha256 pieces;
    pieces.update("a");
    pieces.update("bc");
    EXPECT_EQ(pieces.finish_hex(), sha256_hex("abc"));
}

} // namespace
} // namespace berth
