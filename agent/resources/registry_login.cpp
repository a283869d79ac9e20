// Registry credentials for a container: registryAuthentication first, then ECS_ENGINE_AUTH_DATA.
#include "berth/resources/registry_login.hpp"

#include "berth/base/encoding.hpp"

#include "agent/images/ecr_login.hpp"

namespace berth::resources {

namespace {

std::string strip_scheme(std::string registry) {
    for (const std::string_view scheme : {"https://", "http://"})
        if (registry.starts_with(scheme)) registry.erase(0, scheme.size());
    while (registry.ends_with('/')) registry.pop_back();
    return registry;
}

Result<images::RegistryLogin> one_login(const std::string& type, const std::string& registry,
                                        const Json& value) {
    if (!value.is_object())
        return fail(ErrorCode::invalid, "ECS_ENGINE_AUTH_DATA: the entry of {} is not an object", registry);
    const JsonReader reader(value, "ECS_ENGINE_AUTH_DATA." + registry);
    if (type == "docker") {
        auto username = reader.required_string("username"), password = reader.required_string("password");
        if (!username) return std::unexpected(username.error());
        if (!password) return std::unexpected(password.error());
        return images::RegistryLogin{.username = std::move(*username), .password = std::move(*password)};
    }
    const auto auth = reader.required_string("auth");
    if (!auth) return std::unexpected(auth.error());
    const auto decoded = base64_decode(*auth);
    const auto colon = decoded ? decoded->find(':') : std::string::npos;
    if (colon == std::string::npos)
        return fail(ErrorCode::invalid, "ECS_ENGINE_AUTH_DATA: auth of {} is not base64 of user:password",
                    registry);
    return images::RegistryLogin{.username = decoded->substr(0, colon),
                                 .password = decoded->substr(colon + 1)};
}

} // namespace

Result<std::map<std::string, images::RegistryLogin>> parse_engine_auth(const std::string& type,
                                                                       const std::string& data) {
    std::map<std::string, images::RegistryLogin> logins;
    if (type.empty() && data.empty()) return logins;
    if (type != "docker" && type != "dockercfg")
        return fail(ErrorCode::invalid, "ECS_ENGINE_AUTH_TYPE \"{}\": must be docker or dockercfg", type);
    const auto json = parse_json(data, {.max_bytes = 1 << 20, .max_depth = 4});
    if (!json || !json->is_object())
        return fail(ErrorCode::invalid, "ECS_ENGINE_AUTH_DATA is not a JSON object of registries");
    for (const auto& [registry, value] : json->items()) {
        auto login = one_login(type, registry, value);
        if (!login) return std::unexpected(login.error());
        logins.emplace(strip_scheme(registry), std::move(*login));
    }
    return logins;
}

images::RegistryLogin choose_login(const std::map<std::string, images::RegistryLogin>& logins,
                                   const std::string& image) {
    const auto reference = images::parse_reference(image);
    if (!reference) return {};
    const auto path = reference->registry + "/" + reference->repository;
    const images::RegistryLogin* best = nullptr;
    std::size_t length = 0;
    for (const auto& [prefix, login] : logins) {
        // Docker Hub is known by an older name in files made by `docker login`.
        const auto key = prefix == "index.docker.io/v1" ? std::string("docker.io") : prefix;
        const bool whole = path == key || path.starts_with(key + "/");
        if (!whole || key.size() <= length) continue;
        best = &login;
        length = key.size();
    }
    return best != nullptr ? *best : images::RegistryLogin{};
}

Async<Result<images::RegistryLogin>> RegistryLogins::login(engine::TaskSpec task, std::string container) {
    const auto* spec = task.find(container);
    if (spec == nullptr)
        co_return fail(ErrorCode::internal, "container {} is not in task {}", container, task.arn);
    const auto& auth = spec->registry_auth;
    if (auth.type == engine::RegistryAuth::Type::none) co_return choose_login(fixed_, spec->image);
    if (auth.type != engine::RegistryAuth::Type::ecr)
        co_return fail(ErrorCode::invalid,
                       "registry credentials from Secrets Manager are not supported by this version");
    auto provider = instance_;
    std::string key = auth.region + "/" + auth.registry_id + "/" + auth.endpoint_override;
    if (auth.use_execution_role) {
        auto credentials = tasks_->get(task.execution_role_credentials_id, task.arn);
        if (!credentials) {
            auto error =
                fail(ErrorCode::auth, "engine ecr credentials: not found: {}", credentials.error().message())
                    .error();
            co_return std::unexpected(std::move(error).with_name("CannotPullECRContainerError"));
        }
        key += "/" + task.execution_role_credentials_id;
        provider = aws::make_static(std::move(*credentials));
    }
    auto token = co_await ecr(auth, std::move(provider), std::move(key));
    if (!token) co_return std::unexpected(std::move(token.error()).with_name("CannotPullECRContainerError"));
    co_return token;
}

Async<Result<images::RegistryLogin>>
RegistryLogins::ecr(engine::RegistryAuth auth, std::shared_ptr<aws::CredentialsProvider> credentials,
                    std::string cache_key) {
    if (const auto cached = tokens_.find(cache_key);
        cached != tokens_.end() && now() < cached->second.refresh_at)
        co_return cached->second.login;
    const auto region = auth.region.empty() ? config_->region : auth.region;
    auto endpoint =
        auth.endpoint_override.empty() ? aws::endpoint_for(*config_, "ecr", region) : auth.endpoint_override;
    if (!endpoint.contains("://")) endpoint.insert(0, "https://");
    aws::Service service{.signing_name = "ecr",
                         .target_prefix = "AmazonEC2ContainerRegistry_V20150921.",
                         .endpoint = endpoint,
                         .region = region};
    aws::JsonClient client(executor_, *client_, std::move(credentials), std::move(service));
    Json input{{"registryIds", {auth.registry_id}}};
    auto answer = co_await client.call("GetAuthorizationToken", std::move(input),
                                       deadline_in(std::chrono::seconds(20)));
    if (!answer)
        co_return fail(std::move(answer.error()), "ECR authorization for registry {}", auth.registry_id);
    auto token = images::parse_ecr_authorization(*answer);
    if (!token)
        co_return fail(std::move(token.error()), "ECR authorization for registry {}", auth.registry_id);
    constexpr std::size_t kMostTokens = 100;
    if (tokens_.size() >= kMostTokens) tokens_.clear();
    tokens_.insert_or_assign(
        std::move(cache_key),
        Cached{.login = token->login, .refresh_at = token->expires_at - std::chrono::minutes(45)});
    co_return std::move(token->login);
}

} // namespace berth::resources
