// WebSockets with peers that write frames by hand.
#include "berth/base/encoding.hpp"

#include "websocket_fixture.hpp"

#include <boost/asio/steady_timer.hpp>
#include <openssl/sha.h>

namespace berth::http {
namespace {

// The answer that accepts an upgrade (RFC 6455 4.2.2).
std::string accept_of(const std::string& head) {
    const std::string name = "Sec-WebSocket-Key: ";
    const std::size_t begin = head.find(name) + name.size();
    const std::string text =
        head.substr(begin, head.find("\r\n", begin) - begin) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::string digest(SHA_DIGEST_LENGTH, '\0');
    SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
           "Upgrade\r\nSec-WebSocket-Accept: " +
           base64_encode(digest) + "\r\n\r\n";
}

// Frames by hand. A client must mask them (RFC 6455 5.3).
std::string frame(std::uint8_t first, const std::string& payload, bool mask = true) {
    std::string bytes(1, static_cast<char>(first));
    const auto flag = static_cast<std::uint8_t>(mask ? 0x80 : 0);
    if (payload.size() < 126) {
        bytes += static_cast<char>(flag | payload.size());
    } else {
        bytes += static_cast<char>(flag | 126);
        bytes += static_cast<char>(payload.size() >> 8);
        bytes += static_cast<char>(payload.size() & 0xff);
    }
    const std::string key = mask ? "abcd" : "";
    bytes += key;
    for (std::size_t i = 0; i < payload.size(); ++i)
        bytes += mask ? static_cast<char>(payload[i] ^ key[i % 4]) : payload[i];
    return bytes;
}

const std::string kUpgrade =
    "GET /echo HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

// Upgrades, sends bytes, returns the first `expected` bytes that come, or fewer if the server closes.
Async<std::string> raw_frames(std::uint16_t port, std::string bytes, std::size_t expected,
                              bool byte_by_byte) {
    tcp::socket socket = co_await test::dial(port);
    socket.set_option(tcp::no_delay(true));
    co_await test::send(socket, kUpgrade);
    const std::string head = co_await test::read_head(socket);
    // The accept value of RFC 6455 1.3 for this key.
    EXPECT_NE(head.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), std::string::npos) << head;
    if (byte_by_byte)
        for (const char byte : bytes) co_await test::send(socket, std::string(1, byte));
    else
        co_await test::send(socket, std::move(bytes));
    std::string answer(expected, '\0');
    auto [error, count] = co_await asio::async_read(socket, asio::buffer(answer), kTuple);
    answer.resize(count);
    co_return answer;
}

TEST_F(WebSocketTest, AMessageInOneByteFragmentsArrivesWhole) {
    const std::string text = "a message in many fragments";
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool last = i + 1 == text.size();
        bytes += frame(static_cast<std::uint8_t>((last ? 0x80 : 0) | (i == 0 ? 1 : 0)), text.substr(i, 1));
        bytes += frame(0x89, "p"); // pings may come in between
    }
    const std::string pongs = [&] {
        std::string all;
        for (std::size_t i = 0; i + 1 < text.size(); ++i) all += frame(0x8a, "p", false);
        return all;
    }();
    const std::string answer =
        loop.run(raw_frames(server->port(), bytes, pongs.size() + text.size() + 2, true));
    EXPECT_EQ(answer, pongs + frame(0x81, text, false));
}

TEST_F(WebSocketTest, BinaryMessagesAreReadAndTextIsWritten) {
    EXPECT_EQ(loop.run(raw_frames(server->port(), frame(0x82, "abc"), 5, false)), frame(0x81, "abc", false));
}

TEST_F(WebSocketTest, AHugeFrameIsRefusedByItsAnnouncementAlone) {
    // 100 MB are announced, none are sent: the answer must not wait for them.
    std::string header("\x81\xff\x00\x00\x00\x00\x05\xf5\xe1\x00"
                       "abcd",
                       14);
    const std::string answer = loop.run(raw_frames(server->port(), header, 100, false));
    ASSERT_GE(answer.size(), 4U);
    EXPECT_EQ(answer.substr(0, 1), "\x88");
    EXPECT_EQ(answer.substr(2, 2), "\x03\xf1") << "close code 1009";
    loop.drive([&] { return sessions.ended.has_value(); });
    EXPECT_EQ(sessions.ended->code(), ErrorCode::limit);
    EXPECT_LT(sessions.received.capacity(), 1000U);
}

TEST_F(WebSocketTest, BadFramesEndTheConnectionWith1002Or1007) {
    struct Case {
        const char* what;
        std::string bytes;
        const char* code;
    };
    for (const Case& c : std::initializer_list<Case>{
             {"unmasked", frame(0x81, "a", false), "\x03\xea"},
             {"reserved bit", frame(0xc1, "a"), "\x03\xea"},
             {"reserved opcode", frame(0x83, "a"), "\x03\xea"},
             {"continuation of nothing", frame(0x80, "a"), "\x03\xea"},
             {"new message within a message", frame(0x01, "a") + frame(0x81, "b"), "\x03\xea"},
             {"fragmented ping", frame(0x09, "a"), "\x03\xea"},
             {"long ping", frame(0x89, std::string(126, 'a')), "\x03\xea"},
             {"text that is not UTF-8", frame(0x81, "\xff\xfe"), "\x03\xef"},
         }) {
        sessions.ended.reset();
        const std::string answer = loop.run(raw_frames(server->port(), c.bytes, 100, false));
        ASSERT_GE(answer.size(), 4U) << c.what;
        EXPECT_EQ(answer.substr(0, 1), "\x88") << c.what;
        EXPECT_EQ(answer.substr(2, 2), c.code) << c.what;
        loop.drive([&] { return sessions.ended.has_value(); });
        EXPECT_EQ(sessions.ended->code(), ErrorCode::protocol) << c.what << ": " << sessions.ended->message();
    }
}

TEST_F(WebSocketTest, ACloseFrameWithoutCodeIs1005) {
    const std::string answer = loop.run(raw_frames(server->port(), frame(0x88, ""), 100, false));
    EXPECT_EQ(answer.substr(0, 1), "\x88");
    loop.drive([&] { return sessions.ended.has_value(); });
    EXPECT_EQ(sessions.close_code, 1005);
}

TEST_F(WebSocketTest, FramesThatComeTogetherWithTheUpgradeAreNotLost) {
    auto work = [](std::uint16_t port) -> Async<std::string> {
        tcp::socket socket = co_await test::dial(port);
        co_await test::send(socket, kUpgrade + frame(0x81, "early"));
        co_await test::read_head(socket);
        std::string answer(7, '\0');
        co_await asio::async_read(socket, asio::buffer(answer), kTuple);
        co_return answer;
    };
    // read_head may take bytes of the answer with it; so the session's view is what counts.
    asio::co_spawn(loop.io, work(server->port()), asio::detached);
    loop.drive([&] { return sessions.received == "early"; });
}

TEST_F(WebSocketTest, ClosingAgainstADeadPeerEndsWithTheDeadline) {
    auto script = [](tcp::socket& socket, unsigned) -> Async<void> {
        const std::string head = co_await test::read_head(socket);
        co_await test::send(socket, accept_of(head));
        co_await test::read_all(socket); // never answers the close frame
    };
    RawServer raw(loop, script);
    auto socket = connect_to(raw.port(), "/").value();
    loop.run(socket->close(1000, "", deadline_in(milliseconds(50))));
    loop.drive([&] { return raw.open() == 0; });
}

TEST_F(WebSocketTest, AWriteToAPeerThatDoesNotReadEndsWithItsDeadline) {
    auto script = [](tcp::socket& socket, unsigned) -> Async<void> {
        const std::string head = co_await test::read_head(socket);
        co_await test::send(socket, accept_of(head));
        asio::steady_timer forever(socket.get_executor(), Deadline::max());
        co_await forever.async_wait(kTuple);
    };
    RawServer raw(loop, script);
    auto socket = connect_to(raw.port(), "/").value();
    const Deadline deadline = deadline_in(milliseconds(100));
    std::optional<Status> waiting;
    asio::co_spawn(loop.io, socket->write(std::string(64 << 20, 'x'), soon()),
                   [&](const std::exception_ptr&, const Status& status) { waiting = status; });
    const Status queued = loop.run(socket->write("behind it", deadline));
    ASSERT_FALSE(queued);
    EXPECT_EQ(queued.error().code(), ErrorCode::timeout);
    EXPECT_FALSE(waiting.has_value()) << "the one before has more time";
    socket->abort();
    loop.drive([&] { return waiting.has_value(); });
    EXPECT_FALSE(*waiting);
}

} // namespace
} // namespace berth::http
