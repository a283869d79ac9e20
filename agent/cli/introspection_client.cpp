// One GET to the agent's introspection endpoint.
#include "agent/cli/introspection_client.hpp"

#include "berth/base/http/client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

namespace berth::cli {

Result<Json> fetch_tasks(const AgentOptions& agent) {
    http::Url url;
    url.scheme = "http";
    url.host = agent.address;
    url.port = agent.port;
    url.target = "/v1/tasks";
    asio::io_context loop(1);
    http::Client client(loop.get_executor(), {});
    Result<http::Response> answer = fail(ErrorCode::internal, "not asked");
    auto ask = [&]() -> Async<void> {
        answer = co_await client.send(url, http::Request("GET", url.target),
                                      deadline_in(std::chrono::seconds(5)), std::size_t{64} << 20);
    };
    asio::co_spawn(loop, ask, asio::detached);
    loop.run();
    if (!answer)
        return fail(std::move(answer.error()),
                    "no agent answers at {} (is berthd running? --port gives another port)", url.authority());
    auto json = parse_json(answer->body, {.max_bytes = std::size_t{64} << 20});
    if (!json) return fail(std::move(json.error()), "the agent at {}", url.authority());
    const auto list = JsonReader(*json).array("Tasks");
    if (!list || *list == nullptr)
        return fail(ErrorCode::protocol, "the agent at {} answered without a list of tasks", url.authority());
    return Json(**list);
}

} // namespace berth::cli
