// Options with CLI11, and the checks that no command-line library knows.
#include "cluster/options.hpp"

#include "berth/base/files.hpp"

#include <CLI/CLI.hpp>

#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

namespace berth::cluster {
namespace {

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

Status read_listen(const std::string& text, Options& options) {
    const auto colon = text.rfind(':');
    const auto host = text.substr(0, std::min(colon, text.size()));
    // The endpoint is for one machine: it hands out role keys and runs what it is told.
    if (host == "127.0.0.1" || host == "localhost")
        options.address = "127.0.0.1";
    else if (host == "[::1]")
        options.address = "::1";
    else
        return fail(ErrorCode::invalid, "--listen {}: only loopback addresses are served (127.0.0.1, [::1])",
                    text);
    const auto port = colon == std::string::npos ? std::string() : text.substr(colon + 1);
    const bool digits = !port.empty() && port.size() <= 5 &&
                        std::ranges::all_of(port, [](unsigned char c) { return std::isdigit(c); });
    if (!digits || std::stoi(port) > 65535)
        return fail(ErrorCode::invalid, "--listen {}: expected ADDRESS:PORT, port 0 to 65535", text);
    options.port = static_cast<std::uint16_t>(std::stoi(port));
    return {};
}

Status read_secret(const std::string& file, Options& options) {
    if (file.empty()) {
        options.secret_access_key = environment("AWS_SECRET_ACCESS_KEY");
    } else {
        auto text = read_file(file, 4096);
        if (!text) return fail(std::move(text.error()), "--secret-key-file");
        options.secret_access_key = std::move(*text);
        while (options.secret_access_key.ends_with('\n')) options.secret_access_key.pop_back();
    }
    if (options.access_key_id.empty() || options.secret_access_key.empty())
        return fail(
            ErrorCode::invalid,
            "the key pair of the endpoint is missing: give --access-key and --secret-key-file, or set "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    if (options.access_key_id.starts_with("ASIA"))
        return fail(ErrorCode::invalid,
                    "--access-key {}: keys that start with ASIA are kept for the roles of tasks",
                    options.access_key_id);
    return {};
}

Status check_identity(const Options& options) {
    const auto is_label = [](unsigned char c) { return std::islower(c) || std::isdigit(c) || c == '-'; };
    if (options.region.empty() || !std::ranges::all_of(options.region, is_label))
        return fail(ErrorCode::invalid, "--region {}: expected a name such as us-west-2", options.region);
    if (options.account.size() != 12 ||
        !std::ranges::all_of(options.account, [](unsigned char c) { return std::isdigit(c); }))
        return fail(ErrorCode::invalid, "--account {}: expected 12 digits", options.account);
    return {};
}

// After --ready-fd nothing else may be written there, so it must be a descriptor of ours and open.
Status check_ready_fd(const Options& options) {
    if (options.ready_fd >= 0 && fcntl(options.ready_fd, F_GETFD) < 0)
        return fail(ErrorCode::invalid, "--ready-fd {}: the descriptor is not open", options.ready_fd);
    return {};
}

} // namespace

std::expected<Options, Exit> parse_options(int argc, const char* const* argv) {
    Options options;
    options.access_key_id = environment("AWS_ACCESS_KEY_ID");
    std::string listen = "127.0.0.1:51700", secret_file, level = "info";
    CLI::App app(
        "The cluster endpoint of berth for one machine: the public ECS API, CloudWatch Logs and the agent\n"
        "protocols on loopback, for development and tests.");
    app.set_version_flag("--version", "berth-cluster " BERTH_VERSION);
    app.add_option("--listen", listen, "loopback address and port; port 0 takes a free one")
        ->capture_default_str();
    app.add_option("--state", options.state, "state file, or :memory: to keep nothing")
        ->capture_default_str();
    app.add_option("--region", options.region, "region in names and signatures")->capture_default_str();
    app.add_option("--account", options.account, "account in names")->capture_default_str();
    app.add_option("--access-key", options.access_key_id, "access key id of clients (AWS_ACCESS_KEY_ID)");
    app.add_option("--secret-key-file", secret_file, "file with their secret key (or AWS_SECRET_ACCESS_KEY)");
    app.add_option("--ecr-proxy-endpoint", options.registry_endpoint,
                   "registry that GetAuthorizationToken answers for, as http://HOST:PORT");
    app.add_option("--ecr-user", options.registry_user, "user of that registry")->default_str("AWS");
    app.add_option("--ecr-password", options.registry_password, "password of that registry");
    app.add_option("--log-level", level, "debug, info, warn, error, crit or none")->capture_default_str();
    app.add_option("--ready-fd", options.ready_fd, "write the ready line there instead of standard output");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        std::ostringstream out, problem;
        const int code = app.exit(error, out, problem);
        return std::unexpected(Exit{code, out.str() + problem.str()});
    }
    const auto parsed_level = parse_log_level(level);
    if (parsed_level) options.log_level = *parsed_level;
    for (const Status& status :
         {read_listen(listen, options), read_secret(secret_file, options), check_identity(options),
          check_ready_fd(options), parsed_level ? Status() : Status(std::unexpected(parsed_level.error()))})
        if (!status) return std::unexpected(Exit{2, "berth-cluster: " + status.error().message() + "\n"});
    return options;
}

} // namespace berth::cluster
