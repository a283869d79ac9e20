// The one HTTP client: HTTP/1.1, keep-alive, TLS by OpenSSL. One object serves the whole program.
//
// Lives on the event loop; not thread-safe. Name look-up does not block the loop. No redirects are followed
// and no status is an error here: the caller knows what a 307 or a 404 means. Failures are ErrorCode::io,
// timeout, protocol or limit, and name the URL without its query (it may hold signatures).
#pragma once

#include "berth/base/async.hpp"
#include "berth/base/http/message.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace berth::http {

struct ClientOptions {
    std::string user_agent = "berth";
    std::optional<std::string> ca_file; // instead of the system's certificates (AWS_CA_BUNDLE)
    bool verify_tls = true;
    std::chrono::milliseconds connect_timeout{30'000}; // TCP and TLS
    std::size_t max_idle_per_origin = 4;
    std::size_t max_header_bytes = 64 << 10;
};

// A response whose body is read piece by piece. Destroying it early closes the connection.
class BodyStream {
  public:
    virtual ~BodyStream() = default;
    virtual unsigned status() const = 0;
    virtual const Headers& headers() const = 0;
    // Content-Length, if the response has one.
    virtual std::optional<std::uint64_t> content_length() const = 0;
    // At least one byte, or 0 at the (verified) end; a body cut short is an error.
    virtual Async<Result<std::size_t>> read(std::span<std::byte> buffer, Deadline deadline) = 0;
};

class Client {
  public:
    Client(Executor executor, ClientOptions options);
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // One request, whole answer. A longer body than max_body is ErrorCode::limit. Host, User-Agent and
    // Content-Length are set here; a Host given by the caller is kept (signatures cover it). A request on
    // a kept connection that the server closed before answering is tried once more on a fresh one.
    Async<Result<Response>> send(Url url, Request request, Deadline deadline,
                                 std::size_t max_body = std::size_t{8} << 20);
    // Returns after the header.
    Async<Result<std::unique_ptr<BodyStream>>> open(Url url, Request request, Deadline header_deadline);

    const ClientOptions& options() const;

  private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

} // namespace berth::http
