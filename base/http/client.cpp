// Client: connections kept per origin, and one request on one of them.
#include "berth/base/http/client.hpp"

#include "base/http/exchange.hpp"
#include "base/http/pool.hpp"

#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

namespace berth::http {

struct Client::Impl {
    Impl(Executor executor_, ClientOptions options_)
        : executor(std::move(executor_)), options(std::move(options_)), idle(options.max_idle_per_origin) {}

    // Made when first needed: most programs' first request is plain (instance metadata).
    Result<SSL_CTX*> tls() {
        if (!context) {
            auto made = make_client_context(options.ca_file, options.verify_tls);
            if (!made) return fail(std::move(made.error()));
            context = std::move(*made);
        }
        return context.get();
    }

    // The client may go away while one of these is under way.
    static Async<Result<std::unique_ptr<Exchange>>> begin(std::shared_ptr<Impl> impl, Url url,
                                                          Request request, Deadline deadline);
    static Async<Result<Response>> send(std::shared_ptr<Impl> impl, Url url, Request request,
                                        Deadline deadline, std::size_t max_body);
    static Async<Result<std::unique_ptr<BodyStream>>> open(std::shared_ptr<Impl> impl, Url url,
                                                           Request request, Deadline deadline);

    Executor executor;
    ClientOptions options;
    TlsContext context;
    IdlePool idle;
};

Async<Result<std::unique_ptr<Exchange>>> Client::Impl::begin(std::shared_ptr<Impl> impl, Url url,
                                                             Request request, Deadline deadline) {
    const std::string what = describe(url, request);
    auto head = request_head(url, request, impl->options.user_agent);
    if (!head) co_return fail(std::move(head.error()), "{}", what);
    SSL_CTX* context = nullptr;
    if (url.secure()) {
        auto made = impl->tls();
        if (!made) co_return fail(std::move(made.error()), "{}", what);
        context = *made;
    }
    const std::string origin = fmt::format("{}|{}|{}", url.secure(), url.host, url.port);
    auto give_back = [weak = std::weak_ptr(impl), origin](std::shared_ptr<Connection> connection) {
        if (auto alive = weak.lock()) alive->idle.put(origin, std::move(connection));
    };
    const bool is_head = request.method == "HEAD";
    for (bool retry = false;; retry = true) {
        auto connection = retry ? nullptr : impl->idle.take(origin);
        const bool reused = connection != nullptr;
        if (!reused) {
            const Deadline connected = std::min(deadline, deadline_in(impl->options.connect_timeout));
            auto opened = co_await Connection::open(impl->executor, url, context, connected);
            if (!opened) co_return fail(std::move(opened.error()), "{}", what);
            connection = std::move(*opened);
        }
        auto exchange = std::make_unique<Exchange>(std::move(connection), what,
                                                   impl->options.max_header_bytes, give_back);
        std::string body = reused ? request.body : std::move(request.body);
        Status started = co_await exchange->start(*head, std::move(body), is_head, deadline);
        if (started) co_return exchange;
        if (!reused || !exchange->was_stale()) co_return fail(std::move(started.error()));
        impl->idle.drop(origin); // its siblings are as old
    }
}

Async<Result<Response>> Client::Impl::send(std::shared_ptr<Impl> impl, Url url, Request request,
                                           Deadline deadline, std::size_t max_body) {
    const std::string what = describe(url, request);
    const bool is_head = request.method == "HEAD";
    auto exchange = co_await begin(std::move(impl), std::move(url), std::move(request), deadline);
    if (!exchange) co_return fail(std::move(exchange.error()));
    Response response;
    response.status = (*exchange)->status();
    response.headers = (*exchange)->headers();
    const auto length = (*exchange)->content_length();
    if (length.value_or(0) > max_body && !is_head)
        co_return fail(ErrorCode::limit, "{}: the body of {} bytes is over the limit of {}", what, *length,
                       max_body);
    std::string& body = response.body;
    while (true) {
        // Never trust the announced length with memory: grow with what has arrived.
        const std::size_t used = body.size();
        const std::size_t room = std::clamp<std::size_t>(used, 4 << 10, 256 << 10);
        body.resize(used + (length ? std::min<std::uint64_t>(room, *length - used + 1) : room));
        const auto space = std::as_writable_bytes(std::span(body)).subspan(used);
        auto got = co_await (*exchange)->read(space, deadline);
        body.resize(used + got.value_or(0));
        if (!got) co_return fail(std::move(got.error()));
        if (*got == 0) co_return response;
        if (body.size() > max_body)
            co_return fail(ErrorCode::limit, "{}: the body is over the limit of {} bytes", what, max_body);
    }
}

Async<Result<std::unique_ptr<BodyStream>>> Client::Impl::open(std::shared_ptr<Impl> impl, Url url,
                                                              Request request, Deadline deadline) {
    auto exchange = co_await begin(std::move(impl), std::move(url), std::move(request), deadline);
    if (!exchange) co_return fail(std::move(exchange.error()));
    co_return std::unique_ptr<BodyStream>(std::move(*exchange));
}

Client::Client(Executor executor, ClientOptions options)
    : impl_(std::make_shared<Impl>(std::move(executor), std::move(options))) {}

Client::~Client() = default;

const ClientOptions& Client::options() const { return impl_->options; }

Async<Result<Response>> Client::send(Url url, Request request, Deadline deadline, std::size_t max_body) {
    return Impl::send(impl_, std::move(url), std::move(request), deadline, max_body);
}

Async<Result<std::unique_ptr<BodyStream>>> Client::open(Url url, Request request, Deadline header_deadline) {
    return Impl::open(impl_, std::move(url), std::move(request), header_deadline);
}

} // namespace berth::http
