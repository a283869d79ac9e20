// berth: the operator's command.
#include "agent/cli/commands.hpp"

#include <CLI/CLI.hpp>

namespace {

using namespace berth::cli;

void add_agent(CLI::App& command, AgentOptions& agent) {
    command.add_option("--address", agent.address, "address of the agent's introspection endpoint")
        ->capture_default_str();
    command.add_option("--port", agent.port, "its port")
        ->capture_default_str()
        ->envname("BERTH_INTROSPECTION_PORT");
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"Run, watch and debug ECS tasks on this host.", "berth"};
    app.set_version_flag("--version", std::string("berth ") + BERTH_VERSION);
    app.require_subcommand(1);
    int code = 0;

    RunOptions run_options;
    auto* run_command = app.add_subcommand("run", "run a task definition file here, without any cluster");
    run_command
        ->add_option("file", run_options.file,
                     "JSON as `aws ecs register-task-definition --cli-input-json` takes it")
        ->required();
    run_command->add_option("--network", run_options.network_mode,
                            "bridge, host or none, instead of the file's networkMode");
    run_command->add_option("--data-dir", run_options.data_dir, "where images and state are kept")
        ->capture_default_str();
    run_command->add_flag("-q,--quiet", run_options.quiet,
                          "print what the containers print and nothing else");
    run_command->callback([&] { code = run(run_options); });

    PsOptions ps_options;
    auto* ps_command = app.add_subcommand("ps", "list the agent's tasks and containers");
    ps_command->add_flag("-a,--all", ps_options.all, "stopped ones too");
    ps_command->add_flag("--json", ps_options.json, "print JSON");
    add_agent(*ps_command, ps_options.agent);
    ps_command->callback([&] { code = ps(ps_options); });

    LogsOptions logs_options;
    auto* logs_command = app.add_subcommand("logs", "print what a task's containers wrote");
    logs_command->add_option("what", logs_options.what, "task ARN or id, container id or name")->required();
    logs_command->add_flag("-f,--follow", logs_options.follow, "go on as lines come, until interrupted");
    logs_command->add_flag("-t,--timestamps", logs_options.timestamps, "print the time of each line");
    logs_command->add_option("-n,--tail", logs_options.tail, "only that many last lines of each container");
    logs_command->add_option("--data-dir", logs_options.data_dir, "the agent's data directory")
        ->envname("ECS_DATADIR");
    add_agent(*logs_command, logs_options.agent);
    logs_command->callback([&] { code = logs(logs_options); });

    PullOptions pull_options;
    auto* pull_command = app.add_subcommand("pull", "pull an image into the store of a stopped agent");
    pull_command
        ->add_option("image", pull_options.image, "for example public.ecr.aws/docker/library/busybox:1")
        ->required();
    pull_command->add_option("--data-dir", pull_options.data_dir, "the agent's data directory")
        ->envname("ECS_DATADIR");
    pull_command->callback([&] { code = pull(pull_options); });

    CLI11_PARSE(app, argc, argv);
    return code;
}
