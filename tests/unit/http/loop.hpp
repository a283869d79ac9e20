// The event loop of a test, and peers that speak bytes instead of HTTP.
#pragma once

#include "berth/base/async.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>

namespace berth::test {

using asio::ip::tcp;
inline constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

// Long enough for a loaded machine under sanitizers; nothing waits for it unless it is broken.
inline Deadline soon() { return deadline_in(std::chrono::seconds(30)); }

class Loop {
  public:
    asio::io_context io{1};
    Executor executor() { return io.get_executor(); }

    // Runs the loop until the work is done.
    template <class T>
    T run(Async<T> work) {
        std::optional<T> result;
        std::exception_ptr thrown;
        auto store = [&](std::exception_ptr problem, T value) {
            thrown = problem, result = std::move(value);
        };
        asio::co_spawn(io, std::move(work), store);
        drive([&] { return result.has_value(); });
        if (thrown) std::rethrow_exception(thrown);
        return std::move(*result);
    }
    void run(Async<void> work) {
        bool done = false;
        std::exception_ptr thrown;
        asio::co_spawn(io, std::move(work),
                       [&](std::exception_ptr problem) { thrown = problem, done = true; });
        drive([&] { return done; });
        if (thrown) std::rethrow_exception(thrown);
    }
    // Runs the loop until something is so.
    void drive(const std::function<bool()>& done) {
        io.restart();
        const Deadline end = soon();
        while (!done())
            if (io.run_one_until(end) == 0)
                throw std::runtime_error("the test's event loop has nothing more to do, or it took too long");
    }
};

// Serves each connection by a script. The connection is closed when the script returns.
class RawServer {
  public:
    using Script = std::function<Async<void>(tcp::socket&, unsigned nth)>;
    RawServer(Loop& loop, Script script) : state_(std::make_shared<State>(loop, std::move(script))) {
        asio::co_spawn(loop.io, accept(state_), asio::detached);
    }
    ~RawServer() { state_->acceptor.close(); }
    std::uint16_t port() const { return state_->acceptor.local_endpoint().port(); }
    std::string url(const std::string& path = "/") const {
        return "http://127.0.0.1:" + std::to_string(port()) + path;
    }
    unsigned connections() const { return state_->connections; }
    unsigned open() const { return state_->open; }

  private:
    struct State {
        State(Loop& loop, Script script_)
            : script(std::move(script_)),
              acceptor(loop.io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {}
        Script script;
        tcp::acceptor acceptor;
        unsigned connections = 0;
        unsigned open = 0;
    };
    static Async<void> accept(std::shared_ptr<State> state) {
        while (true) {
            auto [error, socket] = co_await state->acceptor.async_accept(kTuple);
            if (error) co_return;
            const unsigned nth = state->connections++;
            asio::co_spawn(state->acceptor.get_executor(), serve(state, std::move(socket), nth),
                           asio::detached);
        }
    }
    static Async<void> serve(std::shared_ptr<State> state, tcp::socket socket, unsigned nth) {
        ++state->open;
        co_await state->script(socket, nth);
        --state->open;
    }
    std::shared_ptr<State> state_;
};

// One request with its header as text; empty when the peer closed.
inline Async<std::string> read_head(tcp::socket& socket) {
    std::string text;
    co_await asio::async_read_until(socket, asio::dynamic_buffer(text), "\r\n\r\n", kTuple);
    co_return text;
}
inline Async<void> send(tcp::socket& socket, std::string text) {
    co_await asio::async_write(socket, asio::buffer(text), kTuple);
}
inline Async<std::string> read_all(tcp::socket& socket) {
    std::string text;
    co_await asio::async_read(socket, asio::dynamic_buffer(text), kTuple);
    co_return text;
}
inline Async<tcp::socket> dial(std::uint16_t port) {
    tcp::socket socket(co_await asio::this_coro::executor);
    co_await socket.async_connect(tcp::endpoint(asio::ip::address_v4::loopback(), port), asio::use_awaitable);
    co_return socket;
}

} // namespace berth::test
