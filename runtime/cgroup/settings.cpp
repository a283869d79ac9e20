// linux.resources of config.json as writes to cgroup files (OCI runtime spec, config-linux.md "Control
// groups").
#include "runtime/cgroup/settings.hpp"

#include <algorithm>
#include <limits>

namespace berth::runtime {

namespace {

// What a v2 file calls "no limit" where v1 and OCI say -1.
std::string or_max(std::int64_t value) { return value < 0 ? "max" : std::to_string(value); }

class Collector {
  public:
    explicit Collector(const CgroupLayout& layout) : layout_(layout) {}

    // True when the controller is on v2, false when on v1; an error when it is nowhere.
    Result<bool> on_v2(const std::string& controller, std::string_view v2_name = {}) const {
        if (layout_.v1.contains(controller)) return false;
        const auto& on_v2 = layout_.v2_controllers;
        if (std::ranges::find(on_v2, v2_name.empty() ? controller : v2_name) != on_v2.end()) return true;
        return fail(ErrorCode::not_found,
                    "this machine has no {} cgroup controller; enable it or leave the limit out", controller);
    }
    Setting& v1(std::string controller, std::string file, std::string value) {
        return settings_.emplace_back(
            Setting{false, std::move(controller), std::move(file), std::move(value), "", false});
    }
    Setting& v2(std::string controller, std::string file, std::string value) {
        return settings_.emplace_back(
            Setting{true, std::move(controller), std::move(file), std::move(value), "", false});
    }
    Status cpu(const JsonReader& cpu);
    Status cpuset(const JsonReader& cpu);
    Status memory(const JsonReader& memory);
    Status pids(const JsonReader& pids);
    Status block_io(const JsonReader& block_io);
    Status throttle(const Json& list, const std::string& path, const std::string& v1_file,
                    const std::string& v2_key);
    Status huge_pages(const Json& list);
    Status unified(const Json& map);
    std::vector<Setting> take() { return std::move(settings_); }

  private:
    const CgroupLayout& layout_;
    std::vector<Setting> settings_;
};

Status Collector::cpu(const JsonReader& cpu) {
    const auto shares = cpu.integer("shares"), quota = cpu.integer("quota"), period = cpu.integer("period"),
               burst = cpu.integer("burst"), idle = cpu.integer("idle"),
               rt_runtime = cpu.integer("realtimeRuntime"), rt_period = cpu.integer("realtimePeriod");
    for (const auto* value : {&shares, &quota, &period, &burst, &idle, &rt_runtime, &rt_period})
        if (!*value) return fail(value->error());
    if (!*shares && !*quota && !*period && !*burst && !*idle && !*rt_runtime && !*rt_period) return {};
    const auto is_v2 = on_v2("cpu");
    if (!is_v2) return fail(is_v2.error());
    const auto used = [](const auto& value) { return *value && **value != 0; };
    if (used(shares)) {
        if (**shares < 0)
            return fail(ErrorCode::invalid, "{}: {} is negative", cpu.path_of("shares"), **shares);
        if (*is_v2)
            v2("cpu", "cpu.weight", std::to_string(weight_from_shares(static_cast<std::uint64_t>(**shares))));
        else
            v1("cpu", "cpu.shares", std::to_string(**shares));
    }
    if (*is_v2) {
        if (used(quota) || used(period)) {
            const auto limit = used(quota) ? or_max(**quota) : std::string("max");
            v2("cpu", "cpu.max", used(period) ? fmt::format("{} {}", limit, **period) : limit);
        }
    } else {
        if (used(period)) v1("cpu", "cpu.cfs_period_us", std::to_string(**period));
        if (used(quota)) v1("cpu", "cpu.cfs_quota_us", std::to_string(**quota));
        if (used(rt_period)) v1("cpu", "cpu.rt_period_us", std::to_string(**rt_period));
        if (used(rt_runtime)) v1("cpu", "cpu.rt_runtime_us", std::to_string(**rt_runtime));
    }
    if (*burst)
        settings_.push_back({*is_v2, "cpu", *is_v2 ? "cpu.max.burst" : "cpu.cfs_burst_us",
                             std::to_string(**burst), "", **burst == 0});
    if (*idle) settings_.push_back({*is_v2, "cpu", "cpu.idle", std::to_string(**idle), "", **idle == 0});
    return {};
}

Status Collector::cpuset(const JsonReader& cpu) {
    for (const std::string name : {"cpus", "mems"}) {
        const auto list = cpu.string(name);
        if (!list) return fail(list.error());
        if (!*list || (*list)->empty()) continue;
        const auto is_v2 = on_v2("cpuset");
        if (!is_v2) return fail(is_v2.error());
        settings_.push_back({*is_v2, "cpuset", "cpuset." + name, **list, "", false});
    }
    return {};
}

Status Collector::memory(const JsonReader& memory) {
    const auto limit = memory.integer("limit"), swap = memory.integer("swap"),
               reservation = memory.integer("reservation"), swappiness = memory.integer("swappiness"),
               kernel_tcp = memory.integer("kernelTCP");
    const auto no_killer = memory.boolean("disableOOMKiller");
    for (const auto* value : {&limit, &swap, &reservation, &swappiness, &kernel_tcp})
        if (!*value) return fail(value->error());
    if (!no_killer) return fail(no_killer.error());
    const auto used = [](const auto& value) { return *value && **value != 0; };
    const bool no_kill = no_killer->value_or(false);
    if (!used(limit) && !used(swap) && !used(reservation) && !*swappiness && !used(kernel_tcp) && !no_kill)
        return {};
    const auto is_v2 = on_v2("memory");
    if (!is_v2) return fail(is_v2.error());
    // OCI's swap is memory and swap together; no limit on memory means none on both.
    std::optional<std::int64_t> both = used(swap) ? *swap : std::nullopt;
    if (!both && used(limit) && **limit < 0) both = -1;
    if (both && *both > 0 && used(limit) && *both < **limit)
        return fail(ErrorCode::invalid, "{}: {} is less than the memory limit {}", memory.path_of("swap"),
                    *both, **limit);
    if (*is_v2) {
        if (used(limit)) v2("memory", "memory.max", or_max(**limit));
        if (both && *both > 0 && !(used(limit) && **limit > 0))
            return fail(ErrorCode::invalid, "{}: a swap limit on cgroup v2 needs a memory limit",
                        memory.path_of("swap"));
        if (both) // missing without swap support: then nothing can be swapped, either
            v2("memory", "memory.swap.max", *both < 0 ? "max" : std::to_string(*both - **limit)).optional =
                true;
        if (used(reservation)) v2("memory", "memory.low", or_max(**reservation));
        return {}; // swappiness and disableOOMKiller have no counterpart
    }
    if (used(limit)) v1("memory", "memory.limit_in_bytes", std::to_string(**limit));
    if (both) v1("memory", "memory.memsw.limit_in_bytes", std::to_string(*both)).optional = true;
    if (used(reservation)) v1("memory", "memory.soft_limit_in_bytes", std::to_string(**reservation));
    if (*swappiness && **swappiness >= 0) v1("memory", "memory.swappiness", std::to_string(**swappiness));
    if (used(kernel_tcp)) v1("memory", "memory.kmem.tcp.limit_in_bytes", std::to_string(**kernel_tcp));
    if (no_kill) v1("memory", "memory.oom_control", "1");
    return {};
}

Status Collector::pids(const JsonReader& pids) {
    const auto limit = pids.integer("limit");
    if (!limit) return fail(limit.error());
    if (!*limit || **limit == 0) return {};
    const auto is_v2 = on_v2("pids");
    if (!is_v2) return fail(is_v2.error());
    settings_.push_back({*is_v2, "pids", "pids.max", or_max(**limit), "", false});
    return {};
}

// throttleReadBpsDevice and its sisters: "8:0 1048576" on v1, "8:0 rbps=1048576" on v2.
Status Collector::throttle(const Json& list, const std::string& path, const std::string& v1_file,
                           const std::string& v2_key) {
    const auto is_v2 = on_v2("blkio", "io");
    if (!is_v2) return fail(is_v2.error());
    for (std::size_t i = 0; i < list.size(); ++i) {
        const JsonReader entry(list[i], fmt::format("{}[{}]", path, i));
        const auto major = entry.required_integer("major"), minor = entry.required_integer("minor"),
                   rate = entry.required_integer("rate");
        for (const auto* value : {&major, &minor, &rate})
            if (!*value) return fail(value->error());
        if (*is_v2)
            v2("io", "io.max",
               fmt::format("{}:{} {}={}", *major, *minor, v2_key,
                           *rate == 0 ? "max" : std::to_string(*rate)));
        else
            v1("blkio", v1_file, fmt::format("{}:{} {}", *major, *minor, *rate));
    }
    return {};
}

Status Collector::block_io(const JsonReader& block_io) {
    const auto weight = block_io.integer("weight");
    if (!weight) return fail(weight.error());
    if (*weight && **weight != 0) {
        if (**weight < 10 || **weight > 1000)
            return fail(ErrorCode::invalid, "{}: {} is not in 10..1000", block_io.path_of("weight"),
                        **weight);
        const auto is_v2 = on_v2("blkio", "io");
        if (!is_v2) return fail(is_v2.error());
        if (*is_v2)
            v2("io", "io.weight", std::to_string(io_weight_from_blkio(static_cast<std::uint64_t>(**weight))));
        else
            v1("blkio", "blkio.weight", std::to_string(**weight)).instead = "blkio.bfq.weight";
    }
    struct Kind {
        const char *key, *v1_file, *v2_key;
    };
    for (const auto& kind : {Kind{"throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps"},
                             Kind{"throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps"},
                             Kind{"throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops"},
                             Kind{"throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops"}}) {
        const auto list = block_io.array(kind.key);
        if (!list) return fail(list.error());
        if (*list == nullptr || (*list)->empty()) continue;
        if (auto added = throttle(**list, block_io.path_of(kind.key), kind.v1_file, kind.v2_key); !added)
            return added;
    }
    return {};
}

Status Collector::huge_pages(const Json& list) {
    for (std::size_t i = 0; i < list.size(); ++i) {
        const JsonReader entry(list[i], fmt::format("hugepageLimits[{}]", i));
        const auto size = entry.required_string("pageSize");
        const auto limit = entry.required_integer("limit");
        if (!size || !limit) return fail(size ? limit.error() : size.error());
        if (size->find('/') != std::string::npos)
            return fail(ErrorCode::invalid, "{}: {} is no page size", entry.path_of("pageSize"), *size);
        const auto is_v2 = on_v2("hugetlb");
        if (!is_v2) return fail(is_v2.error());
        const auto name = [&](std::string_view infix) {
            return fmt::format("hugetlb.{}{}.{}", *size, infix, *is_v2 ? "max" : "limit_in_bytes");
        };
        settings_.push_back({*is_v2, "hugetlb", name(""), std::to_string(*limit), "", false});
        settings_.push_back({*is_v2, "hugetlb", name(".rsvd"), std::to_string(*limit), "", true});
    }
    return {};
}

Status Collector::unified(const Json& map) {
    for (const auto& [file, value] : map.items()) {
        if (file.find('/') != std::string::npos || file.find('.') == std::string::npos || !value.is_string())
            return fail(ErrorCode::invalid, "unified: \"{}\" is not a cgroup v2 file with a text for it",
                        file);
        if (layout_.v2.empty())
            return fail(ErrorCode::not_found, "unified.{}: this machine has no cgroup v2", file);
        auto controller = file.substr(0, file.find('.'));
        v2(controller == "cgroup" ? std::string() : std::move(controller), file, value.get<std::string>());
    }
    return {};
}

} // namespace

std::uint64_t weight_from_shares(std::uint64_t shares) {
    return 1 + (std::clamp<std::uint64_t>(shares, 2, 262144) - 2) * 9999 / 262142;
}

std::uint64_t io_weight_from_blkio(std::uint64_t weight) {
    return 1 + (std::clamp<std::uint64_t>(weight, 10, 1000) - 10) * 9999 / 990;
}

Result<std::vector<Setting>> settings_for(const CgroupLayout& layout, const Json& resources) {
    const JsonReader reader(resources, "linux.resources");
    Collector collector(layout);
    for (const auto& [key, add] :
         std::initializer_list<std::pair<const char*, Status (Collector::*)(const JsonReader&)>>{
             {"cpu", &Collector::cpu},
             {"cpu", &Collector::cpuset},
             {"memory", &Collector::memory},
             {"pids", &Collector::pids},
             {"blockIO", &Collector::block_io}}) {
        const auto object = reader.object(key);
        if (!object) return fail(object.error());
        if (*object == nullptr) continue;
        if (auto added = (collector.*add)(JsonReader(**object, reader.path_of(key))); !added)
            return fail(std::move(added.error()));
    }
    const auto pages = reader.array("hugepageLimits");
    const auto unified = reader.object("unified");
    if (!pages || !unified) return fail(pages ? unified.error() : pages.error());
    if (*pages != nullptr)
        if (auto added = collector.huge_pages(**pages); !added) return fail(std::move(added.error()));
    if (*unified != nullptr)
        if (auto added = collector.unified(**unified); !added) return fail(std::move(added.error()));
    return collector.take();
}

} // namespace berth::runtime
