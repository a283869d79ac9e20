// Which credentials a pull uses: ECR's token, the agent's own registry logins, or none.
#pragma once

#include "berth/aws/aws.hpp"
#include "berth/base/async.hpp"
#include "berth/config/config.hpp"
#include "berth/engine/task.hpp"
#include "berth/images/images.hpp"
#include "berth/resources/task_credentials.hpp"

#include <map>
#include <memory>
#include <string>

namespace berth::resources {

// ECS_ENGINE_AUTH_DATA: registry prefix → login. Types "dockercfg" ({"registry":{"auth":base64}}) and
// "docker"
// ({"registry":{"username":…,"password":…}}). Values never appear in errors.
Result<std::map<std::string, images::RegistryLogin>> parse_engine_auth(const std::string& type,
                                                                       const std::string& data);
// The longest registry prefix that matches the image's registry and path wins.
images::RegistryLogin choose_login(const std::map<std::string, images::RegistryLogin>& logins,
                                   const std::string& image);

class RegistryLogins {
  public:
    RegistryLogins(Executor executor, http::Client& client, const config::Config& config,
                   std::shared_ptr<aws::CredentialsProvider> instance, const TaskCredentialStore& tasks,
                   std::map<std::string, images::RegistryLogin> fixed)
        : executor_(std::move(executor)), client_(&client), config_(&config), instance_(std::move(instance)),
          tasks_(&tasks), fixed_(std::move(fixed)) {}

    Async<Result<images::RegistryLogin>> login(engine::TaskSpec task, std::string container);

  private:
    Async<Result<images::RegistryLogin>> ecr(engine::RegistryAuth auth,
                                             std::shared_ptr<aws::CredentialsProvider> credentials,
                                             std::string cache_key);

    Executor executor_;
    http::Client* client_;
    const config::Config* config_;
    std::shared_ptr<aws::CredentialsProvider> instance_;
    const TaskCredentialStore* tasks_;
    std::map<std::string, images::RegistryLogin> fixed_;
    struct Cached {
        images::RegistryLogin login;
        Time refresh_at;
    };
    std::map<std::string, Cached> tokens_;
};

} // namespace berth::resources
