// The credential chain: environment, shared files, instance role.
#include "berth/aws/aws.hpp"
#include "berth/aws/imds.hpp"
#include "berth/base/files.hpp"

#include "agent/aws/shared_file.hpp"

#include <optional>

namespace berth::aws {
namespace {

constexpr std::size_t kMaxFile = 1 << 20;
// Files may be replaced by whoever rotates the keys.
constexpr auto kFileLifetime = std::chrono::minutes(1);
// Instance credentials are fetched anew this long before they end, and at least hourly (reference 6).
constexpr auto kMargin = std::chrono::minutes(5);
constexpr auto kLongestLifetime = std::chrono::hours(1);

class Static final : public CredentialsProvider {
  public:
    explicit Static(AwsCredentials credentials) : credentials_(std::move(credentials)) {}
    Async<Result<AwsCredentials>> get() override { co_return credentials_; }

  private:
    AwsCredentials credentials_;
};

std::string value_of(const config::Environment& environment, const std::string& name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::string() : found->second;
}

// nullopt: not there. An error: only half of it is.
Result<std::optional<AwsCredentials>> from_environment(const config::Environment& environment) {
    AwsCredentials found{value_of(environment, "AWS_ACCESS_KEY_ID"),
                         value_of(environment, "AWS_SECRET_ACCESS_KEY"),
                         value_of(environment, "AWS_SESSION_TOKEN"), std::nullopt};
    if (found.access_key_id.empty() && found.secret_access_key.empty()) return std::nullopt;
    if (found.access_key_id.empty() || found.secret_access_key.empty())
        return fail(ErrorCode::auth, "{} is not set, but its other half is",
                    found.access_key_id.empty() ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY");
    return found;
}

Result<std::optional<AwsCredentials>> from_file(const std::string& path, const std::string& section) {
    auto text = read_file(path, kMaxFile);
    if (!text && text.error().code() == ErrorCode::not_found) return std::nullopt;
    if (!text) return fail(std::move(text.error()));
    auto found = read_profile(*text, section);
    if (!found) return fail(std::move(found.error()), "{}", path);
    return found;
}

Result<std::optional<AwsCredentials>> from_shared_files(const config::Environment& environment) {
    const auto path_of = [&](const std::string& variable, std::string_view name) {
        const auto given = value_of(environment, variable);
        const auto home = value_of(environment, "HOME");
        return given.empty() ? fmt::format("{}/.aws/{}", home.empty() ? "/root" : home, name) : given;
    };
    const auto named = value_of(environment, "AWS_PROFILE");
    const auto profile = named.empty() ? std::string("default") : named;
    const auto credentials_file = path_of("AWS_SHARED_CREDENTIALS_FILE", "credentials");
    const auto config_file = path_of("AWS_CONFIG_FILE", "config");

    auto found = from_file(credentials_file, profile);
    if (!found || *found) return found;
    found = from_file(config_file, profile == "default" ? profile : "profile " + profile);
    if (!found || *found || named.empty()) return found;
    return fail(ErrorCode::auth, "AWS_PROFILE={}: no keys of that profile in {} or {}", named,
                credentials_file, config_file);
}

// The answer of /latest/meta-data/iam/security-credentials/<role>.
Result<AwsCredentials> parse_role_credentials(const std::string& text) {
    const auto json = parse_json(text, {.max_bytes = 64 << 10, .max_depth = 8});
    if (!json) return fail(ErrorCode::protocol, "the role's credentials are not JSON");
    const JsonReader reader(*json);
    auto code = reader.required_string("Code");
    if (!code) return fail(std::move(code.error()));
    if (*code != "Success")
        return fail(ErrorCode::auth, "the role's credentials have Code {}", code->substr(0, 100));
    auto key = reader.required_string("AccessKeyId");
    auto secret = reader.required_string("SecretAccessKey");
    auto token = reader.required_string("Token");
    auto expiration = reader.required_string("Expiration");
    for (auto* field : {&key, &secret, &token, &expiration})
        if (!*field) return fail(std::move(field->error()));
    auto until = parse_rfc3339(*expiration);
    if (!until) return fail(std::move(until.error()), "Expiration");
    return AwsCredentials{std::move(*key), std::move(*secret), std::move(*token),
                          std::min(*until, now() + kLongestLifetime)};
}

class InstanceChain final : public CredentialsProvider {
  public:
    InstanceChain(http::Client& client, const config::Config& config, Log log)
        : environment_(config.environment), imds_(client, config), log_(std::move(log)) {}

    Async<Result<AwsCredentials>> get() override {
        const auto time = now();
        if (cached_ && time < fresh_until_) co_return *cached_;
        auto found = from_environment(environment_);
        if (found && !*found) found = from_shared_files(environment_);
        if (!found) co_return fail(std::move(found.error()), "AWS credentials");
        if (auto keys = std::move(*found)) co_return remember(std::move(*keys), time + kFileLifetime);

        auto role = co_await from_instance_role();
        if (role) {
            const auto fresh_until = role->expiration.value_or(time) - kMargin;
            co_return remember(std::move(*role), fresh_until);
        }
        if (cached_ && cached_->expiration && now() < *cached_->expiration) {
            log_.warn("cannot refresh the instance role's credentials yet",
                      {{"why", role.error().message()}});
            co_return *cached_;
        }
        co_return fail(
            ErrorCode::auth,
            "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the instance a "
            "role (environment and shared files hold none; instance role: {})",
            role.error().message());
    }

  private:
    AwsCredentials remember(AwsCredentials credentials, Time fresh_until) {
        cached_ = std::move(credentials);
        fresh_until_ = fresh_until;
        return *cached_;
    }

    Async<Result<AwsCredentials>> from_instance_role() {
        const std::string path = "/latest/meta-data/iam/security-credentials/";
        auto roles = co_await imds_.get(path);
        if (!roles) co_return fail(std::move(roles.error()));
        const auto role = roles->substr(0, roles->find_first_of("\r\n"));
        auto text = co_await imds_.get(path + role);
        if (!text) co_return fail(std::move(text.error()));
        co_return parse_role_credentials(*text);
    }

    config::Environment environment_;
    Imds imds_;
    Log log_;
    std::optional<AwsCredentials> cached_;
    Time fresh_until_;
};

} // namespace

std::shared_ptr<CredentialsProvider> make_instance_chain(const Executor&, http::Client& client,
                                                         const config::Config& config, Log log) {
    return std::make_shared<InstanceChain>(client, config, std::move(log));
}

std::shared_ptr<CredentialsProvider> make_static(AwsCredentials credentials) {
    return std::make_shared<Static>(std::move(credentials));
}

} // namespace berth::aws
