// One request and its response on one connection: the client's half of HTTP/1.1.
#pragma once

#include "berth/base/http/client.hpp"

#include "base/http/connection.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <functional>
#include <optional>

namespace berth::http {

// The request line and header as they go onto the wire, or why they must not.
Result<std::string> request_head(const Url& url, const Request& request, const std::string& user_agent);
// "GET https://host/path", for messages.
std::string describe(const Url& url, const Request& request);

class Exchange : public BodyStream {
  public:
    // `give_back` gets the connection when it can serve another request.
    using GiveBack = std::function<void(std::shared_ptr<Connection>)>;
    Exchange(std::shared_ptr<Connection> connection, std::string what, std::size_t max_header,
             GiveBack give_back);
    ~Exchange() override;

    // Sends the request and reads the response's header.
    Async<Status> start(std::string head, std::string body, bool is_head, Deadline deadline);
    // Whether the server had closed the connection before it saw the request.
    bool was_stale() const { return stale_; }

    unsigned status() const override { return status_; }
    const Headers& headers() const override { return headers_; }
    std::optional<std::uint64_t> content_length() const override { return length_; }
    Async<Result<std::size_t>> read(std::span<std::byte> buffer, Deadline deadline) override;

  private:
    enum class Framing : std::uint8_t { length, chunked, until_close, done };
    Async<Status> read_head(bool is_head, Deadline deadline);
    Async<Result<std::size_t>> read_raw(std::span<std::byte> buffer, Deadline deadline);
    Async<Result<std::size_t>> read_chunked(std::span<std::byte> buffer, Deadline deadline);
    // Reads more into buffer_.
    Async<IoResult> fill(Deadline deadline);
    void finish();
    Error broken(Error error);

    std::shared_ptr<Connection> connection_;
    std::string what_;
    std::size_t max_header_;
    GiveBack give_back_;
    boost::beast::flat_buffer buffer_;
    std::optional<boost::beast::http::response_parser<boost::beast::http::buffer_body>> parser_;
    unsigned status_ = 0;
    Headers headers_;
    std::optional<std::uint64_t> length_;
    Framing framing_ = Framing::done;
    std::uint64_t left_ = 0;
    bool may_keep_ = false;
    bool stale_ = false;
    bool failed_ = false;
};

} // namespace berth::http
