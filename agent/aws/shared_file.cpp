// Reading one section of an INI-like AWS file.
#include "agent/aws/shared_file.hpp"

#include <algorithm>

namespace berth::aws {
namespace {

std::string_view trim(std::string_view text) {
    constexpr std::string_view blank = " \t\r";
    const auto begin = text.find_first_not_of(blank);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blank) - begin + 1);
}

} // namespace

Result<std::optional<AwsCredentials>> read_profile(std::string_view text, std::string_view section) {
    AwsCredentials found;
    bool inside = false;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = trim(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty() || line.front() == '#' || line.front() == ';') continue;
        if (line.front() == '[') {
            inside = line.back() == ']' && trim(line.substr(1, line.size() - 2)) == section;
            continue;
        }
        const auto equals = line.find('=');
        if (!inside || equals == std::string_view::npos) continue;
        const auto key = trim(line.substr(0, equals));
        const std::string value(trim(line.substr(equals + 1)));
        if (key == "aws_access_key_id") found.access_key_id = value;
        if (key == "aws_secret_access_key") found.secret_access_key = value;
        if (key == "aws_session_token") found.session_token = value;
    }
    if (found.access_key_id.empty() && found.secret_access_key.empty()) return std::nullopt;
    if (found.access_key_id.empty() || found.secret_access_key.empty())
        return fail(ErrorCode::invalid, "[{}] has no {}", section,
                    found.access_key_id.empty() ? "aws_access_key_id" : "aws_secret_access_key");
    return found;
}

} // namespace berth::aws
