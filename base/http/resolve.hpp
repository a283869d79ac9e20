// Name look-up that neither blocks the event loop nor waits behind other look-ups.
#pragma once

#include "berth/base/async.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <string>
#include <vector>

namespace berth::http {

// Never empty. The deadline holds although getaddrinfo() cannot be interrupted.
Async<Result<std::vector<asio::ip::tcp::endpoint>>> resolve(Executor executor, std::string host,
                                                            std::uint16_t port, Deadline deadline);

} // namespace berth::http
