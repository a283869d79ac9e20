// Keys for the roles of tasks.
#include "berth/base/encoding.hpp"
#include "berth/base/sha256.hpp"

#include "cluster/model/fields.hpp"
#include "cluster/payload/payload.hpp"

namespace berth::cluster {
namespace {

constexpr auto kLifetime = std::chrono::hours(6);

std::string role_of(const Task& task, const Definition& definition, const char* key) {
    return text_of(task.overrides, key, text_of(definition.document, key));
}

} // namespace

std::string derived_secret(const std::string& master_secret, const std::string& access_key_id) {
    return base64_encode(hmac_sha256(master_secret, "role key " + access_key_id));
}

Json role_credentials(const Context& context, const std::string& credentials_id,
                      const std::string& role_arn) {
    const std::string& master = context.settings.secret_access_key;
    auto key = to_hex(hmac_sha256(master, "role id " + credentials_id)).substr(0, 16);
    for (char& c : key) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    const std::string access_key_id = "ASIA" + key;
    return Json{{"credentialsId", credentials_id},
                {"roleArn", role_arn},
                {"accessKeyId", access_key_id},
                {"secretAccessKey", derived_secret(master, access_key_id)},
                {"sessionToken", base64_encode(hmac_sha256(master, "role token " + credentials_id))},
                {"expiration", to_rfc3339(context.now + kLifetime, 0)}};
}

std::string task_role(const Task& task, const Definition& definition) {
    return role_of(task, definition, "taskRoleArn");
}
std::string execution_role(const Task& task, const Definition& definition) {
    return role_of(task, definition, "executionRoleArn");
}

} // namespace berth::cluster
