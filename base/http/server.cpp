// Server: accepts, and serves each connection in its own coroutine.
#include "berth/base/http/server.hpp"

#include "base/http/request_reader.hpp"
#include "base/http/response_writer.hpp"
#include "base/http/sockets.hpp"
#include "base/http/websocket.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include <list>

namespace berth::http {
namespace {

struct Session {
    std::shared_ptr<Connection> connection;
    Peer peer;
    asio::cancellation_signal cancel;
    bool idle = true; // between requests
};

// Shared by the server and its sessions, which may still be suspended in a handler when the server goes.
struct State {
    State(Executor executor_, ServerOptions options_)
        : executor(executor_), options(options_), acceptor(executor_) {}
    Executor executor;
    ServerOptions options;
    Handler handler;
    UpgradeHandler upgrade;
    tcp::acceptor acceptor;
    std::list<std::shared_ptr<Session>> sessions; // the longest known first
    bool stopped = false;
};
using StatePtr = std::shared_ptr<State>;
using SessionPtr = std::shared_ptr<Session>;

Async<Response> respond(StatePtr state, Request request, Peer peer) {
    try {
        co_return co_await state->handler(std::move(request), std::move(peer));
    } catch (const std::exception& problem) {
        co_return Response(500, "text/plain", fmt::format("internal error: {}\n", problem.what()));
    }
}

Async<std::expected<WebSocketSession, Response>> decide(StatePtr state, Request request, Peer peer) {
    try {
        co_return co_await state->upgrade(std::move(request), std::move(peer));
    } catch (const std::exception& problem) {
        co_return std::unexpected(
            Response(500, "text/plain", fmt::format("internal error: {}\n", problem.what())));
    }
}

Async<void> run_websocket(StatePtr state, SessionPtr session, Request request, std::string unread,
                          WebSocketSession work) {
    const Deadline deadline = deadline_in(state->options.request_timeout);
    auto socket = co_await accept_websocket(session->connection, std::move(unread), std::move(request),
                                            state->options.max_message_bytes, deadline);
    if (socket) co_await work(std::move(*socket));
}

Async<void> serve(StatePtr state, SessionPtr session) {
    auto connection = session->connection;
    RequestReader reader(connection, state->options);
    while (!state->stopped) {
        session->idle = true;
        if (!co_await reader.wait()) co_return;
        session->idle = false;
        auto read = co_await reader.read();
        if (!read) {
            if (read.error().status == 0) co_return;
            Response refusal(read.error().status, "text/plain", read.error().why + "\n");
            if (!co_await write_response(connection, std::move(refusal), false, false,
                                         state->options.request_timeout))
                co_await connection->linger();
            co_return;
        }
        const bool head_only = read->request.method == "HEAD";
        Response response;
        if (read->upgrade && state->upgrade) {
            auto decided = co_await decide(state, read->request, session->peer);
            if (decided) {
                co_await run_websocket(state, session, std::move(read->request), reader.unread(),
                                       std::move(*decided));
                co_return;
            }
            response = std::move(decided.error());
        } else {
            response = co_await respond(state, std::move(read->request), session->peer);
        }
        const bool keep = read->keep_alive && !state->stopped && !asks_to_close(response);
        if (co_await write_response(connection, std::move(response), head_only, keep,
                                    state->options.request_timeout))
            co_return;
        if (!keep) {
            co_await connection->linger();
            co_return;
        }
    }
}

void start(const StatePtr& state, tcp::socket socket, const tcp::endpoint& from) {
    auto session = std::make_shared<Session>();
    auto address = from.address();
    if (address.is_v6() && address.to_v6().is_v4_mapped())
        address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
    session->peer = {address.to_string(), from.port()};
    session->connection = std::make_shared<Connection>(std::move(socket));
    auto place = state->sessions.insert(state->sessions.end(), session);
    // A session may throw when it is cancelled.
    auto finish = [state, session, place](const std::exception_ptr&) {
        session->connection->close();
        state->sessions.erase(place);
    };
    asio::co_spawn(state->executor, serve(state, session),
                   asio::bind_cancellation_slot(session->cancel.slot(), std::move(finish)));
}

// Room for one more: a connection between requests may be closed at any time (RFC 9112 9.5).
bool make_room(State& state) {
    if (state.sessions.size() < state.options.max_connections) return true;
    for (const SessionPtr& session : state.sessions)
        if (session->idle && session->connection->is_open()) {
            session->connection->close();
            return true;
        }
    return false;
}

Async<void> accept_all(StatePtr state) {
    while (!state->stopped) {
        Accepted accepted = co_await accept_private(state->acceptor);
        if (state->stopped) co_return;
        if (accepted.error) // out of descriptors, most likely: they come back
            (void)co_await sleep_until(deadline_in(std::chrono::milliseconds(100)));
        else if (make_room(*state))
            start(state, std::move(accepted.socket), accepted.from);
    }
}

class TcpServer final : public Server {
  public:
    TcpServer(StatePtr state, std::uint16_t port) : state_(std::move(state)), port_(port) {}
    ~TcpServer() override { stop(); }
    std::uint16_t port() const override { return port_; }
    void stop() override {
        if (std::exchange(state_->stopped, true)) return;
        SystemError ignored;
        state_->acceptor.close(ignored);
        for (const SessionPtr& session : state_->sessions) {
            session->connection->close();
            // From within the loop: co_spawn would pass the signal on later, when the session may be gone.
            auto cancel = [session] { session->cancel.emit(asio::cancellation_type::terminal); };
            asio::post(state_->executor, std::move(cancel));
        }
    }

  private:
    StatePtr state_;
    std::uint16_t port_;
};

} // namespace

Result<std::unique_ptr<Server>> Server::listen(Executor executor, const std::string& address,
                                               std::uint16_t port, Handler handler, ServerOptions options,
                                               UpgradeHandler upgrade) {
    SystemError error;
    const auto ip = asio::ip::make_address(address, error);
    if (error) return fail(ErrorCode::invalid, "listening on '{}': not an IP address", address);
    auto state = std::make_shared<State>(executor, options);
    state->handler = std::move(handler);
    state->upgrade = std::move(upgrade);
    const tcp::endpoint endpoint(ip, port);
    auto& acceptor = state->acceptor;
    error = open_private(acceptor, endpoint.protocol());
    if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) return fail_errno(error.value(), "listening on {} port {}", address, port);
    const std::uint16_t bound = acceptor.local_endpoint(error).port();
    asio::co_spawn(executor, accept_all(state), asio::detached);
    return std::make_unique<TcpServer>(std::move(state), bound);
}

} // namespace berth::http
