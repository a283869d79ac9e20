// Drawing pull progress.
#include "agent/cli/progress.hpp"

#include <algorithm>
#include <cstdio>

namespace berth::cli {

namespace {

std::string human(std::uint64_t bytes) {
    if (bytes < 1024) return fmt::format("{} B", bytes);
    const auto value = static_cast<double>(bytes);
    if (bytes < (1U << 20)) return fmt::format("{:.1f} KiB", value / 1024);
    if (bytes < (std::uint64_t{1} << 30)) return fmt::format("{:.1f} MiB", value / (1 << 20));
    return fmt::format("{:.2f} GiB", value / (1 << 30));
}

std::string short_digest(const Digest& digest) {
    return digest.str().substr(digest.str().find(':') + 1).substr(0, 12);
}

std::string bar(const images::PullProgress& layer) {
    constexpr std::size_t kWidth = 30;
    const auto filled = layer.complete ? kWidth
                        : layer.total == 0
                            ? 0
                            : std::min(kWidth, static_cast<std::size_t>(layer.done * kWidth / layer.total));
    return std::string(filled, '=') + (filled < kWidth ? ">" : "") +
           std::string(kWidth - filled - (filled < kWidth ? 1 : 0), ' ');
}

} // namespace

void PullDisplay::update(const images::PullProgress& progress) {
    const auto found = std::find_if(layers_.begin(), layers_.end(),
                                    [&](const auto& layer) { return layer.layer == progress.layer; });
    const bool newly_complete = progress.complete && (found == layers_.end() || !found->complete);
    if (found == layers_.end())
        layers_.push_back(progress);
    else
        *found = progress;
    if (terminal_)
        draw();
    else if (newly_complete)
        fmt::print("{}: complete, {}\n", short_digest(progress.layer),
                   human(std::max(progress.total, progress.done)));
}

void PullDisplay::draw() const {
    if (lines_ > 0) fmt::print("\x1b[{}A", lines_);
    for (const auto& layer : layers_)
        fmt::print("\x1b[2K{} [{}] {}{}\n", short_digest(layer.layer), bar(layer), human(layer.done),
                   layer.total > 0 ? " of " + human(layer.total) : "");
    lines_ = layers_.size();
    std::fflush(stdout);
}

} // namespace berth::cli
