// Effects as short lines, for tests and histories.
#pragma once

#include "berth/engine/core.hpp"

#include <string>

namespace berth::engine {

// "Pull app", "Signal app", "Kill app", "Report RUNNING app=RUNNING db=STOPPED", "Arm stop_timeout app 30s" …
std::string to_line(const Effect& effect);

} // namespace berth::engine
