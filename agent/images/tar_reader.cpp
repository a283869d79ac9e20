// The tar reader's state machine: header, what modifies it, data, padding.
#include "agent/images/tar_reader.hpp"

#include "agent/images/text.hpp"

#include <algorithm>

namespace berth::images {

namespace {

// As much as Go's reader takes, which all images have passed.
constexpr std::uint64_t kMaxMeta = 1 << 20;
// (uid_t)-1 means "leave it" to chown(2).
constexpr std::uint64_t kMaxOwner = 0xffff'fffe;
constexpr std::uint64_t kMaxSize = std::uint64_t{1} << 62;

bool is_file_kind(char kind) { return kind == '0' || kind == '\0' || kind == '7' || kind == 'S'; }

std::optional<EntryType> type_of(char kind, std::string_view path) {
    switch (kind) {
    case '\0': return path.ends_with('/') ? EntryType::directory : EntryType::file; // version 7
    case '0':
    case '7':
    case 'S': return EntryType::file;
    case '1': return EntryType::hard_link;
    case '2': return EntryType::symlink;
    case '3': return EntryType::char_device;
    case '4': return EntryType::block_device;
    case '5': return EntryType::directory;
    case '6': return EntryType::fifo;
    default: return std::nullopt;
    }
}

Status to_extents(const std::vector<std::uint64_t>& numbers, std::vector<SparseExtent>& extents) {
    if (numbers.size() % 2 != 0) return fail(ErrorCode::invalid, "odd count of numbers in the sparse map");
    for (std::size_t i = 0; i < numbers.size(); i += 2) extents.push_back({numbers[i], numbers[i + 1]});
    return {};
}

// Ascending, apart, inside the file, and together what the archive holds of it.
Status check_extents(const std::vector<SparseExtent>& extents, std::uint64_t size, std::uint64_t stored) {
    std::uint64_t end = 0, sum = 0;
    for (const auto& extent : extents) {
        if (extent.offset < end || extent.offset > size || extent.length > size - extent.offset)
            return fail(ErrorCode::invalid, "wrong sparse map");
        end = extent.offset + extent.length;
        sum += extent.length;
    }
    if (sum != stored) return fail(ErrorCode::invalid, "the sparse map does not fit the size of the data");
    return {};
}

} // namespace

std::unexpected<Error> TarReader::bad(std::string_view why) const {
    return fail(ErrorCode::invalid, "tar archive at byte {}: {}", offset_, why);
}

bool TarReader::collect(std::string_view& bytes, std::size_t wanted) {
    const auto take = std::min(wanted - block_.size(), bytes.size());
    block_.append(bytes.substr(0, take));
    bytes.remove_prefix(take);
    return block_.size() == wanted;
}

void TarReader::skip_padding(std::uint64_t size) { skip_ = (kTarBlock - size % kTarBlock) % kTarBlock; }

Status TarReader::feed(std::string_view bytes) {
    while (!bytes.empty() && state_ != State::ended) {
        const auto before = bytes.size();
        Status done;
        if (skip_ > 0) {
            const auto drop = std::min<std::uint64_t>(skip_, bytes.size());
            bytes.remove_prefix(drop);
            skip_ -= drop;
        } else if (state_ == State::body) {
            const auto part = bytes.substr(0, std::min<std::uint64_t>(body_left_, bytes.size()));
            bytes.remove_prefix(part.size());
            done = take_body(part);
        } else if (state_ == State::sparse_map) {
            block_ += bytes.front();
            bytes.remove_prefix(1);
            done = on_sparse_map_line();
        } else if (state_ == State::meta) {
            if (collect(bytes, meta_size_)) done = on_meta();
        } else if (collect(bytes, kTarBlock)) {
            const auto block = std::exchange(block_, {});
            done = state_ == State::header ? on_header(block) : on_sparse_block(block);
        }
        if (!done) return done;
        offset_ += before - bytes.size();
    }
    return {};
}

Status TarReader::finish() {
    if (state_ == State::ended || (state_ == State::header && block_.empty() && meta_kind_ == 0)) return {};
    return bad("it ends in the middle of an entry");
}

Status TarReader::on_header(std::string_view block) {
    if (std::ranges::all_of(block, [](char c) { return c == 0; })) {
        if (zero_block_) state_ = State::ended;
        zero_block_ = true;
        return {};
    }
    if (zero_block_) return bad("a lone block of zeros");
    auto header = parse_tar_header(block);
    if (!header) return bad(header.error().message());
    const auto kind = header->kind;
    if (kind == 'x' || kind == 'g' || kind == 'L' || kind == 'K' || kind == 'V') {
        meta_size_ = static_cast<std::uint64_t>(header->size); // negative is too large
        if (meta_size_ > kMaxMeta - meta_total_)
            return bad("the extended headers of an entry are larger than 1 MiB");
        meta_total_ += meta_size_;
        meta_kind_ = kind;
        if (meta_size_ == 0) return on_meta();
        state_ = State::meta;
        return {};
    }
    if (auto described = describe_entry(*header); !described) return described;
    body_left_ = archived_;
    extents_.clear();
    if (kind == 'S') {
        entry_.size = header->real_size;
        extents_ = std::move(header->extents);
        if (header->more_extents) {
            state_ = State::sparse_blocks;
            return {};
        }
    } else if (pax_.sparse && entry_.type == EntryType::file) {
        if (!pax_.sparse->real_size) return bad("a sparse file without its real size");
        entry_.size = *pax_.sparse->real_size;
        if (pax_.sparse->major == 1) {
            map_numbers_.clear();
            state_ = State::sparse_map;
            return body_left_ > 0 ? Status() : bad("a sparse file without its map");
        }
        if (auto made = to_extents(pax_.sparse->map, extents_); !made) return made;
    } else {
        extents_.push_back({.offset = 0, .length = archived_});
    }
    return start_body();
}

// entry_ and archived_, from the header and what came before it.
Status TarReader::describe_entry(const TarHeader& header) {
    const auto& records = pax_;
    entry_ = TarEntry{};
    entry_.path = records.path ? *records.path : !long_name_.empty() ? long_name_ : header.path;
    entry_.link = records.link ? *records.link : !long_link_.empty() ? long_link_ : header.link;
    if (records.sparse && records.sparse->name) entry_.path = *records.sparse->name;
    const auto kind = header.kind;
    const auto type = type_of(kind, entry_.path);
    if (!type)
        return bad(fmt::format("entry \"{}\" has the unknown type '{}'", printable(entry_.path),
                               printable({&kind, 1})));
    entry_.type = *type;
    entry_.mode = header.mode;
    const auto uid = records.uid ? *records.uid : static_cast<std::uint64_t>(header.uid);
    const auto gid = records.gid ? *records.gid : static_cast<std::uint64_t>(header.gid);
    if (uid > kMaxOwner || gid > kMaxOwner)
        return bad(fmt::format("entry \"{}\" has an owner out of range", printable(entry_.path)));
    entry_.uid = static_cast<uid_t>(uid);
    entry_.gid = static_cast<gid_t>(gid);
    entry_.mtime =
        records.mtime.value_or(timespec{.tv_sec = static_cast<time_t>(header.mtime), .tv_nsec = 0});
    entry_.atime = records.atime;
    entry_.xattrs = records.xattrs;
    if (*type == EntryType::char_device || *type == EntryType::block_device) {
        if (header.device_major < 0 || header.device_major > 0xfff || header.device_minor < 0 ||
            header.device_minor > 0xfffff)
            return bad(fmt::format("device \"{}\" has numbers out of range", printable(entry_.path)));
        entry_.device_major = static_cast<std::uint32_t>(header.device_major);
        entry_.device_minor = static_cast<std::uint32_t>(header.device_minor);
    }
    // Of other types only the header is in the archive, whatever their size says.
    archived_ = 0;
    if (is_file_kind(kind) && *type == EntryType::file) {
        archived_ = records.size ? *records.size : static_cast<std::uint64_t>(header.size);
        if (archived_ > kMaxSize)
            return bad(fmt::format("entry \"{}\" has a size out of range", printable(entry_.path)));
    }
    entry_.size = archived_;
    return {};
}

Status TarReader::on_meta() {
    const auto text = std::exchange(block_, {});
    skip_padding(meta_size_);
    state_ = State::header;
    Status parsed;
    if (meta_kind_ == 'x')
        parsed = parse_pax(text, pax_);
    else if (meta_kind_ == 'L')
        long_name_ = text.substr(0, text.find('\0'));
    else if (meta_kind_ == 'K')
        long_link_ = text.substr(0, text.find('\0'));
    // 'g' is for the whole archive: Docker ignores it, and so do all layers. 'V' is a label.
    if (meta_kind_ == 'g' || meta_kind_ == 'V') meta_kind_ = 0;
    return parsed ? parsed : bad(parsed.error().message());
}

Status TarReader::on_sparse_block(std::string_view block) {
    const auto more = parse_gnu_extents(block, extents_);
    if (!more) return bad(more.error().message());
    return *more ? Status() : start_body();
}

// GNU's sparse format 1.0: in front of the data, one number per line, padded to a block.
Status TarReader::on_sparse_map_line() {
    if (--body_left_ == 0) return bad("a sparse map without an end");
    if (block_.back() != '\n') return block_.size() <= 20 ? Status() : bad("wrong sparse map");
    const auto number = parse_decimal(std::string_view(block_).substr(0, block_.size() - 1));
    block_.clear();
    if (!number) return bad("wrong sparse map");
    map_numbers_.push_back(*number);
    const auto count = map_numbers_.front();
    if (count > kMaxSparseExtents) return bad("too many pieces in a sparse map");
    if (map_numbers_.size() < 1 + 2 * count) return {};
    skip_padding(archived_ - body_left_);
    if (skip_ > body_left_) return bad("wrong sparse map");
    body_left_ -= skip_;
    map_numbers_.erase(map_numbers_.begin());
    if (auto made = to_extents(map_numbers_, extents_); !made) return made;
    return start_body();
}

Status TarReader::start_body() {
    if (entry_.size > kMaxSize) return bad("a sparse file with a size out of range");
    if (auto checked = check_extents(extents_, entry_.size, body_left_); !checked)
        return bad(fmt::format("entry \"{}\": {}", printable(entry_.path), checked.error().message()));
    ++entries_;
    extent_ = 0;
    extent_done_ = 0;
    if (auto begun = sink_->begin(entry_); !begun)
        return fail(std::move(begun.error()), "entry \"{}\"", printable(entry_.path));
    if (body_left_ == 0) return finish_entry();
    state_ = State::body;
    return {};
}

Status TarReader::take_body(std::string_view bytes) {
    body_left_ -= bytes.size();
    while (!bytes.empty()) {
        const auto& extent = extents_[extent_];
        const auto part =
            bytes.substr(0, std::min<std::uint64_t>(extent.length - extent_done_, bytes.size()));
        if (!part.empty())
            if (auto written = sink_->data(extent.offset + extent_done_, part); !written)
                return fail(std::move(written.error()), "entry \"{}\"", printable(entry_.path));
        bytes.remove_prefix(part.size());
        extent_done_ += part.size();
        if (extent_done_ < extent.length) continue;
        ++extent_;
        extent_done_ = 0;
    }
    return body_left_ == 0 ? finish_entry() : Status();
}

Status TarReader::finish_entry() {
    if (auto ended = sink_->end(); !ended)
        return fail(std::move(ended.error()), "entry \"{}\"", printable(entry_.path));
    skip_padding(archived_);
    state_ = State::header;
    pax_ = {};
    long_name_.clear();
    long_link_.clear();
    meta_kind_ = 0;
    meta_total_ = 0;
    return {};
}

} // namespace berth::images
