// Network namespaces that are held by their descriptors alone.
#pragma once

#include "berth/base/result.hpp"
#include "berth/base/unique_fd.hpp"

#include "agent/network/links.hpp"

namespace berth::network {

struct Namespace {
    UniqueFd fd;
    Links links; // speaks to the kernel inside it
};
// Blocking; the calling thread stays where it is.
Result<Namespace> make_namespace();

} // namespace berth::network
