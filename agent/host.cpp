// Reading the host: /proc/meminfo, the online processors, /proc/self/exe.
#include "agent/host.hpp"

#include <unistd.h>

#include <charconv>

namespace berth {

namespace {

Result<std::int64_t> total_memory_mib() {
    const auto text = read_file("/proc/meminfo", 1 << 16);
    if (!text) return std::unexpected(text.error());
    constexpr std::string_view kKey = "MemTotal:";
    const auto at = text->find(kKey);
    const auto digits = at == std::string::npos ? at : text->find_first_of("0123456789", at);
    std::int64_t kib = 0;
    if (digits == std::string::npos ||
        std::from_chars(text->data() + digits, text->data() + text->size(), kib).ec != std::errc{})
        return fail(ErrorCode::io, "/proc/meminfo has no MemTotal");
    return kib / 1024;
}

Result<fs::path> installation() {
    std::error_code error;
    const auto self = fs::read_symlink("/proc/self/exe", error);
    if (error) return fail_errno(error.value(), "reading /proc/self/exe");
    return self.parent_path().parent_path();
}

} // namespace

Result<engine::HostResources> host_resources(const config::Config& config) {
    const auto memory = total_memory_mib();
    if (!memory) return std::unexpected(memory.error());
    engine::HostResources host;
    host.cpu = ::sysconf(_SC_NPROCESSORS_ONLN) * 1024;
    host.memory_mib = *memory - config.reserved_memory_mib;
    if (host.memory_mib <= 0)
        return fail(ErrorCode::invalid, "ECS_RESERVED_MEMORY={} MiB leaves nothing of this host's {} MiB",
                    config.reserved_memory_mib, *memory);
    host.tcp_ports = config.reserved_tcp;
    host.udp_ports = config.reserved_udp;
    return host;
}

Result<fs::path> helper_program(const std::string& name) {
    const auto root = installation();
    if (!root) return root;
    auto path = *root / "libexec/berth" / name;
    if (::access(path.c_str(), X_OK) != 0)
        return fail_errno(
            errno, "{} (it belongs beside this program's bin directory; is the installation complete?)",
            path.string());
    return path;
}

Result<fs::path> document(const std::string& name) {
    const auto root = installation();
    if (!root) return root;
    return *root / "share/doc/berth" / name;
}

} // namespace berth
