// /etc/hosts, /etc/hostname and /etc/resolv.conf of a container, by Docker's rules.
#include "agent/executor/bundle.hpp"

#include <sstream>

namespace berth::executor {

namespace {

bool is_loopback(std::string_view address) { return address.starts_with("127.") || address == "::1"; }

std::string make_resolv_conf(const ContainerSpec& container, bool host_network, const std::string& host) {
    std::string result;
    bool any_server = false;
    std::istringstream lines(host);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string keyword, value;
        words >> keyword >> value;
        if (keyword == "nameserver") {
            // A resolver on the host's loopback cannot be reached from another network namespace.
            if (!container.dns.empty() || (!host_network && is_loopback(value))) continue;
            any_server = true;
        }
        if ((keyword == "search" || keyword == "domain") && !container.dns_search.empty()) continue;
        result += line + '\n';
    }
    for (const auto& server : container.dns) result += fmt::format("nameserver {}\n", server);
    if (!container.dns_search.empty()) {
        result += "search";
        for (const auto& domain : container.dns_search) result += ' ' + domain;
        result += '\n';
    }
    // What Docker falls back to; without any server every look-up would hang on a loopback that is not there.
    if (!any_server && container.dns.empty() && !host_network)
        result += "nameserver 8.8.8.8\nnameserver 8.8.4.4\n";
    return result;
}

} // namespace

EtcFiles make_etc_files(const ContainerSpec& container, const std::string& hostname,
                        const std::string& ip_address, bool host_network, const std::string& host_hosts,
                        const std::string& host_resolv_conf) {
    EtcFiles files;
    files.hostname = hostname + '\n';
    if (host_network)
        files.hosts = host_hosts;
    else
        files.hosts =
            "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\n"
            "ff00::0\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n";
    for (const auto& extra : container.extra_hosts) { // "name:address"; the address may hold colons
        const auto colon = extra.find(':');
        if (colon != std::string::npos)
            files.hosts += fmt::format("{}\t{}\n", extra.substr(colon + 1), extra.substr(0, colon));
    }
    if (!ip_address.empty()) files.hosts += fmt::format("{}\t{}\n", ip_address, hostname);
    files.resolv_conf = make_resolv_conf(container, host_network, host_resolv_conf);
    return files;
}

} // namespace berth::executor
