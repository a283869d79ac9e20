// Telling compressed streams apart, and the one that is not compressed.
#include "agent/images/decompressor.hpp"

namespace berth::images {

namespace {

class Plain final : public Decompressor {
  public:
    explicit Plain(Output output) : output_(std::move(output)) {}
    Status feed(std::string_view bytes) override { return output_(bytes); }
    Status finish() override { return {}; }

  private:
    Output output_;
};

// RFC 8878: a frame, or a skippable frame (0x184D2A50 to 5F), both little-endian.
bool is_zstd(std::string_view bytes) {
    return bytes.starts_with("\x28\xb5\x2f\xfd") ||
           (bytes.size() >= 4 && (bytes[0] & 0xf0) == 0x50 && bytes.substr(1, 3) == "\x2a\x4d\x18");
}

} // namespace

std::unique_ptr<Decompressor> make_decompressor(std::string_view first_bytes, Decompressor::Output output) {
    if (first_bytes.starts_with("\x1f\x8b")) return make_gzip(std::move(output));
    if (is_zstd(first_bytes)) return make_zstd(std::move(output));
    return std::make_unique<Plain>(std::move(output));
}

} // namespace berth::images
