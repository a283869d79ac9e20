// TaskSpec to JSON and back, for the store.
#include "agent/engine/task_json.hpp"

namespace berth::engine {

Json to_json(const TaskSpec& spec) { return write_json(spec); }
Result<TaskSpec> task_from_json(const Json& json) { return read_json<TaskSpec>(json); }

} // namespace berth::engine
