// What the container's process and its creator tell each other: fixed-size messages over a socket pair, one
// per packet.
#pragma once

#include "berth/base/result.hpp"
#include "berth/base/unique_fd.hpp"

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

namespace berth::runtime {

enum class Tell : std::uint8_t {
    mapped,     // to the process: your id maps are written
    process,    // from it: the container's process is `value` instead of me
    mounted,    // from it: the time for the runtime's hooks
    hooks_done, // to it; value: its pid on the host
    ready,      // from it: everything is set up
    start,      // to it: execute the program
    failed,     // from it: the fields below say why
};

struct Message {
    Tell tell = Tell::failed;
    ErrorCode code = ErrorCode::internal;
    int error = 0; // errno
    int value = 0;
    std::array<char, 1008> text = {};
};

Message failure(const Error& error);
Error to_error(const Message& message);

Result<std::pair<UniqueFd, UniqueFd>> make_channel();
Status send(int channel, const Message& message);
// ErrorCode::closed when the other side is gone.
Result<Message> receive(int channel);
// Receives and insists on one kind; a failure that is told becomes the error.
Result<Message> expect(int channel, Tell tell);

// Where a created container waits for its start, when that may come from another process: a socket in a
// directory, that lives while the container's process has it open.
Result<UniqueFd> listen_at(const std::string& directory);
Result<UniqueFd> connect_to(const std::string& directory);
inline constexpr std::string_view kStartSocket = "start.sock";

} // namespace berth::runtime
