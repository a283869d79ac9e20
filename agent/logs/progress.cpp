// The file of a delivered position.
#include "agent/logs/progress.hpp"

#include "berth/base/encoding.hpp"
#include "berth/base/json.hpp"

#include <cerrno>
#include <limits>

namespace berth::logs {
namespace {

constexpr std::string_view kFile = ".forwarded";
constexpr std::array<std::string_view, 2> kStreams{"stdout", "stderr"};

Result<Progress> parse(std::string_view text) {
    const auto json = parse_json(text);
    if (!json) return fail(json.error());
    const JsonReader reader(*json);
    const auto segment = reader.required_integer("segment");
    const auto offset = reader.required_integer("offset");
    if (!segment || !offset) return fail(!segment ? segment.error() : offset.error());
    if (*segment < 0 || *segment > std::numeric_limits<std::uint32_t>::max() || *offset < 0)
        return fail(ErrorCode::invalid, "no position can be {}:{}", *segment, *offset);
    Progress progress;
    progress.position = {static_cast<std::uint32_t>(*segment), static_cast<std::uint64_t>(*offset)};
    for (std::size_t i = 0; i < kStreams.size(); ++i) {
        const auto encoded = reader.string(kStreams[i]);
        if (!encoded) return fail(encoded.error());
        auto bytes = base64_decode(encoded->value_or(""));
        if (!bytes) return fail(std::move(bytes.error()), "{}", kStreams[i]);
        progress.pending[i] = std::move(*bytes);
    }
    return progress;
}

} // namespace

Result<Progress> load_progress(const fs::path& log_directory) {
    const auto path = log_directory / kFile;
    const auto text = read_file(path);
    if (!text && text.error().sys() == ENOENT) return Progress{};
    if (!text) return fail(text.error());
    auto progress = parse(*text);
    if (!progress) return fail(std::move(progress.error()), "{}", path.string());
    return progress;
}

Status save_progress(const fs::path& log_directory, const Progress& progress) {
    Json json{{"segment", progress.position.segment}, {"offset", progress.position.offset}};
    for (std::size_t i = 0; i < kStreams.size(); ++i)
        if (!progress.pending[i].empty()) json[std::string(kStreams[i])] = base64_encode(progress.pending[i]);
    return write_file_atomic(log_directory / kFile, dump_json(json), 0600);
}

} // namespace berth::logs
