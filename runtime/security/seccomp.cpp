// The cache of compiled seccomp filters, and their installation.
#include "runtime/security/seccomp.hpp"

#include "berth/base/encoding.hpp"

#include "runtime/security/seccomp_profile.hpp"

#include <openssl/sha.h>

#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace berth::runtime {

namespace {

// Changed whenever the same profile would compile to something else.
constexpr std::string_view kCompilerVersion = "berth-1";

// OpenSSL's SHA-256 without its EVP interface, whose first use reads a configuration file and sets up a
// library of algorithms: 1.5 ms, more than everything else here.
std::string digest(std::string_view text) {
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
    SHA256_CTX context;
    std::array<unsigned char, SHA256_DIGEST_LENGTH> bytes;
    SHA256_Init(&context);
    SHA256_Update(&context, text.data(), text.size());
    SHA256_Final(bytes.data(), &context);
#pragma clang diagnostic pop
    return to_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::string cache_name(const Json& profile) {
    const auto* library = seccomp_version();
    return digest(fmt::format("{}\n{}.{}.{}\n{}\n{}", kCompilerVersion, library->major, library->minor,
                              library->micro, seccomp_arch_native(), dump_json(profile))) +
           ".bpf";
}

// A file cut short by a crash ends in the middle of the program, not with a return.
bool plausible(const std::vector<sock_filter>& program) {
    return !program.empty() && program.size() <= BPF_MAXINSNS && BPF_CLASS(program.back().code) == BPF_RET;
}

std::vector<sock_filter> read_cached(const fs::path& path) {
    const auto bytes = read_file(path, BPF_MAXINSNS * sizeof(sock_filter));
    if (!bytes || bytes->size() % sizeof(sock_filter) != 0) return {};
    std::vector<sock_filter> program(bytes->size() / sizeof(sock_filter));
    if (!program.empty()) std::memcpy(program.data(), bytes->data(), bytes->size());
    return plausible(program) ? program : std::vector<sock_filter>();
}

} // namespace

Result<SeccompFilter> seccomp_filter(const Json& profile, const fs::path& cache) {
    SeccompFilter filter;
    if (profile.is_null()) return filter;
    auto flags = seccomp_flags(profile);
    if (!flags) return std::unexpected(std::move(flags.error()));
    filter.flags = *flags;
    const auto path = cache.empty() ? fs::path() : cache / cache_name(profile);
    if (!path.empty()) filter.program = read_cached(path);
    if (!filter.program.empty()) return filter;

    auto program = compile_seccomp(profile);
    if (!program) return std::unexpected(std::move(program.error()));
    filter.program = std::move(*program);
    if (path.empty()) return filter;
    const std::string_view bytes(reinterpret_cast<const char*>(filter.program.data()),
                                 filter.program.size() * sizeof(sock_filter));
    if (make_directories(cache, 0700)) std::ignore = write_file_atomic(path, bytes, 0600, false);
    return filter;
}

Status install_seccomp(const SeccompFilter& filter) {
    const sock_fprog program{.len = static_cast<unsigned short>(filter.program.size()),
                             .filter =
                                 const_cast<sock_filter*>(filter.program.data())}; // the kernel only reads
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, filter.flags, &program) != 0)
        return fail_errno(errno, "installing the seccomp filter ({} instructions)", filter.program.size());
    return {};
}

} // namespace berth::runtime
