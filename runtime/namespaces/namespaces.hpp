// Which namespaces a container makes and joins, and how its process gets into them.
#pragma once

#include "berth/base/result.hpp"
#include "berth/base/unique_fd.hpp"

#include "runtime/spec/spec.hpp"

#include <sys/types.h>

#include <string>
#include <vector>

namespace berth::runtime {

struct JoinedNamespace {
    int flag = 0; // CLONE_NEW…
    UniqueFd own;
    int fd = -1;
    std::string path; // for errors
};

struct NamespacePlan {
    int clone_flags = 0;   // made by the clone itself
    int unshare_flags = 0; // made after a user namespace was joined, which must own them
    bool new_user = false, joins_user = false, new_cgroup = false, new_network = false;
    // A new pid namespace below a joined user namespace takes one more process.
    bool forks_for_pid = false;
    std::vector<JoinedNamespace> joined; // user first; without the pid namespace
    std::optional<JoinedNamespace> joined_pid;
};

// `netns` (when not -1) is joined instead of what the spec says of the network.
Result<NamespacePlan> plan_namespaces(const Spec& spec, int netns);

struct Cloned {
    pid_t pid = -1; // 0 in the child
    UniqueFd pidfd; // in the parent
};
// fork(2) with namespaces, a pidfd and, when not -1, a cgroup v2 to be born in.
Result<Cloned> clone_process(int flags, int cgroup);
// The same into the pid namespace that is joined, if one is; the caller itself stays where it is.
Result<Cloned> clone_container(const NamespacePlan& plan, int cgroup);

// In the child: setns into the joined ones, then unshare.
Status enter_namespaces(const NamespacePlan& plan);
// Becomes root of the user namespace, once the maps are written.
Status become_namespace_root();
// From the parent, for a new user namespace.
Status write_id_maps(pid_t pid, const Spec& spec);
// A new network namespace has only a loopback device, and that is down.
Status bring_up_loopback();

} // namespace berth::runtime
