// Each look-up has its own short-lived thread: Asio's resolver has one for all, so that one dead name server
// would hold up every connection of the program.
#include "base/http/resolve.hpp"

#include "berth/base/unique_fd.hpp"

#include <boost/asio/ip/address.hpp>

#include <netdb.h>
#include <sys/eventfd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>
#include <thread>

namespace berth::http {
namespace {

using asio::ip::tcp;

struct AddressesFree {
    void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

// Shared by the thread and the waiting coroutine; whoever leaves last frees it.
struct Lookup {
    std::string host;
    UniqueFd done;
    int result = 0;
    int error = 0;
    std::unique_ptr<addrinfo, AddressesFree> list;
    std::atomic<bool> ready = false;

    void run() {
        const addrinfo hints{.ai_flags = AI_ADDRCONFIG, .ai_socktype = SOCK_STREAM};
        addrinfo* found = nullptr;
        result = getaddrinfo(host.c_str(), nullptr, &hints, &found);
        error = errno;
        if (result == 0) list.reset(found);
        ready = true;
        eventfd_write(done.get(), 1);
    }
};

std::vector<tcp::endpoint> endpoints_of(const addrinfo* list, std::uint16_t port) {
    std::vector<tcp::endpoint> endpoints;
    for (; list != nullptr; list = list->ai_next) {
        tcp::endpoint endpoint;
        if (list->ai_addrlen > endpoint.capacity() ||
            (list->ai_family != AF_INET && list->ai_family != AF_INET6))
            continue;
        std::memcpy(endpoint.data(), list->ai_addr, list->ai_addrlen);
        endpoint.resize(list->ai_addrlen);
        endpoint.port(port);
        endpoints.push_back(endpoint);
    }
    return endpoints;
}

} // namespace

Async<Result<std::vector<tcp::endpoint>>> resolve(Executor executor, std::string host, std::uint16_t port,
                                                  Deadline deadline) {
    boost::system::error_code not_an_address;
    if (const auto address = asio::ip::make_address(host, not_an_address); !not_an_address)
        co_return std::vector{tcp::endpoint(address, port)};

    auto lookup = std::make_shared<Lookup>();
    lookup->host = host;
    lookup->done = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!lookup->done) co_return fail_errno(errno, "looking up {}: eventfd", host);
    try {
        std::thread([lookup] { lookup->run(); }).detach();
    } catch (const std::system_error& error) {
        co_return fail(ErrorCode::io, "looking up {}: starting a thread: {}", host, error.what());
    }
    if (Status waited = co_await wait_readable(lookup->done.get(), deadline); !waited)
        co_return fail(std::move(waited.error()), "looking up {}", host);
    if (!lookup->ready) co_return fail(ErrorCode::internal, "looking up {}: woken too early", host);
    if (lookup->result == EAI_SYSTEM) co_return fail_errno(lookup->error, "looking up {}", host);
    if (lookup->result != 0)
        co_return fail(ErrorCode::io, "looking up {}: {}", host, gai_strerror(lookup->result));
    auto endpoints = endpoints_of(lookup->list.get(), port);
    if (endpoints.empty()) co_return fail(ErrorCode::io, "looking up {}: no address", host);
    co_return endpoints;
}

} // namespace berth::http
