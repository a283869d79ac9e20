// A task definition file, translated as a cluster endpoint translates it, then parsed as the agent parses it.
#include "agent/cli/task_file.hpp"

#include "berth/base/encoding.hpp"
#include "berth/base/files.hpp"

#include "cluster/definition/definition.hpp"
#include "cluster/logs/log_events.hpp"
#include "cluster/payload/payload.hpp"

namespace berth::cli {

namespace {

// Members that only describe-task-definition prints.
constexpr const char* kDescribed[] = {"taskDefinitionArn",  "revision",        "status",
                                      "requiresAttributes", "compatibilities", "registeredAt",
                                      "registeredBy",       "deregisteredAt",  "tags"};

Result<Json> read_request(const std::string& path) {
    const auto text = read_file(path, 1 << 20);
    if (!text) return std::unexpected(text.error());
    auto json = parse_json(*text);
    if (!json) return fail(std::move(json.error()), "{}", path);
    const JsonReader reader(*json, path);
    const auto described = reader.object("taskDefinition");
    if (!described) return std::unexpected(described.error());
    Json request = *described != nullptr ? **described : *json;
    if (!request.is_object())
        return fail(ErrorCode::invalid, "{}: not a task definition: a JSON object is expected", path);
    for (const char* member : kDescribed) request.erase(member);
    return request;
}

} // namespace

Result<engine::TaskSpec> read_task_file(const std::string& path, const std::string& network_mode) {
    auto request = read_request(path);
    if (!request) return std::unexpected(std::move(request.error()));
    if (!network_mode.empty()) (*request)["networkMode"] = network_mode;
    auto document = cluster::read_definition(*request);
    if (!document) return fail(std::move(document.error()), "{}", path);

    // The endpoint's part, played for one task: an empty world that knows only who and where we are.
    cluster::World world;
    world.identity = {.region = "local", .account = "000000000000"};
    cluster::LogEvents logs;
    const cluster::Settings settings;
    const cluster::MakeId make_id = random_hex;
    const cluster::Context context{
        .world = world, .logs = logs, .settings = settings, .now = now(), .make_id = make_id};
    cluster::Definition definition;
    definition.family = JsonReader(*document).string("family").value_or(std::nullopt).value_or("task");
    definition.revision = 1;
    definition.document = std::move(*document);
    cluster::Task task;
    task.id = random_hex(32);
    task.cluster = "local";
    task.arn = fmt::format("arn:aws:ecs:local:000000000000:task/local/{}", task.id);
    task.needs = cluster::needs_of(definition.document, task.overrides);
    auto spec = engine::parse_task(cluster::translate_task(context, task, definition));
    if (!spec) return fail(std::move(spec.error()), "{}", path);
    // Output goes to the terminal; a log driver of the definition has nobody to deliver to here.
    for (auto& container : spec->containers) container.log = {};
    return spec;
}

} // namespace berth::cli
