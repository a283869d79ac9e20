// Exchange: Beast parses header and chunks; bodies of known length go straight into the caller's buffer.
#include "base/http/exchange.hpp"

#include "base/http/text.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>

#include <algorithm>
#include <cstring>

namespace berth::http {
namespace {

namespace beast_http = boost::beast::http;
constexpr std::size_t kHeadRead = 16 << 10;
constexpr std::size_t kChunkRead = 64 << 10;

// Written by request_head itself, or of one hop only.
bool is_ours(std::string_view name) {
    return same_text(name, "Host") || same_text(name, "Content-Length") ||
           same_text(name, "Transfer-Encoding");
}

bool is_end(const SystemError& error) {
    return error == asio::error::eof || error == asio::ssl::error::stream_truncated;
}

// The ways in which a kept connection turns out to be closed.
bool is_hang_up(const SystemError& error) {
    return is_end(error) || error == boost::system::errc::connection_reset ||
           error == boost::system::errc::broken_pipe;
}

} // namespace

std::string describe(const Url& url, const Request& request) {
    return fmt::format("{} {}://{}{}", request.method, url.scheme, url.authority(), url.path());
}

Result<std::string> request_head(const Url& url, const Request& request, const std::string& user_agent) {
    if (!is_token(request.method)) return fail(ErrorCode::invalid, "the method is not a word");
    if (!is_target(url.target) || !url.target.starts_with('/'))
        return fail(ErrorCode::invalid, "the target holds characters that do not belong into a URL");
    const std::string* host = request.headers.find("Host");
    const std::string authority = host != nullptr ? *host : url.authority();
    std::string head = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", request.method, url.target, authority);
    if (!is_header_value(authority))
        return fail(ErrorCode::invalid, "the Host header holds control characters");
    for (const Header& header : request.headers) {
        if (is_ours(header.name)) continue;
        if (!is_token(header.name) || !is_header_value(header.value))
            return fail(ErrorCode::invalid, "header '{}' has a wrong name or control characters in its value",
                        is_token(header.name) ? header.name : "?");
        head += fmt::format("{}: {}\r\n", header.name, header.value);
    }
    if (!user_agent.empty() && request.headers.find("User-Agent") == nullptr)
        head += fmt::format("User-Agent: {}\r\n", user_agent);
    const bool has_body = request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
    if (has_body || !request.body.empty()) head += fmt::format("Content-Length: {}\r\n", request.body.size());
    head += "\r\n";
    return head;
}

Exchange::Exchange(std::shared_ptr<Connection> connection, std::string what, std::size_t max_header,
                   GiveBack give_back)
    : connection_(std::move(connection)), what_(std::move(what)), max_header_(max_header),
      give_back_(std::move(give_back)) {}

Exchange::~Exchange() {
    if (connection_) connection_->close();
}

Error Exchange::broken(Error error) {
    failed_ = true;
    if (connection_) connection_->close();
    return std::move(error).while_doing(what_);
}

Async<IoResult> Exchange::fill(Deadline deadline) {
    const bool in_head = !parser_->is_header_done();
    auto room = buffer_.prepare(in_head ? kHeadRead : kChunkRead);
    const std::span<std::byte> span(static_cast<std::byte*>(room.data()), room.size());
    const IoResult got = co_await connection_->read_some(span, deadline);
    buffer_.commit(got.bytes);
    co_return got;
}

Async<Status> Exchange::start(std::string head, std::string body, bool is_head, Deadline deadline) {
    constexpr std::size_t kOneWrite = 16 << 10;
    if (body.size() <= kOneWrite) head += std::exchange(body, {});
    SystemError unsent = co_await connection_->write(head, deadline);
    if (!unsent) unsent = co_await connection_->write(body, deadline);
    if (unsent && !is_hang_up(unsent)) co_return fail(broken(to_error(unsent)));
    // A server that refuses a long body may answer and close before it has read it: look for that answer.
    may_keep_ = !unsent;
    co_return co_await read_head(is_head, deadline);
}

Async<Status> Exchange::read_head(bool is_head, Deadline deadline) {
    do { // informational responses come before the real one
        parser_.emplace();
        parser_->header_limit(static_cast<std::uint32_t>(max_header_));
        parser_->body_limit(boost::none);
        parser_->skip(is_head);
        while (!parser_->is_header_done()) {
            SystemError wrong;
            if (buffer_.size() > 0) buffer_.consume(parser_->put(buffer_.data(), wrong));
            if (wrong == beast_http::error::header_limit)
                co_return fail(broken(
                    {ErrorCode::limit, fmt::format("the header is longer than {} bytes", max_header_)}));
            if (wrong && wrong != beast_http::error::need_more)
                co_return fail(broken({ErrorCode::protocol, "not an HTTP/1 response: " + wrong.message()}));
            if (parser_->is_header_done()) break;
            const bool nothing_yet = buffer_.size() == 0 && status_ == 0;
            const IoResult got = co_await fill(deadline);
            if (!got.error) continue;
            stale_ = nothing_yet && is_hang_up(got.error);
            Error error = is_end(got.error)
                              ? Error(ErrorCode::io, "the server closed the connection before it answered")
                              : to_error(got.error);
            co_return fail(broken(std::move(error)));
        }
        status_ = parser_->get().result_int();
    } while (status_ >= 100 && status_ < 200 && status_ != 101);
    if (status_ == 101)
        co_return fail(broken({ErrorCode::protocol, "the server switched protocols unasked"}));

    for (const auto& field : parser_->get())
        headers_.add(std::string(field.name_string()), std::string(field.value()));
    may_keep_ = may_keep_ && parser_->keep_alive() && !list_contains(headers_, "Connection", "close");
    if (const auto length = parser_->content_length()) length_ = *length;
    if (parser_->is_done())
        framing_ = Framing::done;
    else if (parser_->chunked())
        framing_ = Framing::chunked;
    else if (length_)
        framing_ = Framing::length;
    else
        framing_ = Framing::until_close;
    left_ = framing_ == Framing::length ? *length_ : 0;
    parser_->eager(true);
    if (framing_ == Framing::done) finish();
    co_return Status{};
}

// The body is complete.
void Exchange::finish() {
    parser_.reset();
    auto connection = std::exchange(connection_, nullptr);
    const bool excess = buffer_.size() > 0; // more than was announced: not to be trusted
    if (may_keep_ && framing_ != Framing::until_close && !excess)
        give_back_(std::move(connection));
    else
        connection->close();
    framing_ = Framing::done;
}

Async<Result<std::size_t>> Exchange::read(std::span<std::byte> buffer, Deadline deadline) {
    if (failed_) co_return fail(ErrorCode::closed, "{}: the connection has failed before", what_);
    if (framing_ == Framing::done || buffer.empty()) co_return std::size_t{0};
    if (framing_ == Framing::chunked) co_return co_await read_chunked(buffer, deadline);
    co_return co_await read_raw(buffer, deadline);
}

Async<Result<std::size_t>> Exchange::read_raw(std::span<std::byte> buffer, Deadline deadline) {
    if (framing_ == Framing::length && buffer.size() > left_)
        buffer = buffer.first(static_cast<std::size_t>(left_));
    IoResult got;
    if (buffer_.size() > 0) { // what came along with the header
        got.bytes = std::min(buffer.size(), buffer_.size());
        std::memcpy(buffer.data(), buffer_.data().data(), got.bytes);
        buffer_.consume(got.bytes);
    } else {
        got = co_await connection_->read_some(buffer, deadline);
    }
    if (framing_ == Framing::until_close) {
        if (got.error == asio::error::eof) { // with TLS only after a goodbye: a cut is told apart
            finish();
        } else if (got.error) {
            co_return fail(broken(to_error(got.error)));
        }
        co_return got.bytes;
    }
    if (is_end(got.error))
        co_return fail(
            broken({ErrorCode::io,
                    fmt::format("the body was cut short, {} of {} bytes are missing", left_, *length_)}));
    if (got.error) co_return fail(broken(to_error(got.error)));
    left_ -= got.bytes;
    if (left_ == 0) finish();
    co_return got.bytes;
}

Async<Result<std::size_t>> Exchange::read_chunked(std::span<std::byte> buffer, Deadline deadline) {
    auto& room = parser_->get().body();
    room.data = buffer.data();
    room.size = buffer.size();
    room.more = true;
    while (true) {
        SystemError wrong;
        if (buffer_.size() > 0) buffer_.consume(parser_->put(buffer_.data(), wrong));
        if (wrong && wrong != beast_http::error::need_more && wrong != beast_http::error::need_buffer)
            co_return fail(broken({ErrorCode::protocol, "bad chunk in the body: " + wrong.message()}));
        const std::size_t got = buffer.size() - room.size;
        const bool done = parser_->is_done();
        if (done) finish();
        if (got > 0 || done) co_return got;
        if (buffer_.size() > max_header_) // a chunk header or trailer without end
            co_return fail(broken({ErrorCode::limit, "a chunk header in the body is too long"}));
        const IoResult filled = co_await fill(deadline);
        if (is_end(filled.error)) co_return fail(broken({ErrorCode::io, "the body was cut short"}));
        if (filled.error) co_return fail(broken(to_error(filled.error)));
    }
}

} // namespace berth::http
