// The identifiers that travel between rooms.
#pragma once

#include "berth/base/strong_id.hpp"

namespace berth {

using TaskArn = StrongId<struct TaskArnTag>;         // arn:aws:ecs:…:task/<cluster>/<task id>
using ContainerId = StrongId<struct ContainerIdTag>; // runtime id, 64 hex digits, unique on the host for ever
using Digest = StrongId<struct DigestTag>;           // "sha256:" + 64 hex digits

} // namespace berth
