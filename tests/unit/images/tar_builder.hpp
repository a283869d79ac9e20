// Builds tar archives byte by byte, also ones that no tar program would write.
#pragma once

#include "agent/images/tar_entry.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth::images::test {

struct Entry {
    std::string path;
    char kind = '0';
    std::string content = {};
    std::string link = {};
    unsigned mode = 0644;
    std::uint64_t uid = 0, gid = 0;
    std::int64_t mtime = 1'600'000'000;
    unsigned major = 0, minor = 0;
    std::vector<std::pair<std::string, std::string>> pax = {};
    std::string prefix = {};
    std::string size_field = {}; // instead of the content's size
};

inline std::string field(std::string text, std::size_t size) {
    text.resize(size, '\0');
    return text;
}

inline std::string padded(std::string data) {
    data.resize((data.size() + 511) / 512 * 512, '\0');
    return data;
}

inline void set_checksum(std::string& block) {
    block.replace(148, 8, "        ");
    unsigned sum = 0;
    for (const char c : block) sum += static_cast<unsigned char>(c);
    block.replace(148, 8, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
}

inline std::string header(const Entry& entry) {
    std::string block = field(entry.path, 100);
    block += fmt::format("{:07o}", entry.mode) + '\0';
    block += fmt::format("{:07o}", entry.uid) + '\0';
    block += fmt::format("{:07o}", entry.gid) + '\0';
    block +=
        entry.size_field.empty() ? fmt::format("{:011o}", entry.content.size()) + '\0' : entry.size_field;
    block += fmt::format("{:011o}", entry.mtime) + '\0';
    block += std::string(8, ' ') + entry.kind;
    block += field(entry.link, 100);
    block += std::string("ustar\0", 6) + "00";
    block += std::string(64, '\0'); // user and group names
    block += fmt::format("{:07o}", entry.major) + '\0' + fmt::format("{:07o}", entry.minor) + '\0';
    block += field(entry.prefix, 155) + std::string(12, '\0');
    set_checksum(block);
    return block;
}

inline std::string pax_record(const std::string& key, const std::string& value) {
    const auto rest = " " + key + "=" + value + "\n";
    auto length = rest.size() + 1;
    while (std::to_string(length).size() + rest.size() != length) ++length;
    return std::to_string(length) + rest;
}

inline std::string entry_bytes(const Entry& entry) {
    std::string bytes;
    if (!entry.pax.empty()) {
        std::string records;
        for (const auto& [key, value] : entry.pax) records += pax_record(key, value);
        bytes += header({.path = "PaxHeaders/x", .kind = 'x', .content = records}) + padded(records);
    }
    return bytes + header(entry) + padded(entry.content);
}

inline std::string archive(const std::vector<Entry>& entries) {
    std::string bytes;
    for (const auto& entry : entries) bytes += entry_bytes(entry);
    return bytes + std::string(1024, '\0');
}

} // namespace berth::images::test
