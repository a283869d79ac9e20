// WebSocket over Beast's websocket::stream, without its timers (we have deadlines) and without compression.
#include "base/http/websocket.hpp"

#include "base/http/exchange.hpp"
#include "base/http/socket_stream.hpp"
#include "base/http/text.hpp"
#include "base/http/write_queue.hpp"

#include <boost/beast/websocket/stream.hpp>

#include <algorithm>

namespace berth::http {
namespace {

namespace beast = boost::beast;
namespace websocket = beast::websocket;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::uint16_t kNoCode = 1005;       // RFC 6455 7.4.1: a close frame without a code
constexpr std::uint16_t kNoCloseFrame = 1006; // the connection ended without one

// Shared by the object and its pending operations, so that the object may go away under them.
struct Core {
    Core(std::shared_ptr<Connection> connection_, std::string unread, std::size_t max_message)
        : connection(connection_), stream(std::move(connection_), std::move(unread)) {
        stream.set_option(websocket::stream_base::timeout{websocket::stream_base::none(),
                                                          websocket::stream_base::none(), false});
        stream.read_message_max(max_message);
        stream.auto_fragment(false);
    }
    std::shared_ptr<Connection> connection;
    websocket::stream<SocketStream, false> stream;
    WriteQueue writers;
    std::uint16_t close_code = 0;
    bool closing = false;
};
using CorePtr = std::shared_ptr<Core>;

// Closes the connection when the deadline of one operation passes.
class Watch {
  public:
    Watch(std::shared_ptr<Connection> connection, Deadline deadline)
        : connection_(std::move(connection)), alarm_(connection_->executor(), [this] { ring(); }) {
        alarm_.set(deadline);
    }
    bool rang() const { return rang_; }

  private:
    void ring() {
        rang_ = true;
        connection_->close();
    }
    std::shared_ptr<Connection> connection_;
    bool rang_ = false;
    Alarm alarm_;
};

// The peer said what it must not say, or too much; a websocket peer has been told so by Beast.
bool is_protocol_error(const SystemError& error) {
    const bool is_end = error == websocket::error::closed || error == beast::http::error::end_of_stream ||
                        error == beast::http::error::partial_message;
    return !is_end && (error.category() == make_error_code(websocket::error::closed).category() ||
                       error.category() == make_error_code(beast::http::error::bad_version).category());
}

std::uint16_t received_code(const Core& core) {
    const std::uint16_t code = core.stream.reason().code;
    return code == websocket::close_code::none ? kNoCode : code;
}

// The connection is over: remembers how it ended and says it.
Error end(Core& core, const SystemError& error, bool late) {
    if (error == websocket::error::closed)
        core.close_code = received_code(core);
    else if (core.close_code == 0)
        core.close_code = kNoCloseFrame;
    core.connection->close();
    if (late) return {ErrorCode::timeout, "websocket: timed out"};
    if (error == websocket::error::closed) {
        const std::string text(core.stream.reason().reason.c_str());
        return {ErrorCode::closed, fmt::format("websocket: the peer closed it with code {}{}{}",
                                               core.close_code, text.empty() ? "" : ": ", text)};
    }
    if (error == websocket::error::message_too_big)
        return {ErrorCode::limit, fmt::format("websocket: the message is over the limit of {} bytes",
                                              core.stream.read_message_max())};
    if (is_protocol_error(error)) return {ErrorCode::protocol, "websocket: " + error.message()};
    if (error == asio::error::operation_aborted) return {ErrorCode::closed, "websocket: closed on this side"};
    return {ErrorCode::closed, fmt::format("websocket: the connection ended: {}", to_error(error).message())};
}

Async<Result<std::string>> read_message(CorePtr core, Deadline deadline) {
    if (core->close_code != 0 || !core->connection->is_open())
        co_return fail(end(*core, asio::error::operation_aborted, false));
    Watch watch(core->connection, deadline);
    std::string text;
    auto buffer = asio::dynamic_buffer(text);
    const auto [error, bytes] = co_await core->stream.async_read(buffer, kTuple);
    if (is_protocol_error(error)) co_await core->connection->linger();
    if (error) co_return fail(end(*core, error, watch.rang()));
    text.resize(bytes);
    co_return text;
}

Async<Status> write_message(CorePtr core, std::string text, Deadline deadline) {
    const auto turn = co_await core->writers.take(core->connection->executor(), deadline);
    if (!turn) co_return fail(Error(turn.error()), "websocket");
    if (core->closing || !core->connection->is_open())
        co_return fail(ErrorCode::closed, "websocket: the connection is closed");
    Watch watch(core->connection, deadline);
    core->stream.text(true);
    const auto [error, bytes] = co_await core->stream.async_write(asio::buffer(text), kTuple);
    if (!error) co_return Status{};
    // A close frame may have come in between.
    if (error == asio::error::operation_aborted && core->connection->is_open())
        co_return fail(ErrorCode::closed, "websocket: the connection is closed");
    co_return fail(end(*core, error, watch.rang()));
}

Async<void> close_stream(CorePtr core, std::uint16_t code, std::string reason, Deadline deadline) {
    if (std::exchange(core->closing, true) || !core->connection->is_open()) co_return;
    Watch watch(core->connection, deadline);
    constexpr std::size_t kMaxReason = 123; // RFC 6455 5.5: a control frame is at most 125 bytes
    if (reason.size() > kMaxReason) {
        reason.resize(kMaxReason);
        while (!reason.empty() && (static_cast<unsigned char>(reason.back()) & 0x80) != 0)
            reason.pop_back(); // may be half a character
    }
    const websocket::close_reason why(static_cast<websocket::close_code>(code), reason);
    const auto [error] = co_await core->stream.async_close(why, kTuple);
    if (!error) core->close_code = received_code(*core);
    core->connection->close();
}

class BeastWebSocket final : public WebSocket {
  public:
    explicit BeastWebSocket(CorePtr core) : core_(std::move(core)) {}
    ~BeastWebSocket() override { core_->connection->close(); }

    Async<Result<std::string>> read(Deadline deadline) override { return read_message(core_, deadline); }
    Async<Status> write(std::string text, Deadline deadline) override {
        return write_message(core_, std::move(text), deadline);
    }
    Async<void> close(std::uint16_t code, std::string reason, Deadline deadline) override {
        return close_stream(core_, code, std::move(reason), deadline);
    }
    void abort() override { core_->connection->close(); }
    std::uint16_t close_code() const override { return core_->close_code; }

  private:
    CorePtr core_;
};

Error refusal(const websocket::response_type& response) {
    constexpr std::size_t kMaxBody = 64 << 10;
    const unsigned status = response.result_int();
    const ErrorCode code = status == 401                    ? ErrorCode::auth
                           : status == 403                  ? ErrorCode::permission
                           : status == 429 || status >= 500 ? ErrorCode::unavailable
                                                            : ErrorCode::protocol;
    return Error(code, fmt::format("the server refused the upgrade with status {}\n{}", status,
                                   std::string_view(response.body()).substr(0, kMaxBody)))
        .with_http_status(status);
}

} // namespace

Async<Result<std::unique_ptr<WebSocket>>> connect_websocket(Url url, Headers headers, ClientOptions options,
                                                            std::size_t max_message, Deadline deadline) {
    Request request("GET", url.target);
    request.headers = headers;
    const std::string what = describe(url, request);
    if (auto sendable = request_head(url, request, {}); !sendable)
        co_return fail(std::move(sendable.error()), "{}", what);
    TlsContext context;
    if (url.secure()) {
        auto made = make_client_context(options.ca_file, options.verify_tls);
        if (!made) co_return fail(std::move(made.error()), "{}", what);
        context = std::move(*made);
    }
    const Deadline connected = std::min(deadline, deadline_in(options.connect_timeout));
    auto connection =
        co_await Connection::open(co_await asio::this_coro::executor, url, context.get(), connected);
    if (!connection) co_return fail(std::move(connection.error()), "{}", what);

    auto core = std::make_shared<Core>(*connection, std::string{}, max_message);
    auto decorate = [headers = std::move(headers)](websocket::request_type& upgrade) {
        for (const Header& header : headers) upgrade.set(header.name, header.value);
    };
    core->stream.set_option(websocket::stream_base::decorator(decorate));
    Watch watch(*connection, deadline);
    websocket::response_type response;
    const auto [error] = co_await core->stream.async_handshake(response, url.authority(), url.target, kTuple);
    if (error == websocket::error::upgrade_declined) co_return fail(refusal(response), "{}", what);
    if (error) co_return fail(end(*core, error, watch.rang()), "{}: upgrading", what);
    co_return std::make_unique<BeastWebSocket>(std::move(core));
}

Async<Result<std::shared_ptr<WebSocket>>> accept_websocket(std::shared_ptr<Connection> connection,
                                                           std::string unread, Request request,
                                                           std::size_t max_message, Deadline deadline) {
    beast::http::request<beast::http::empty_body> upgrade;
    upgrade.version(11);
    upgrade.method_string(request.method);
    upgrade.target(request.target);
    for (const Header& header : request.headers) upgrade.insert(header.name, header.value);
    auto core = std::make_shared<Core>(connection, std::move(unread), max_message);
    auto decorate = [](websocket::response_type& answer) { answer.set("Server", "berth"); };
    core->stream.set_option(websocket::stream_base::decorator(decorate));
    Watch watch(connection, deadline);
    const auto [error] = co_await core->stream.async_accept(upgrade, kTuple);
    if (error) co_return fail(end(*core, error, watch.rang()), "accepting a websocket");
    co_return std::make_shared<BeastWebSocket>(std::move(core));
}

} // namespace berth::http
