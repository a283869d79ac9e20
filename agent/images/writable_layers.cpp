// Writable layers of containers: made from an image, and taken away.
#include "agent/images/store.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ranges>

namespace berth::images {

// The upper directory is the container's root directory: it looks as the topmost layer that describes it
// says.
Status Store::copy_root_attributes(const std::vector<std::string>& layers, const fs::path& upper) const {
    for (const auto& id : std::views::reverse(layers)) {
        const auto layer = std::ranges::find(layers_, id, [](const auto& entry) { return entry.second.id; });
        if (layer == layers_.end() || !layer->second.root_entry) continue;
        struct stat status = {};
        if (::stat(paths_.layer(id).c_str(), &status) != 0)
            return fail_errno(errno, "reading {}", paths_.layer(id).string());
        if (::chown(upper.c_str(), status.st_uid, status.st_gid) != 0 ||
            ::chmod(upper.c_str(), status.st_mode & 07777) != 0)
            return fail_errno(errno, "setting owner and mode of {}", upper.string());
        return {};
    }
    if (::chmod(upper.c_str(), 0755) != 0) return fail_errno(errno, "setting the mode of {}", upper.string());
    return {};
}

Result<RootFilesystem> Store::prepare(const ContainerId& container, const Image& image) {
    if (container.empty() ||
        !std::ranges::all_of(container.str(), [](char c) { return is_alnum(c) || c == '-'; }))
        return fail(ErrorCode::invalid, "container id \"{}\" is not of letters, digits and '-'",
                    printable(container.str()));
    const std::lock_guard lock(mutex_);
    auto known = containers_.find(container);
    if (known == containers_.end()) {
        for (const auto& id : image.layers)
            if (std::ranges::none_of(layers_, [&](const auto& entry) { return entry.second.id == id; }))
                return fail(ErrorCode::not_found, "image {} has been removed from this host", image.name);
        const auto draft = temporary();
        for (const auto* name : {"upper", "work"})
            if (auto made = make_directories(draft / name, 0700); !made) return std::unexpected(made.error());
        if (auto copied = copy_root_attributes(image.layers, draft / "upper"); !copied)
            return std::unexpected(std::move(copied.error()));
        const Json record{{"layers", image.layers}};
        if (auto written = write_file_atomic(draft / "layers.json", dump_json(record), 0600, false); !written)
            return std::unexpected(std::move(written.error()));
        if (::rename(draft.c_str(), paths_.container(container).c_str()) != 0)
            return fail_errno(errno, "renaming {} to {}", draft.string(),
                              paths_.container(container).string());
        known = containers_.emplace(container, image.layers).first;
    }
    RootFilesystem rootfs;
    rootfs.store = paths_.root();
    for (const auto& id : std::views::reverse(known->second))
        rootfs.lower.push_back(Paths::layer_below_root(id));
    if (rootfs.lower.empty()) rootfs.lower.push_back(Paths::empty_below_root());
    rootfs.upper = Paths::container_below_root(container) + "/upper";
    rootfs.work = Paths::container_below_root(container) + "/work";
    return rootfs;
}

Status Store::discard(const ContainerId& container) {
    std::vector<fs::path> garbage;
    {
        const std::lock_guard lock(mutex_);
        const auto known = containers_.find(container);
        if (known == containers_.end()) return {};
        auto moved = move_to_tmp(paths_.container(container));
        if (!moved) return std::unexpected(std::move(moved.error()));
        auto layers = std::move(known->second);
        containers_.erase(known);
        garbage = take_unused(std::move(layers));
        garbage.push_back(std::move(*moved));
    }
    return remove_trees(garbage);
}

} // namespace berth::images
