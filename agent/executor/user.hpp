// Who a container runs as: Docker's User field against the image's passwd and group files.
#pragma once

#include "berth/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace berth::executor {

struct ResolvedUser {
    std::uint32_t uid = 0, gid = 0;
    std::vector<std::uint32_t> groups; // supplementary
    std::string home = "/";
};

// `user` is "", "uid", "name", "uid:gid" or "name:group" in any mix. Names must be in the files; numbers need
// not be. Supplementary groups come from the group file unless a group is given.
Result<ResolvedUser> resolve_user(std::string_view user, std::string_view passwd, std::string_view group);
// A name or number of HostConfig.GroupAdd.
Result<std::uint32_t> resolve_group(std::string_view name, std::string_view group);

} // namespace berth::executor
