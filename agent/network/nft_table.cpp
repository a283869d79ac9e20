// The rules every bridged container shares, and handing them to nft.
#include "agent/network/nft_table.hpp"

#include "berth/base/files.hpp"
#include "berth/base/unique_fd.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace berth::network {

std::string ruleset(const TableSpec& spec) {
    // raw: route_localnet, which published ports on 127.0.0.1 need, must not open the host's own loopback
    //   services to containers.
    // prerouting, output: any of the host's addresses, 127.0.0.1 included, leads to the container.
    // postrouting: containers leave with the host's address; so do connections from the host's loopback and
    //   from one container to another's published port, whose answers would otherwise not come back this way.
    // forward: from outside only what was published gets in.
    constexpr std::string_view kRules = R"(
add table ip {table}
add map ip {table} tcp_ports {{ type inet_service : ipv4_addr . inet_service; }}
add map ip {table} udp_ports {{ type inet_service : ipv4_addr . inet_service; }}
add chain ip {table} raw {{ type filter hook prerouting priority raw; }}
add chain ip {table} prerouting {{ type nat hook prerouting priority dstnat; }}
add chain ip {table} output {{ type nat hook output priority -100; }}
add chain ip {table} postrouting {{ type nat hook postrouting priority srcnat; }}
add chain ip {table} forward {{ type filter hook forward priority filter; }}
flush table ip {table}
add rule ip {table} raw iifname "{bridge}" ip daddr 127.0.0.0/8 drop
add rule ip {table} prerouting fib daddr type local dnat ip addr . port to tcp dport map @tcp_ports
add rule ip {table} prerouting fib daddr type local dnat ip addr . port to udp dport map @udp_ports
add rule ip {table} output fib daddr type local dnat ip addr . port to tcp dport map @tcp_ports
add rule ip {table} output fib daddr type local dnat ip addr . port to udp dport map @udp_ports
add rule ip {table} postrouting ip saddr {subnet} oifname != "{bridge}" masquerade
add rule ip {table} postrouting ip saddr 127.0.0.0/8 oifname "{bridge}" masquerade
add rule ip {table} postrouting ip saddr {subnet} oifname "{bridge}" ct status dnat masquerade
add rule ip {table} forward oifname "{bridge}" ct state established,related accept
add rule ip {table} forward oifname "{bridge}" iifname "{bridge}" accept
add rule ip {table} forward oifname "{bridge}" ct status dnat accept
add rule ip {table} forward oifname "{bridge}" drop
)";
    return fmt::format(kRules, fmt::arg("table", spec.table), fmt::arg("bridge", spec.bridge),
                       fmt::arg("subnet", spec.subnet.str()));
}

namespace {

Result<UniqueFd> memory_file(const char* name) {
    UniqueFd fd(::memfd_create(name, MFD_CLOEXEC));
    if (!fd) return fail_errno(errno, "making a memory file for nft");
    return fd;
}

class SpawnActions {
  public:
    SpawnActions() { ::posix_spawn_file_actions_init(&actions_); }
    ~SpawnActions() { ::posix_spawn_file_actions_destroy(&actions_); }
    SpawnActions(const SpawnActions&) = delete;
    SpawnActions& operator=(const SpawnActions&) = delete;
    void use(int fd, int as) { ::posix_spawn_file_actions_adddup2(&actions_, fd, as); }
    const posix_spawn_file_actions_t* get() const { return &actions_; }

  private:
    posix_spawn_file_actions_t actions_{};
};

} // namespace

Status install_table(const TableSpec& spec) {
    auto input = memory_file("nft-rules");
    auto output = memory_file("nft-errors");
    if (!input || !output) return fail(std::move(!input ? input.error() : output.error()));
    if (auto written = write_all(input->get(), ruleset(spec), "the rules for nft"); !written) return written;
    ::lseek(input->get(), 0, SEEK_SET);

    SpawnActions actions;
    actions.use(input->get(), STDIN_FILENO);
    actions.use(output->get(), STDOUT_FILENO);
    actions.use(output->get(), STDERR_FILENO);
    std::array arguments{std::string("nft"), std::string("-f"), std::string("-")};
    std::array<char*, 4> argv{arguments[0].data(), arguments[1].data(), arguments[2].data(), nullptr};
    std::array environment{std::string("PATH=/usr/sbin:/usr/bin:/sbin:/bin"), std::string("LC_ALL=C")};
    std::array<char*, 3> envp{environment[0].data(), environment[1].data(), nullptr};
    pid_t pid = 0;
    const int error = ::posix_spawnp(&pid, "/usr/sbin/nft", actions.get(), nullptr, argv.data(), envp.data());
    if (error != 0)
        return fail_errno(error,
                          "running nft (package nftables), which bridge mode and published ports need");
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return fail_errno(errno, "waiting for nft");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    ::lseek(output->get(), 0, SEEK_SET);
    return fail(ErrorCode::io, "nft refused the rules of table {}: {}", spec.table,
                read_fd(output->get(), "nft's answer").value_or("no reason given"));
}

} // namespace berth::network
