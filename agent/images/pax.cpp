// pax extended headers: "<length> <key>=<value>\n" (POSIX.1-2001), and the vendor keys that layers use.
#include "berth/base/encoding.hpp"

#include "agent/images/tar_entry.hpp"
#include "agent/images/text.hpp"

#include <limits>

namespace berth::images {

namespace {

constexpr std::string_view kSchilyXattr = "SCHILY.xattr.", kLibarchiveXattr = "LIBARCHIVE.xattr.";

// "-1.25" is a quarter before minus one: nanoseconds always count up.
std::optional<timespec> parse_time(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    const auto point = text.find('.');
    const auto whole = parse_decimal(text.substr(0, point));
    if (!whole || *whole > std::uint64_t{1} << 40) return std::nullopt;
    timespec time{.tv_sec = static_cast<time_t>(*whole), .tv_nsec = 0};
    if (point != std::string_view::npos) {
        auto fraction = text.substr(point + 1);
        if (!std::ranges::all_of(fraction, is_digit)) return std::nullopt;
        std::string nanoseconds(fraction.substr(0, 9));
        nanoseconds.resize(9, '0');
        time.tv_nsec = static_cast<long>(*parse_decimal(nanoseconds));
    }
    if (!negative) return time;
    time.tv_sec = -time.tv_sec;
    if (time.tv_nsec > 0) {
        time.tv_sec -= 1;
        time.tv_nsec = 1'000'000'000 - time.tv_nsec;
    }
    return time;
}

void set_xattr(PaxRecords& records, std::string name, std::string value) {
    for (auto& [known, old] : records.xattrs)
        if (known == name) {
            old = std::move(value);
            return;
        }
    records.xattrs.emplace_back(std::move(name), std::move(value));
}

Status set_number(std::optional<std::uint64_t>& field, std::string_view key, std::string_view value) {
    if (value.empty()) {
        field.reset();
        return {};
    }
    field = parse_decimal(value);
    if (!field) return fail(ErrorCode::invalid, "pax record {} is not a number", key);
    return {};
}

Status set_time(std::optional<timespec>& field, std::string_view key, std::string_view value) {
    if (value.empty()) {
        field.reset();
        return {};
    }
    field = parse_time(value);
    if (!field) return fail(ErrorCode::invalid, "pax record {} is not a time", key);
    return {};
}

// An empty value takes an earlier record back.
void set_text(std::optional<std::string>& field, std::string_view value) {
    if (value.empty())
        field.reset();
    else
        field = std::string(value);
}

Status add_to_map(PaxSparse& sparse, std::string_view key, std::string_view list) {
    for (const auto piece : split(list, ',')) {
        const auto number = parse_decimal(piece);
        if (!number) return fail(ErrorCode::invalid, "pax record {} is not a list of numbers", key);
        if (sparse.map.size() >= 2 * kMaxSparseExtents)
            return fail(ErrorCode::limit, "more than {} pieces in a sparse map", kMaxSparseExtents);
        sparse.map.push_back(*number);
    }
    return {};
}

Status set_sparse(PaxRecords& records, std::string_view key, std::string_view value) {
    auto& sparse = records.sparse ? *records.sparse : records.sparse.emplace();
    const auto field = key.substr(std::string_view("GNU.sparse.").size());
    if (field == "name") {
        set_text(sparse.name, value);
        return {};
    }
    if (field == "map" || field == "offset" || field == "numbytes")
        return value.empty() ? Status() : add_to_map(sparse, key, value);
    if (field == "realsize" || field == "size") return set_number(sparse.real_size, key, value);
    if (field != "major" && field != "minor") return {};
    const auto number = parse_decimal(value);
    if (!number) return fail(ErrorCode::invalid, "pax record {} is not a number", key);
    (field == "major" ? sparse.major : sparse.minor) = *number;
    return {};
}

Status set_record(PaxRecords& records, std::string_view key, std::string_view value) {
    if (key == "path" || key == "linkpath") {
        if (value.contains('\0')) return fail(ErrorCode::invalid, "pax record {} holds a NUL", key);
        set_text(key == "path" ? records.path : records.link, value);
        return {};
    }
    if (key == "size") return set_number(records.size, key, value);
    if (key == "uid") return set_number(records.uid, key, value);
    if (key == "gid") return set_number(records.gid, key, value);
    if (key == "mtime") return set_time(records.mtime, key, value);
    if (key == "atime") return set_time(records.atime, key, value);
    if (key.starts_with("GNU.sparse.")) return set_sparse(records, key, value);
    if (key.starts_with(kSchilyXattr)) {
        set_xattr(records, std::string(key.substr(kSchilyXattr.size())), std::string(value));
    } else if (key.starts_with(kLibarchiveXattr)) {
        const auto name = percent_decode(key.substr(kLibarchiveXattr.size()));
        std::string padded(value);
        padded.append((4 - padded.size() % 4) % 4, '=');
        auto bytes = base64_decode(padded);
        if (!name || !bytes) return fail(ErrorCode::invalid, "pax record {} is not base64", printable(key));
        set_xattr(records, *name, std::move(*bytes));
    }
    return {};
}

} // namespace

std::optional<std::uint64_t> parse_decimal(std::string_view text) {
    if (text.empty() || text.size() > 20) return std::nullopt;
    std::uint64_t number = 0;
    constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
    for (const char c : text) {
        if (!is_digit(c)) return std::nullopt;
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (number > (kMost - digit) / 10) return std::nullopt;
        number = number * 10 + digit;
    }
    return number;
}

Status parse_pax(std::string_view text, PaxRecords& records) {
    while (!text.empty()) {
        const auto space = text.find(' ');
        const auto length = parse_decimal(text.substr(0, space));
        if (!length || *length > text.size() || *length < space + 3 || text[*length - 1] != '\n')
            return fail(ErrorCode::invalid, "malformed pax header");
        const auto record = text.substr(space + 1, *length - space - 2);
        const auto equals = record.find('=');
        if (equals == std::string_view::npos || equals == 0)
            return fail(ErrorCode::invalid, "malformed pax header");
        if (auto set = set_record(records, record.substr(0, equals), record.substr(equals + 1)); !set)
            return set;
        text.remove_prefix(*length);
    }
    return {};
}

} // namespace berth::images
