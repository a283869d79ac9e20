// Fuzzes the way from a layer's bytes to its entries: decompression and the tar reader.
#include "agent/images/decompressor.hpp"
#include "agent/images/layer_tree.hpp"
#include "agent/images/tar_reader.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using namespace berth;
using namespace berth::images;

void require(bool truth) {
    if (!truth) __builtin_trap();
}

// Holds the reader to what it promises its sink.
class Checking : public TarSink {
  public:
    Status begin(const TarEntry& entry) override {
        require(!open_);
        open_ = true;
        size_ = entry.size;
        end_ = 0;
        require(entry.type == EntryType::file || size_ == 0);
        if (const auto clean = clean_path(entry.path)) {
            require(!clean->starts_with('/') && !clean->ends_with('/'));
            require(*clean != ".." && !clean->starts_with("../") &&
                    clean->find("/../") == std::string::npos && !clean->ends_with("/.."));
        }
        seen += entry.path + '\0';
        return {};
    }
    Status data(std::uint64_t offset, std::string_view bytes) override {
        require(open_ && !bytes.empty() && offset >= end_ && offset <= size_ &&
                bytes.size() <= size_ - offset);
        end_ = offset + bytes.size();
        seen += bytes;
        return {};
    }
    Status end() override {
        require(open_);
        open_ = false;
        return {};
    }
    std::string seen;

  private:
    bool open_ = false;
    std::uint64_t size_ = 0, end_ = 0;
};

std::string read(std::string_view bytes, std::size_t piece) {
    Checking sink;
    TarReader reader(sink);
    Status done;
    for (std::size_t at = 0; done && at < bytes.size(); at += piece)
        done = reader.feed(bytes.substr(at, piece));
    if (done) done = reader.finish();
    return sink.seen + (done ? "+" : "-");
}

// A header with a wrong sum would end every attempt at the door.
std::string with_checksums(std::string bytes) {
    for (std::size_t at = 0; at + kTarBlock <= bytes.size(); at += kTarBlock) {
        auto block = std::string_view(bytes).substr(at, kTarBlock);
        if (block.substr(257, 5) != "ustar") continue;
        bytes.replace(at + 148, 8, "        ");
        unsigned sum = 0;
        for (const char c : std::string_view(bytes).substr(at, kTarBlock))
            sum += static_cast<unsigned char>(c);
        bytes.replace(at + 148, 8, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
    }
    return bytes;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    std::string unpacked;
    const auto stream = make_decompressor(input, [&](std::string_view bytes) -> Status {
        unpacked += bytes;
        return unpacked.size() > (1 << 20) ? fail(ErrorCode::limit, "enough") : Status();
    });
    if (stream->feed(input)) (void)stream->finish();
    const auto archive = with_checksums(std::move(unpacked));
    require(read(archive, 1 << 22) == read(archive, 333));
    return 0;
}
