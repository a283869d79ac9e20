// Comparing manifests with what runs here.
#include "agent/control/manifest.hpp"

#include <algorithm>

namespace berth::control {

void ManifestTracker::accept(const TaskManifest& manifest) {
    number_ = manifest.timeline;
    message_id_ = manifest.ids.message_id;
}

std::vector<TaskArn> ManifestTracker::candidates(const TaskManifest& manifest,
                                                 const std::vector<TaskArn>& running) {
    std::vector<TaskArn> missing;
    for (const auto& task : running)
        if (std::ranges::find(manifest.running, task) == manifest.running.end()) missing.push_back(task);
    return missing;
}

std::vector<TaskArn> ManifestTracker::verify(StopVerification verification) {
    if (message_id_.empty() || verification.message_id != message_id_) return {};
    message_id_.clear();
    return std::move(verification.stop);
}

} // namespace berth::control
