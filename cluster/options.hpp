// The command line of berth-cluster.
#pragma once

#include "berth/base/log.hpp"
#include "berth/base/result.hpp"

#include <cstdint>
#include <expected>
#include <string>

namespace berth::cluster {

struct Options {
    std::string address = "127.0.0.1";
    std::uint16_t port = 51700;
    std::string state = ":memory:";
    std::string region = "us-west-2";
    std::string account = "111122223333";
    std::string access_key_id, secret_access_key;
    std::string registry_endpoint, registry_user, registry_password;
    LogLevel log_level = LogLevel::info;
    int ready_fd = -1; // told the URL once requests are served; standard output when there is none
};

// What ends the program before it has begun: --help, --version or a mistake.
struct Exit {
    int code;
    std::string text;
};

std::expected<Options, Exit> parse_options(int argc, const char* const* argv);

} // namespace berth::cluster
