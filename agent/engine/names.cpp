// to_string of the engine's enumerations.
#include "agent/engine/names.hpp"

namespace berth::engine {

std::string_view to_string(ContainerStatus status) { return name_of(status); }
std::string_view to_string(TaskStatus status) { return name_of(status); }
std::string_view to_string(ReportedStatus status) { return name_of(status); }
std::string_view to_string(Step step) { return name_of(step); }
std::string_view to_string(Health health) { return name_of(health); }

} // namespace berth::engine
