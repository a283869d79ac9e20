// The create step: writable layer, volumes, the task's cgroup, and the bundle on disk.
#include "berth/runtime/cgroup.hpp"

#include "agent/executor/actions.hpp"
#include "agent/executor/bundle.hpp"

#include <unistd.h>

#include <array>

namespace berth::executor {

namespace {

std::string host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

// Host paths that are missing are made, as Docker does; a task's own volumes live with the agent's data.
Result<std::map<std::string, fs::path>> prepare_volumes(const engine::TaskSpec& task, const fs::path& own) {
    std::map<std::string, fs::path> volumes;
    for (const auto& volume : task.volumes) {
        auto path = volume.host_path.empty() ? own / volume.name : fs::path(volume.host_path);
        std::error_code ignored;
        if (!fs::exists(path, ignored))
            if (auto made = make_directories(path); !made)
                return fail(std::move(made.error()), "volume \"{}\"", volume.name);
        volumes.emplace(volume.name, std::move(path));
    }
    return volumes;
}

} // namespace

Status Actions::prepare_task_cgroup(const engine::TaskSpec& task) const {
    constexpr std::int64_t kPeriodUs = 100'000;
    Json resources = Json::object();
    if (task.cpu > 0) {
        resources["cpu"]["period"] = kPeriodUs;
        resources["cpu"]["quota"] = static_cast<std::int64_t>(task.cpu * static_cast<double>(kPeriodUs));
    }
    if (task.memory_mib > 0) resources["memory"]["limit"] = task.memory_mib << 20;
    if (resources.empty()) return {};
    const auto layout = runtime::CgroupLayout::detect();
    if (!layout) return std::unexpected(layout.error());
    auto made = runtime::Cgroup::create(*layout, task_cgroup(task), resources);
    if (!made) return fail(std::move(made.error()), "cgroup of the task");
    return {};
}

Status Actions::write_bundle(const Target& target, const images::Image& image,
                             const std::string& ip_address) const {
    const auto& container = target.container();
    const auto where = directory(target.id);
    const bool host_network = target.task->network_mode == "host";

    auto passwd = parts_.images->read_image_file(image, "etc/passwd", 1 << 20);
    if (!passwd) return std::unexpected(std::move(passwd.error()));
    auto group = parts_.images->read_image_file(image, "etc/group", 1 << 20);
    if (!group) return std::unexpected(std::move(group.error()));
    const auto group_text = group->value_or("");
    auto user = resolve_user(container.user.value_or(image.config.user), passwd->value_or(""), group_text);
    if (!user) return std::unexpected(std::move(user.error()));
    auto volumes = prepare_volumes(*target.task, settings_.data_dir / "volumes" / target.task->id());
    if (!volumes) return std::unexpected(std::move(volumes.error()));

    BundleInputs inputs;
    inputs.task = target.task.get();
    inputs.container = &container;
    inputs.id = target.id;
    inputs.image = &image.config;
    inputs.user = std::move(*user);
    for (const auto& name : container.group_add) {
        const auto gid = resolve_group(name, group_text);
        if (!gid) return fail(gid.error(), "GroupAdd");
        inputs.added_groups.push_back(*gid);
    }
    inputs.directory = where;
    inputs.cgroup_path = "/" + task_cgroup(*target.task) + "/" + target.id.str();
    inputs.hostname = container.hostname.value_or(host_network ? host_name() : short_id(target.id));
    inputs.region = settings_.region;
    inputs.volumes = std::move(*volumes);
    auto config = make_bundle(inputs);
    if (!config) return std::unexpected(std::move(config.error()));

    auto rootfs = parts_.images->prepare(target.id, image);
    if (!rootfs) return std::unexpected(std::move(rootfs.error()));
    runtime::ShimConfig shim;
    shim.id = target.id;
    shim.rootfs = {.store = rootfs->store.string(),
                   .lower = rootfs->lower,
                   .upper = rootfs->upper,
                   .work = rootfs->work};
    shim.log_segment_bytes = settings_.log_segment_bytes;
    shim.log_segments = settings_.log_segments;
    shim.shim_cgroup = settings_.shim_cgroup;

    const auto hosts = read_file("/etc/hosts").value_or("127.0.0.1\tlocalhost\n");
    const auto resolv_conf = read_file("/etc/resolv.conf").value_or("");
    const auto etc = make_etc_files(container, inputs.hostname, ip_address, host_network, hosts, resolv_conf);
    for (const auto* name : {"bundle/rootfs", "etc", "log"})
        if (auto made = make_directories(where / name, 0700); !made) return made;
    const std::array<std::pair<fs::path, const std::string*>, 3> texts{
        {{where / "etc/hosts", &etc.hosts},
         {where / "etc/hostname", &etc.hostname},
         {where / "etc/resolv.conf", &etc.resolv_conf}}};
    for (const auto& [path, text] : texts)
        if (auto written = write_file_atomic(path, *text, 0644, false); !written) return written;
    // Nothing here needs to survive a power cut: without a running container the step is done again.
    if (auto written = write_file_atomic(where / "shim.json", dump_json(to_json(shim)), 0600, false);
        !written)
        return written;
    return write_file_atomic(where / "bundle/config.json", dump_json(*config), 0600, false);
}

} // namespace berth::executor
