// linux.seccomp of config.json as a BPF program, compiled once per profile and kept in a file.
#pragma once

#include "berth/base/files.hpp"
#include "berth/base/json.hpp"
#include "berth/base/result.hpp"

#include <linux/filter.h>

#include <vector>

namespace berth::runtime {

struct SeccompFilter {
    std::vector<sock_filter> program; // empty: no filter
    unsigned flags = 0;               // SECCOMP_FILTER_FLAG_…
};

// The filter of a profile. With a cache directory it is compiled (some 8 ms for Docker's profile) only the
// first time; a cache that cannot be written is no error.
Result<SeccompFilter> seccomp_filter(const Json& profile, const fs::path& cache);
// Without any cache.
Result<std::vector<sock_filter>> compile_seccomp(const Json& profile);
// Installs it in the calling thread. Needs CAP_SYS_ADMIN or no_new_privs.
Status install_seccomp(const SeccompFilter& filter);

} // namespace berth::runtime
