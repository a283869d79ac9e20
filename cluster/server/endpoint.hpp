// Endpoint: the running server. Verifies requests, runs operations, saves what changed, tells the agents.
//
// Lives on the event loop. Each request changes the world in one go, without suspension; then settle() lets
// services react, writes the changes on the pool, and only after that are answers and frames sent.
#pragma once

#include "berth/base/async.hpp"
#include "berth/base/http/server.hpp"
#include "berth/base/log.hpp"
#include "berth/base/sigv4.hpp"

#include "cluster/logs/log_events.hpp"
#include "cluster/model/context.hpp"
#include "cluster/server/acs_link.hpp"
#include "cluster/store/store.hpp"

#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <string>

namespace berth::cluster {

class Endpoint {
  public:
    // `pool` must have one thread: changes are written in the order they were made.
    Endpoint(Executor executor, Pool& pool, World world, Settings settings, Store store, Log log);
    Endpoint(const Endpoint&) = delete;
    Endpoint& operator=(const Endpoint&) = delete;

    // Known only once the server listens.
    void set_url(std::string url) { settings_.url = std::move(url); }

    Async<http::Response> handle(http::Request request, http::Peer peer);
    Async<std::expected<http::WebSocketSession, http::Response>> upgrade(http::Request request,
                                                                         http::Peer peer);
    // Lets time pass: services that held back, tasks that are forgotten. Runs until stop().
    Async<void> keep_time();
    // Ends keep_time and all websockets.
    void stop();

  private:
    struct Connection {
        Connection(Executor executor, std::string instance_arn, std::shared_ptr<http::WebSocket> socket_)
            : link(std::move(instance_arn)), socket(std::move(socket_)), beat(executor) {}
        AcsLink link; // of telemetry: unused
        std::shared_ptr<http::WebSocket> socket;
        asio::steady_timer beat;
        bool over = false;

        void end() {
            over = true;
            beat.cancel();
        }
    };
    using ConnectionPtr = std::shared_ptr<Connection>;

    Context context() { return {world_, logs_, settings_, now(), make_id_}; }
    Result<VerifiedIdentity> verify(const http::Request& request) const;
    Result<Json> run(const http::Request& request);
    Async<Status> settle();
    Async<Status> save();
    void send(std::shared_ptr<http::WebSocket> socket, Frames frames);
    void close_inactive();
    void wake_at(std::optional<Time> when);

    // A websocket upgrade is for one of the two protocols.
    Result<std::string> admit(const http::Request& request, const char* cluster_key,
                              const char* instance_key);
    Async<void> serve_acs(std::string instance_arn, bool send_credentials,
                          std::shared_ptr<http::WebSocket> socket);
    Async<void> serve_tcs(std::string instance_arn, std::string target,
                          std::shared_ptr<http::WebSocket> socket);
    // Calls `once` in intervals until the connection is over.
    Async<void> keep_beating(ConnectionPtr connection, void (Endpoint::*once)(Connection&));
    void beat_work(Connection& connection);
    void beat_telemetry(Connection& connection);
    Async<Result<std::string>> take_telemetry(std::string instance_arn, std::string target,
                                              std::string frame);

    Executor executor_;
    Pool& pool_;
    World world_;
    LogEvents logs_;
    Settings settings_;
    Store store_;
    Log log_;
    MakeId make_id_;
    std::map<std::string, ConnectionPtr> connections_; // by ARN of the instance
    asio::steady_timer timer_;
    bool stopping_ = false;
};

} // namespace berth::cluster
