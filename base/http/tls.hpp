// TLS by OpenSSL directly on a non-blocking socket: no copies between engine and socket, and the buffers of
// an idle connection are given back.
#pragma once

#include "berth/base/result.hpp"

#include <boost/system/error_code.hpp>
#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace berth::http {

// What a non-blocking step came to: bytes moved, or what to wait for, or an error (asio::error::eof at the
// end).
enum class Want : std::uint8_t { nothing, read, write };
struct Step {
    boost::system::error_code error;
    Want want = Want::nothing;
    std::size_t bytes = 0;
};

struct SslContextFree {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using TlsContext = std::unique_ptr<SSL_CTX, SslContextFree>;

// TLS 1.2 or later. Certificates come from ca_file, else from the system: its hashed directory, read one
// certificate at a time as needed, or where there is none its bundle (some 6 MB once loaded).
Result<TlsContext> make_client_context(const std::optional<std::string>& ca_file, bool verify);

class TlsSession {
  public:
    // `host` is what the certificate must be for: a name or an IP address. The socket stays the caller's.
    static Result<TlsSession> connect(SSL_CTX* context, int socket, const std::string& host);

    Step handshake();
    Step read(std::span<std::byte> buffer);
    Step write(std::span<const std::byte> bytes);
    // Whether nothing but silence would be read now.
    bool quiet();
    // Sends close_notify if there is room for it.
    void shut_down();
    // Why the handshake failed, for people.
    std::string handshake_problem(const boost::system::error_code& error) const;

  private:
    struct SslFree {
        void operator()(SSL* ssl) const { SSL_free(ssl); }
    };
    explicit TlsSession(SSL* ssl) : ssl_(ssl) {}
    Step judge(int result, int saved_errno);

    std::unique_ptr<SSL, SslFree> ssl_;
};

} // namespace berth::http
