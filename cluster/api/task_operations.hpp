// Shared by the operations that make or show tasks.
#pragma once

#include "cluster/model/context.hpp"
#include "cluster/model/input.hpp"

namespace berth::cluster {

// Parameters of RunTask and CreateService that ask for what a single machine does not have.
Status check_unsupported(const Input& in);
// An active definition that can run here, else the exception RunTask and CreateService answer with.
Result<const Definition*> runnable_definition(const World& world, const std::string& name);

Result<Json> stop_task(Context& context, const Input& in);
Result<Json> describe_tasks(Context& context, const Input& in);
Result<Json> list_tasks(Context& context, const Input& in);

} // namespace berth::cluster
