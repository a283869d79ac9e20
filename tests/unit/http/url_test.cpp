// URLs, headers and query parameters.
#include "berth/base/http/message.hpp"

#include "base/http/text.hpp"

#include <gtest/gtest.h>

namespace berth::http {
namespace {

TEST(Url, IsTakenApart) {
    const Url url = parse_url("HTTPS://Example.COM/a/b%20c?x=1&y=%2F#part").value();
    EXPECT_EQ(url.scheme, "https");
    EXPECT_EQ(url.host, "example.com");
    EXPECT_EQ(url.port, 443);
    EXPECT_EQ(url.target, "/a/b%20c?x=1&y=%2F");
    EXPECT_EQ(url.path(), "/a/b%20c");
    EXPECT_EQ(url.query(), "x=1&y=%2F");
    EXPECT_EQ(url.authority(), "example.com");
    EXPECT_EQ(url.str(), "https://example.com/a/b%20c?x=1&y=%2F");
    EXPECT_TRUE(url.secure());
}

TEST(Url, HasDefaults) {
    struct Case {
        const char* text;
        std::uint16_t port;
        const char* authority;
        const char* target;
    };
    for (const Case& c : std::initializer_list<Case>{{"http://h", 80, "h", "/"},
                                                     {"http://h:80", 80, "h", "/"},
                                                     {"ws://h/ws", 80, "h", "/ws"},
                                                     {"wss://h/ws", 443, "h", "/ws"},
                                                     {"wss://h:8443/ws", 8443, "h:8443", "/ws"},
                                                     {"http://h?q", 80, "h", "/?q"},
                                                     {"http://h:", 80, "h", "/"},
                                                     {"http://[::1]:5000/v2/", 5000, "[::1]:5000", "/v2/"},
                                                     {"http://[fd00:ec2::254]", 80, "[fd00:ec2::254]", "/"},
                                                     {"http://a_b/", 80, "a_b", "/"}}) {
        const auto url = parse_url(c.text);
        ASSERT_TRUE(url) << c.text;
        EXPECT_EQ(url->port, c.port) << c.text;
        EXPECT_EQ(url->authority(), c.authority) << c.text;
        EXPECT_EQ(url->target, c.target) << c.text;
        EXPECT_EQ(parse_url(url->str())->str(), url->str()) << c.text;
    }
}

TEST(Url, EncodesBytesThatServersForgetToEncode) {
    EXPECT_EQ(parse_url("http://h/ä|b\"")->target, "/%C3%A4%7Cb%22");
}

TEST(Url, RefusesWhatItCannotAskFor) {
    for (const char* text :
         {"", "h", "/path", "//h/path", "ftp://h/", "http:///path", "http://", "http://h:0/",
          "http://h:65536/", "http://h:x/", "http://user@h/", "http://user:pw@h/", "http://h/a b",
          "http://h/a\r\nX: y", "http://h\t/", "http://[::1/", "http://%41/", "http://h/%zz"})
        EXPECT_FALSE(parse_url(text)) << text;
    EXPECT_FALSE(parse_url("http://h/" + std::string(20'000, 'a')));
}

TEST(Url, ErrorsShowNeitherPasswordNorQuery) {
    const std::string message = parse_url("http://user:secret@h/p?X-Amz-Signature=secret").error().message();
    EXPECT_EQ(message.find("secret"), std::string::npos) << message;
    EXPECT_NE(message.find("@h/p"), std::string::npos) << message;
}

// The examples of RFC 3986 5.4.
TEST(Url, ReferencesAreResolved) {
    const Url base = parse_url("http://a/b/c/d;p?q").value();
    struct Case {
        const char* reference;
        const char* result;
    };
    for (const Case& c : std::initializer_list<Case>{{"g", "http://a/b/c/g"},
                                                     {"./g", "http://a/b/c/g"},
                                                     {"g/", "http://a/b/c/g/"},
                                                     {"/g", "http://a/g"},
                                                     {"//g", "http://g/"},
                                                     {"?y", "http://a/b/c/d;p?y"},
                                                     {"g?y", "http://a/b/c/g?y"},
                                                     {"#s", "http://a/b/c/d;p?q"},
                                                     {"g#s", "http://a/b/c/g"},
                                                     {";x", "http://a/b/c/;x"},
                                                     {"", "http://a/b/c/d;p?q"},
                                                     {".", "http://a/b/c/"},
                                                     {"..", "http://a/b/"},
                                                     {"../g", "http://a/b/g"},
                                                     {"../..", "http://a/"},
                                                     {"../../g", "http://a/g"},
                                                     {"../../../g", "http://a/g"},
                                                     {"https://x/y?z=%2f", "https://x/y?z=%2f"}}) {
        const auto url = resolve_url(base, c.reference);
        ASSERT_TRUE(url) << c.reference << ": " << url.error().message();
        EXPECT_EQ(url->str(), c.result) << c.reference;
    }
    for (const char* reference : {"ftp://h/", "http://u:p@h/", "a b", "mailto:x", "/a\r\nb"})
        EXPECT_FALSE(resolve_url(base, reference)) << reference;
}

TEST(Headers, CompareWithoutCaseAndKeepTheirOrder) {
    Headers headers{{"A", "1"}, {"b", "2"}, {"a", "3"}};
    EXPECT_EQ(*headers.find("a"), "1");
    EXPECT_EQ(headers.all("A"), (std::vector<std::string>{"1", "3"}));
    EXPECT_EQ(headers.find("c"), nullptr);
    headers.set("a", "4");
    EXPECT_EQ(headers.all("A"), (std::vector<std::string>{"4"}));
    EXPECT_EQ(headers.begin()->name, "b");
    headers.erase("B");
    EXPECT_EQ(headers.size(), 1U);
}

TEST(Request, QueryParametersAreDecoded) {
    const Request request("GET", "/ws?a=1&b=x%20y&c=x+y&d&=e&&f=%zz&a=2");
    using Pairs = std::vector<std::pair<std::string, std::string>>;
    EXPECT_EQ(request.path(), "/ws");
    EXPECT_EQ(
        request.query_parameters(),
        (Pairs{{"a", "1"}, {"b", "x y"}, {"c", "x y"}, {"d", ""}, {"", "e"}, {"f", "%zz"}, {"a", "2"}}));
    EXPECT_TRUE(Request("GET", "/ws").query_parameters().empty());
}

TEST(Text, ListsAreSearchedInAllLines) {
    const Headers headers{{"Connection", "keep-alive, Upgrade"}, {"connection", " close "}};
    EXPECT_TRUE(list_contains(headers, "Connection", "upgrade"));
    EXPECT_TRUE(list_contains(headers, "Connection", "close"));
    EXPECT_FALSE(list_contains(headers, "Connection", "keep"));
}

} // namespace
} // namespace berth::http
