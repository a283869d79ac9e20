// Serving one ACS connection.
#include "agent/control/acs_session.hpp"

#include "berth/base/encoding.hpp"

#include "agent/control/acs_payload.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <exception>

namespace berth::control {
namespace {

constexpr std::size_t kRuntimeIdDigits = 64;

ContainerId fresh_id() { return ContainerId(random_hex(kRuntimeIdDigits)); }

} // namespace

AcsSession::AcsSession(SessionContext context, std::shared_ptr<http::WebSocket> socket)
    : context_(std::move(context)), socket_(std::move(socket)),
      inactivity_(draw(context_.timing->inactivity, context_.timing->inactivity_spread, context_.random)),
      started_(std::chrono::steady_clock::now()), last_activity_(started_) {}

Async<SessionEnd> AcsSession::run() {
    using namespace asio::experimental::awaitable_operators;
    // expire() never returns by itself: the end is always the reader's.
    auto first = co_await (read_until_end() || expire());
    socket_->abort();
    co_return std::move(std::get<0>(first));
}

Async<void> AcsSession::expire() {
    const auto age = draw(context_.timing->max_age, context_.timing->max_age_spread, context_.random);
    if (!co_await sleep_until(started_ + age)) co_return;
    co_await socket_->close(1000, "ConnectionExpired: Reconnect to continue",
                            deadline_in(context_.timing->write));
    if (!co_await sleep_until(deadline_in(context_.timing->close_grace))) co_return;
    socket_->abort();
    co_await sleep_until(Deadline::max());
}

SessionEnd AcsSession::end_for(const Error& error) const {
    SessionEnd end;
    end.lasted = std::chrono::steady_clock::now() - started_;
    end.clean = is_clean(error, socket_->close_code());
    end.why = error.code() == ErrorCode::timeout
                  ? fmt::format("nothing came for {} s", inactivity_ / std::chrono::seconds(1))
                  : error.message();
    return end;
}

Async<SessionEnd> AcsSession::read_until_end() {
    for (;;) {
        const auto deadline = last_activity_ + inactivity_;
        auto frame = co_await socket_->read(deadline);
        if (!frame) co_return end_for(frame.error());
        // A stream of messages that mean nothing never lets a read run out of time.
        if (std::chrono::steady_clock::now() >= deadline)
            co_return end_for(Error(ErrorCode::timeout, "late"));
        try {
            co_await handle(std::move(*frame));
        } catch (const std::exception& e) {
            context_.log.error("a handler of ACS messages failed", {{"why", e.what()}});
        }
    }
}

Async<void> AcsSession::handle(std::string frame) {
    auto message = decode_frame(frame);
    if (!message) {
        context_.log.warn("dropped an ACS message", {{"why", message.error().message()}});
        co_return;
    }
    last_activity_ = std::chrono::steady_clock::now();
    context_.state->last_message = now();
    auto work = std::visit([this](auto& value) { return on(std::move(value)); }, *message);
    co_await std::move(work);
}

Async<void> AcsSession::send(std::string frame) {
    auto sent = co_await socket_->write(std::move(frame), deadline_in(context_.timing->write));
    if (sent) co_return;
    context_.log.warn("cannot answer on the ACS connection", {{"why", sent.error().message()}});
    socket_->abort();
}

Async<void> AcsSession::on(Heartbeat message) {
    auto frame = encode_heartbeat_ack(message.message_id);
    co_await send(std::move(frame));
}

Async<void> AcsSession::on(Payload message) {
    const auto content = read_payload(message, fresh_id);
    context_.manifests->payload_seen(message.sequence_number);
    for (const auto& task : content.event.invalid)
        context_.log.error("a task of the payload is invalid",
                           {{"task", task.arn}, {"message", message.ids.message_id}, {"why", task.why}});
    if (context_.handlers->on_credentials)
        for (const auto& set : content.credentials) context_.handlers->on_credentials(set);
    auto committed = co_await context_.handlers->on_payload(content.event);
    if (!committed) {
        context_.log.error("the payload is not acknowledged: it could not be saved",
                           {{"message", message.ids.message_id}, {"why", committed.error().message()}});
        co_return;
    }
    for (auto& frame : payload_acks(message.ids, content)) co_await send(std::move(frame));
}

Async<void> AcsSession::on(RefreshedCredentials message) {
    if (context_.handlers->on_credentials) context_.handlers->on_credentials(message.credentials);
    auto frame = encode_credentials_ack(message.message_id, message.credentials);
    co_await send(std::move(frame));
}

Async<void> AcsSession::on(Attachment message) {
    context_.log.warn("attachments are not supported yet", {{"type", message.type}});
    auto frame = encode_ack(message.ids);
    co_await send(std::move(frame));
}

Async<void> AcsSession::on(TaskManifest message) {
    const auto& handlers = *context_.handlers;
    if (!context_.manifests->is_news(message)) {
        context_.log.debug("dropped an old task manifest", {{"timeline", message.timeline}});
        co_return;
    }
    if (handlers.save_manifest_number) {
        auto saved = co_await handlers.save_manifest_number(message.timeline);
        if (!saved) {
            context_.log.error("the task manifest is not acknowledged: its number could not be saved",
                               {{"why", saved.error().message()}});
            co_return;
        }
    }
    context_.manifests->accept(message);
    auto ack = encode_ack(message.ids);
    co_await send(std::move(ack));
    const auto running = handlers.running_tasks ? handlers.running_tasks() : std::vector<TaskArn>();
    const auto candidates = ManifestTracker::candidates(message, running);
    if (candidates.empty()) co_return;
    context_.log.info("tasks run here that the manifest does not list", {{"tasks", candidates.size()}});
    auto question = encode_stop_candidates(message.ids, candidates);
    co_await send(std::move(question));
}

Async<void> AcsSession::on(StopVerification message) {
    for (auto& task : context_.manifests->verify(std::move(message))) {
        context_.log.warn("stopping a task that the service does not want to run", {{"task", task}});
        if (context_.handlers->stop_task) context_.handlers->stop_task(std::move(task));
    }
    co_return;
}

Async<void> AcsSession::on(AgentUpdate message) {
    context_.log.info("refused an agent update", {{"type", message.type}});
    auto frame = encode_nack(message.ids, "Updates are disabled");
    co_await send(std::move(frame));
}

Async<void> AcsSession::on(Notice message) {
    context_.log.warn("the service says", {{"type", message.type}, {"text", message.text}});
    co_return;
}

} // namespace berth::control
