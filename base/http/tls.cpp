// OpenSSL: the client context, a BIO that cannot raise SIGPIPE, and the non-blocking session.
#include "base/http/tls.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/error.hpp>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <limits>

namespace berth::http {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

std::string openssl_problem() {
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    const char* reason = ERR_reason_error_string(code);
    return reason != nullptr ? reason : fmt::format("OpenSSL error {:#x}", code);
}

// OpenSSL's own socket BIO uses write(), which raises SIGPIPE on a dead connection.
int socket_of(BIO* bio) { return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio))); }

int bio_result(BIO* bio, ssize_t bytes, int retry_flag) {
    BIO_clear_retry_flags(bio);
    if (bytes < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_flags(bio, retry_flag | BIO_FLAGS_SHOULD_RETRY);
    return static_cast<int>(bytes);
}

int bio_write(BIO* bio, const char* data, int size) {
    return bio_result(bio, ::send(socket_of(bio), data, static_cast<std::size_t>(size), MSG_NOSIGNAL),
                      BIO_FLAGS_WRITE);
}

int bio_read(BIO* bio, char* data, int size) {
    const ssize_t bytes = ::recv(socket_of(bio), data, static_cast<std::size_t>(size), 0);
    if (bytes == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return bio_result(bio, bytes, BIO_FLAGS_READ);
}

long bio_control(BIO* bio, int command, long /*number*/, void* /*pointer*/) {
    if (command == BIO_CTRL_FLUSH) return 1;
    return command == BIO_CTRL_EOF && BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
}

struct BioMethodFree {
    void operator()(BIO_METHOD* method) const { BIO_meth_free(method); }
};

const BIO_METHOD* quiet_socket() {
    static const std::unique_ptr<BIO_METHOD, BioMethodFree> method = [] {
        BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "quiet socket");
        BIO_meth_set_write(made, bio_write);
        BIO_meth_set_read(made, bio_read);
        BIO_meth_set_ctrl(made, bio_control);
        return std::unique_ptr<BIO_METHOD, BioMethodFree>(made);
    }();
    return method.get();
}

// Whether the directory holds names such as 002c0b4f.0, by which OpenSSL finds an issuer without reading all.
bool has_hashed_names(const fs::path& directory) {
    std::error_code error;
    for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
        const std::string name = it->path().filename();
        if (name.size() == 10 && name.ends_with(".0") &&
            name.find_first_not_of("0123456789abcdef") == name.size() - 2)
            return true;
    }
    return false;
}

Status load_ca_file(SSL_CTX* context, const std::string& path) {
    if (SSL_CTX_load_verify_file(context, path.c_str()) != 1)
        return fail(ErrorCode::invalid, "reading the CA certificates of {}: {}", path, openssl_problem());
    return {};
}

Status use_system_certificates(SSL_CTX* context) {
    // The variables are OpenSSL's own; Go honours them too.
    const char* file = std::getenv("SSL_CERT_FILE");
    const char* directory = std::getenv("SSL_CERT_DIR");
    if (directory != nullptr) SSL_CTX_load_verify_dir(context, directory);
    if (file != nullptr) return load_ca_file(context, file);
    if (directory != nullptr) return {};
    for (const char* hashed : {"/etc/ssl/certs", "/etc/pki/ca-trust/extracted/pem/directory-hash"})
        if (has_hashed_names(hashed)) {
            SSL_CTX_load_verify_dir(context, hashed);
            return {};
        }
    for (const char* bundle : {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                               "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"})
        if (std::error_code error; fs::exists(bundle, error)) return load_ca_file(context, bundle);
    return {}; // every handshake will say that the issuer is unknown
}

} // namespace

Result<TlsContext> make_client_context(const std::optional<std::string>& ca_file, bool verify) {
    TlsContext context(SSL_CTX_new(TLS_client_method()));
    if (!context) return fail(ErrorCode::internal, "creating a TLS context: {}", openssl_problem());
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                        SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(context.get(), verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    if (!verify) return context;
    Status loaded = ca_file ? load_ca_file(context.get(), *ca_file) : use_system_certificates(context.get());
    if (!loaded) return fail(std::move(loaded.error()));
    return context;
}

Result<TlsSession> TlsSession::connect(SSL_CTX* context, int socket, const std::string& host) {
    TlsSession session(SSL_new(context));
    BIO* bio = BIO_new(quiet_socket());
    if (!session.ssl_ || bio == nullptr) {
        BIO_free(bio);
        return fail(ErrorCode::internal, "creating a TLS session: {}", openssl_problem());
    }
    BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket)));
    BIO_set_init(bio, 1);
    SSL* ssl = session.ssl_.get();
    SSL_set_bio(ssl, bio, bio);
    SSL_set_connect_state(ssl);
    boost::system::error_code not_an_address;
    asio::ip::make_address(host, not_an_address);
    bool named = false;
    if (!not_an_address) {
        named = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
    } else {
        SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        named = SSL_set1_host(ssl, host.c_str()) == 1 && SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
    }
    if (!named)
        return fail(ErrorCode::invalid, "'{}' cannot be the name of a TLS server: {}", host,
                    openssl_problem());
    return session;
}

Step TlsSession::judge(int result, int saved_errno) {
    if (result > 0) return {.bytes = static_cast<std::size_t>(result)};
    switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: return {.want = Want::read};
    case SSL_ERROR_WANT_WRITE: return {.want = Want::write};
    case SSL_ERROR_ZERO_RETURN: return {.error = asio::error::eof};
    case SSL_ERROR_SYSCALL:
        if (saved_errno != 0) return {.error = {saved_errno, boost::system::system_category()}};
        return {.error = asio::ssl::error::stream_truncated};
    default: {
        const unsigned long code = ERR_get_error();
        if (ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
            return {.error = asio::ssl::error::stream_truncated};
        return {.error = {static_cast<int>(code), asio::error::get_ssl_category()}};
    }
    }
}

Step TlsSession::handshake() {
    ERR_clear_error();
    errno = 0;
    const int result = SSL_do_handshake(ssl_.get());
    return judge(result, errno);
}

Step TlsSession::read(std::span<std::byte> buffer) {
    // One record is at most 16 KiB; taking all that has arrived saves a turn of the caller per record.
    std::size_t total = 0;
    constexpr std::size_t kMost = std::numeric_limits<int>::max();
    while (true) {
        ERR_clear_error();
        errno = 0;
        const int room = static_cast<int>(std::min(buffer.size() - total, kMost));
        const int result = SSL_read(ssl_.get(), buffer.data() + total, room);
        Step step = judge(result, errno);
        total += step.bytes;
        if (total == 0) return step;
        if (step.bytes == 0 || total == buffer.size())
            return {.bytes = total}; // an error or the end will be met again
    }
}

Step TlsSession::write(std::span<const std::byte> bytes) {
    ERR_clear_error();
    errno = 0;
    constexpr std::size_t kMost = std::numeric_limits<int>::max();
    const int result = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(std::min(bytes.size(), kMost)));
    return judge(result, errno);
}

bool TlsSession::quiet() {
    ERR_clear_error();
    std::byte byte{};
    const int result = SSL_peek(ssl_.get(), &byte, 1);
    return result <= 0 && SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ;
}

void TlsSession::shut_down() {
    if (SSL_is_init_finished(ssl_.get()) == 1) {
        ERR_clear_error();
        SSL_shutdown(ssl_.get());
    }
}

std::string TlsSession::handshake_problem(const boost::system::error_code& error) const {
    if (const long verdict = SSL_get_verify_result(ssl_.get()); verdict != X509_V_OK)
        return X509_verify_cert_error_string(verdict);
    return error.message();
}

} // namespace berth::http
