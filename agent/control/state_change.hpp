// The body of SubmitTaskStateChange (reference 5.2). Pure.
#pragma once

#include "berth/base/json.hpp"
#include "berth/engine/report.hpp"

#include <string>
#include <string_view>

namespace berth::control {

Json state_change_request(const std::string& cluster, const engine::StateChange& change);
// At most `limit` bytes, ending between characters.
std::string_view cut_utf8(std::string_view text, std::size_t limit);

} // namespace berth::control
