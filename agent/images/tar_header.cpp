// The 512-byte header of tar: ustar (POSIX.1-2001), star, GNU and the version 7 form before them.
#include "agent/images/tar_entry.hpp"

#include <algorithm>
#include <limits>

namespace berth::images {

namespace {

constexpr std::size_t kChecksumAt = 148, kChecksumSize = 8;

// Octal digits, or a base-256 number with the top bit of the first byte set (GNU, for what octal cannot
// hold).
Result<std::int64_t> parse_number(std::string_view field, std::string_view what) {
    const auto wrong = [&] { return fail(ErrorCode::invalid, "wrong number in the {} field", what); };
    if ((field.front() & 0x80) != 0) {
        const bool negative = (field.front() & 0x40) != 0;
        std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
        for (std::size_t i = 0; i < field.size(); ++i) {
            auto byte = static_cast<unsigned char>(field[i]);
            if (i == 0) byte = static_cast<unsigned char>(negative ? byte | 0x80 : byte & 0x7f);
            if (value >> 56 != (negative ? 0xffU : 0U)) return wrong();
            value = value << 8 | byte;
        }
        const auto number = static_cast<std::int64_t>(value);
        if ((number < 0) != negative) return wrong();
        return number;
    }
    const auto start = field.find_first_not_of(" ");
    if (start == std::string_view::npos) return 0;
    field.remove_prefix(start);
    field = field.substr(0, field.find_first_of(std::string_view("\0 ", 2)));
    std::int64_t number = 0;
    for (const char c : field) {
        if (c < '0' || c > '7' || number > std::numeric_limits<std::int64_t>::max() / 8) return wrong();
        number = number * 8 + (c - '0');
    }
    return number;
}

std::string text(std::string_view field) { return std::string(field.substr(0, field.find('\0'))); }

Status check_sum(std::string_view block) {
    const auto expected = parse_number(block.substr(kChecksumAt, kChecksumSize), "checksum");
    if (!expected) return std::unexpected(expected.error());
    // Some old writers summed signed bytes.
    std::int64_t with_unsigned = 0, with_signed = 0;
    for (std::size_t i = 0; i < block.size(); ++i) {
        const bool own = i >= kChecksumAt && i < kChecksumAt + kChecksumSize;
        with_unsigned += own ? ' ' : static_cast<unsigned char>(block[i]);
        with_signed += own ? ' ' : static_cast<signed char>(block[i]);
    }
    if (*expected == with_unsigned || *expected == with_signed) return {};
    return fail(ErrorCode::invalid, "wrong checksum: this is no tar header");
}

Status read_extents(std::string_view field, std::vector<SparseExtent>& extents) {
    constexpr std::size_t kNumber = 12;
    for (; field.size() >= 2 * kNumber; field.remove_prefix(2 * kNumber)) {
        if (field.front() == '\0') return {};
        const auto offset = parse_number(field.substr(0, kNumber), "sparse offset");
        const auto length = parse_number(field.substr(kNumber, kNumber), "sparse length");
        if (!offset) return std::unexpected(offset.error());
        if (!length) return std::unexpected(length.error());
        if (*offset < 0 || *length < 0) return fail(ErrorCode::invalid, "negative number in a sparse map");
        if (extents.size() >= kMaxSparseExtents)
            return fail(ErrorCode::limit, "more than {} pieces in a sparse map", kMaxSparseExtents);
        extents.push_back({static_cast<std::uint64_t>(*offset), static_cast<std::uint64_t>(*length)});
    }
    return {};
}

} // namespace

Result<TarHeader> parse_tar_header(std::string_view block) {
    if (auto sum = check_sum(block); !sum) return std::unexpected(std::move(sum.error()));
    TarHeader header;
    header.kind = block[156];
    header.path = text(block.substr(0, 100));
    header.link = text(block.substr(157, 100));
    const bool gnu = block.substr(257, 8) == std::string_view("ustar  \0", 8);
    const bool ustar = block.substr(257, 6) == std::string_view("ustar\0", 6);
    if (ustar) {
        const bool star = block.substr(508, 4) == std::string_view("tar\0", 4);
        const auto prefix = text(block.substr(345, star ? 131 : 155));
        if (!prefix.empty()) header.path = prefix + "/" + header.path;
    }
    struct Field {
        std::int64_t TarHeader::* into;
        std::size_t at, size;
        const char* name;
    };
    constexpr Field kFields[] = {{&TarHeader::uid, 108, 8, "uid"},
                                 {&TarHeader::gid, 116, 8, "gid"},
                                 {&TarHeader::size, 124, 12, "size"},
                                 {&TarHeader::mtime, 136, 12, "mtime"},
                                 {&TarHeader::device_major, 329, 8, "device major"},
                                 {&TarHeader::device_minor, 337, 8, "device minor"}};
    for (const auto& field : kFields) {
        if (field.at > 257 && !gnu && !ustar) continue; // version 7 headers end before
        const auto number = parse_number(block.substr(field.at, field.size), field.name);
        if (!number) return std::unexpected(number.error());
        header.*field.into = *number;
    }
    const auto mode = parse_number(block.substr(100, 8), "mode");
    if (!mode) return std::unexpected(mode.error());
    header.mode = static_cast<mode_t>(*mode & 07777);
    if (header.kind == 'S') {
        if (auto read = read_extents(block.substr(386, 96), header.extents); !read)
            return std::unexpected(std::move(read.error()));
        header.more_extents = block[482] != 0;
        const auto real = parse_number(block.substr(483, 12), "real size");
        if (!real) return std::unexpected(real.error());
        if (*real < 0) return fail(ErrorCode::invalid, "negative real size of a sparse file");
        header.real_size = static_cast<std::uint64_t>(*real);
    }
    return header;
}

Result<bool> parse_gnu_extents(std::string_view block, std::vector<SparseExtent>& extents) {
    if (auto read = read_extents(block.substr(0, 504), extents); !read)
        return std::unexpected(std::move(read.error()));
    return block[504] != 0;
}

} // namespace berth::images
