// What an agent reports: SubmitTaskStateChange, SubmitContainerStateChange, SubmitAttachmentStateChanges.
#include "cluster/api/operations.hpp"
#include "cluster/lifecycle/lifecycle.hpp"
#include "cluster/model/fields.hpp"
#include "cluster/model/refusal.hpp"

namespace berth::cluster {
namespace {

constexpr std::size_t kMaxReason = 1024;
constexpr std::size_t kMaxId = 255;
constexpr std::size_t kMaxBindings = 100;
constexpr double kLatestTime = 4e9; // 2096; later ones would not fit the clock

std::optional<Time> time_of(const Input& in, std::string_view key) {
    const auto seconds = in.number(key);
    if (!seconds || *seconds < 0 || *seconds > kLatestTime) return std::nullopt;
    return from_epoch_seconds(*seconds);
}

std::optional<TaskStatus> status_of(const Input& in) {
    const auto text = in.text("status");
    if (text.empty()) return std::nullopt;
    auto status = parse_task_status(text);
    if (status) return *status;
    in.note(std::move(status.error()));
    return std::nullopt;
}

Json read_bindings(const Input& in) {
    Json bindings = Json::array();
    for (const Json& item : in.objects("networkBindings")) {
        if (bindings.size() == kMaxBindings) break;
        Json binding = Json::object();
        for (const char* key : {"bindIP", "protocol", "containerPortRange", "hostPortRange"})
            set_unless_empty(binding, key, text_of(item, key));
        for (const char* key : {"containerPort", "hostPort"})
            if (const auto port = integer_of(item, key)) binding[key] = *port;
        bindings.push_back(std::move(binding));
    }
    return bindings;
}

ContainerChange read_container(const Input& in) {
    ContainerChange change;
    change.name = in.text("containerName");
    change.status = status_of(in);
    change.runtime_id = in.text("runtimeId").substr(0, kMaxId);
    change.image_digest = in.text("imageDigest").substr(0, kMaxId);
    change.reason = in.text("reason").substr(0, kMaxReason);
    change.exit_code = in.integer("exitCode");
    change.network_bindings = read_bindings(in);
    return change;
}

Result<const Task*> reported_task(const Context& context, const std::string& cluster_name,
                                  const std::string& name) {
    const auto cluster = context.world.cluster(cluster_name);
    if (!cluster) return client_error("Cluster not found.");
    const Task* task = context.world.task((*cluster)->name, name);
    // The one answer that makes an agent drop the report instead of repeating it for ever.
    if (!task) return bad_parameter("The referenced task was not found.");
    return task;
}

Json acknowledged() { return Json{{"acknowledgment", "ACK"}}; }

Result<Json> submit_task(Context& context, const Input& in) {
    const auto cluster = in.text("cluster");
    const auto name = in.text("task");
    TaskChange change;
    change.status = status_of(in);
    change.reason = in.text("reason").substr(0, kMaxReason);
    change.pull_started = time_of(in, "pullStartedAt");
    change.pull_stopped = time_of(in, "pullStoppedAt");
    change.execution_stopped = time_of(in, "executionStoppedAt");
    for (const Json& item : in.objects("containers")) {
        const Input container(item, "containers");
        change.containers.push_back(read_container(container));
        if (auto bad = container.check(); !bad) return fail(std::move(bad.error()));
    }
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    const auto task = reported_task(context, cluster, name);
    if (!task) return fail(task.error());
    apply_change(context, (*task)->arn, change);
    return acknowledged();
}

Result<Json> submit_container(Context& context, const Input& in) {
    const auto cluster = in.text("cluster");
    const auto name = in.text("task");
    TaskChange change;
    change.containers.push_back(read_container(in));
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    const auto task = reported_task(context, cluster, name);
    if (!task) return fail(task.error());
    apply_change(context, (*task)->arn, change);
    return acknowledged();
}

// Nothing is ever attached here; an agent that reports it anyway is heard.
Result<Json> submit_attachments(Context&, const Input& in) {
    in.objects("attachments");
    if (auto bad = in.check(); !bad) return fail(std::move(bad.error()));
    return acknowledged();
}

} // namespace

std::span<const Operation> report_operations() {
    static constexpr Operation kAll[]{{"SubmitTaskStateChange", submit_task},
                                      {"SubmitContainerStateChange", submit_container},
                                      {"SubmitAttachmentStateChanges", submit_attachments}};
    return kAll;
}

} // namespace berth::cluster
