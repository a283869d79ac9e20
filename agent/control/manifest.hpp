// Task manifests: which are news, which local tasks they leave out, and what a verification may stop
// (reference 3.7). Pure.
#pragma once

#include "agent/control/acs_messages.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace berth::control {

class ManifestTracker {
  public:
    explicit ManifestTracker(std::int64_t number) : number_(number) {}

    // Payloads count in the same sequence as manifests.
    void payload_seen(std::int64_t sequence_number) { number_ = std::max(number_, sequence_number); }
    // Whether the manifest is newer than everything seen.
    bool is_news(const TaskManifest& manifest) const { return manifest.timeline > number_; }
    void accept(const TaskManifest& manifest);
    // Of `running`, what the manifest does not want to run.
    static std::vector<TaskArn> candidates(const TaskManifest& manifest, const std::vector<TaskArn>& running);
    // What to stop now: the verified tasks, once, when they answer the manifest accepted last.
    std::vector<TaskArn> verify(StopVerification verification);

  private:
    std::int64_t number_;
    std::string message_id_; // of the manifest accepted last, until verified
};

} // namespace berth::control
