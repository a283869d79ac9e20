// Reads requests from one connection of the server, one after another, within the server's limits.
#pragma once

#include "berth/base/http/server.hpp"

#include "base/http/connection.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <expected>
#include <memory>
#include <string>

namespace berth::http {

// Why there is no request: the status to answer with before closing, 0 to close in silence.
struct Refusal {
    unsigned status = 0;
    std::string why;
};

struct ReadRequest {
    Request request;
    bool keep_alive = false;
    bool upgrade = false; // asks for a websocket
};

class RequestReader {
  public:
    RequestReader(std::shared_ptr<Connection> connection, const ServerOptions& options)
        : connection_(std::move(connection)), options_(options) {}

    // Waits for the first byte of the next request.
    Async<bool> wait();
    // Reads it.
    Async<std::expected<ReadRequest, Refusal>> read();
    // Bytes that came after the last request.
    std::string unread() const;

  private:
    using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
    Async<std::optional<Refusal>> read_until(Parser& parser, bool header_only, Deadline deadline);
    Async<SystemError> fill(Deadline deadline);

    std::shared_ptr<Connection> connection_;
    const ServerOptions& options_;
    boost::beast::flat_buffer buffer_;
};

} // namespace berth::http
