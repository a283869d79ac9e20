// The scripted agent.
#include "tests/integration/cluster/fake_agent.hpp"

#include "berth/base/encoding.hpp"

#include <stdexcept>

namespace berth::test {
namespace {

SigningScope scope_of(const std::string& service) { return {"us-west-2", service, now()}; }

std::string member(const Json& object, const char* key) {
    return JsonReader(object).string(key).value_or(std::nullopt).value_or("");
}

} // namespace

FakeAgent::FakeAgent(Loop& loop, std::string url, AwsCredentials credentials_)
    : credentials(std::move(credentials_)), loop_(loop), url_(std::move(url)), client_(loop.executor(), {}) {}

FakeAgent::~FakeAgent() {
    *alive_ = false;
    disconnect();
}

Async<Result<Json>> FakeAgent::call(std::string operation, Json input) {
    auto url = http::parse_url(url_);
    if (!url) co_return fail(url.error());
    http::Request request("POST", "/");
    request.body = dump_json(input);
    request.headers.add("Host", url->authority());
    request.headers.add("Content-Type", "application/x-amz-json-1.1");
    request.headers.add("X-Amz-Target", "AmazonEC2ContainerServiceV20141113." + operation);
    sign_request(request, credentials, scope_of("ecs"));
    auto response = co_await client_.send(*url, std::move(request), soon());
    if (!response) co_return fail(response.error());
    auto body = parse_json(response->body);
    if (!body) co_return fail(body.error());
    if (response->status != 200)
        co_return std::unexpected(
            Error(ErrorCode::invalid, member(*body, "message")).with_name(member(*body, "__type")));
    co_return *body;
}

Async<void> FakeAgent::join(std::string cluster_name, Json attributes) {
    cluster = std::move(cluster_name);
    Json input = Json::parse(R"({"totalResources":[{"name":"CPU","type":"INTEGER","integerValue":4096},
        {"name":"MEMORY","type":"INTEGER","integerValue":8192},{"name":"PORTS","type":"STRINGSET","stringSetValue":["22"]}],
        "instanceIdentityDocument":"","instanceIdentityDocumentSignature":""})");
    input["cluster"] = cluster;
    input["attributes"] = std::move(attributes);
    const auto answer = co_await call("RegisterContainerInstance", std::move(input));
    if (!answer) throw std::runtime_error("registration: " + answer.error().message());
    instance = (*answer)["containerInstance"]["containerInstanceArn"].get<std::string>();
    const auto connected = co_await connect();
    if (!connected) throw std::runtime_error("ACS: " + connected.error().message());
}

Async<Result<std::unique_ptr<http::WebSocket>>> FakeAgent::open(std::string path_and_query) {
    auto url = http::parse_url(url_);
    if (!url) co_return fail(url.error());
    url->scheme = "ws";
    url->target = std::move(path_and_query);
    auto headers = sign_websocket(*url, "", credentials, scope_of("ecs"));
    co_return co_await http::connect_websocket(*url, std::move(headers), {}, std::size_t{8} << 20, soon());
}

std::string FakeAgent::telemetry_frame(const std::string& path_and_query, const std::string& json) const {
    auto url = http::parse_url(url_).value();
    url.target = path_and_query;
    std::string frame;
    for (const auto& header : sign_websocket(url, json, credentials, scope_of("ecs")))
        frame += header.name + ": " + header.value + "\r\n";
    return frame + "\r\n" + json;
}

Async<Status> FakeAgent::connect() {
    // The real agent writes the space of dockerVersion as '+' and signs it as %20.
    auto socket = co_await open(
        "/acs/ws?agentHash=abcdef12&agentVersion=1.105.1&clusterArn=" + percent_encode(cluster) +
        "&containerInstanceArn=" + percent_encode(instance) +
        "&dockerVersion=DockerVersion%3A+25.0.3&protocolVersion=2&sendCredentials=true&seqNum=1");
    if (!socket) co_return fail(socket.error());
    socket_ = std::move(*socket);
    spawn(loop_.executor(), listen(socket_), {});
    co_return Status{};
}

void FakeAgent::disconnect() {
    if (socket_) socket_->abort();
    socket_.reset();
}

Async<void> FakeAgent::listen(std::shared_ptr<http::WebSocket> socket) {
    const auto alive = alive_;
    while (true) {
        const auto text = co_await socket->read(Deadline::max());
        if (!*alive) co_return;
        if (!text) {
            if (socket_ == socket) socket_.reset();
            co_return;
        }
        Json frame = parse_json(*text).value_or(Json::object());
        received_.push_back(frame);
        if (member(frame, "type") != "PayloadMessage" || !acknowledges) continue;
        const Json& message = frame["message"];
        const Json ack{{"type", "AckRequest"},
                       {"message",
                        {{"cluster", message["clusterArn"]},
                         {"containerInstance", message["containerInstanceArn"]},
                         {"messageId", message["messageId"]}}}};
        std::string reply = dump_json(ack);
        (void)co_await socket->write(std::move(reply), soon());
        for (const Json& task : message["tasks"]) {
            if (!*alive) co_return;
            co_await obey(task);
        }
    }
}

Async<void> FakeAgent::obey(Json task) {
    if (member(task, "desiredStatus") == "STOPPED") {
        co_await finish(member(task, "arn"), 143);
        co_return;
    }
    Json containers = Json::array();
    for (const Json& container : task["containers"])
        containers.push_back(
            {{"containerName", container["name"]}, {"runtimeId", random_hex(64)}, {"status", "RUNNING"}});
    Json input{{"cluster", cluster}, {"task", task["arn"]}, {"status", "RUNNING"}, {"reason", ""}};
    input["containers"] = std::move(containers);
    (void)co_await call("SubmitTaskStateChange", std::move(input));
}

Async<void> FakeAgent::finish(std::string task, int exit_code) {
    Json input{{"cluster", cluster}, {"task", task}, {"status", "STOPPED"}, {"reason", ""}};
    input["containers"] =
        Json::array({{{"containerName", "app"}, {"status", "STOPPED"}, {"exitCode", exit_code}}});
    (void)co_await call("SubmitTaskStateChange", std::move(input));
}

std::vector<Json> FakeAgent::frames(const std::string& type) const {
    std::vector<Json> found;
    for (const Json& frame : received_)
        if (member(frame, "type") == type) found.push_back(frame);
    return found;
}

void FakeAgent::await_frame(const std::string& type, std::size_t count) {
    loop_.drive([&] { return frames(type).size() >= count; });
}

} // namespace berth::test
