// gzip by isa-l. A layer may be several members one after the other (RFC 1952, 2.2), as eStargz makes them.
#include "agent/images/decompressor.hpp"

#include <isa-l/igzip_lib.h>

#include <array>
#include <cstdint>

namespace berth::images {

namespace {

std::string_view problem(int code) {
    switch (code) {
    case ISAL_INVALID_BLOCK: return "invalid block";
    case ISAL_INVALID_SYMBOL: return "invalid symbol";
    case ISAL_INVALID_LOOKBACK: return "it refers to data before its start";
    case ISAL_INVALID_WRAPPER: return "invalid header";
    case ISAL_UNSUPPORTED_METHOD: return "unsupported method";
    case ISAL_INCORRECT_CHECKSUM: return "wrong checksum";
    default: return "unknown error";
    }
}

class Gzip final : public Decompressor {
  public:
    explicit Gzip(Output output) : output_(std::move(output)) {
        isal_inflate_init(&state_);
        state_.crc_flag = ISAL_GZIP;
    }

    Status feed(std::string_view bytes) override {
        // The library's pointer is not const, but it only reads.
        state_.next_in = const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(bytes.data()));
        state_.avail_in = static_cast<std::uint32_t>(bytes.size());
        // A full buffer may mean that more is waiting inside.
        while (state_.avail_in > 0 || state_.avail_out == 0) {
            if (state_.block_state == ISAL_BLOCK_FINISH) {
                if (state_.avail_in == 0) return {};
                isal_inflate_reset(&state_);
                state_.crc_flag = ISAL_GZIP;
            }
            state_.next_out = buffer_.data();
            state_.avail_out = static_cast<std::uint32_t>(buffer_.size());
            if (const int code = isal_inflate(&state_); code != ISAL_DECOMP_OK)
                return fail(ErrorCode::invalid, "damaged gzip data: {}", problem(code));
            const auto made = buffer_.size() - state_.avail_out;
            if (made == 0) continue;
            if (auto taken = output_({reinterpret_cast<const char*>(buffer_.data()), made}); !taken)
                return taken;
        }
        return {};
    }

    Status finish() override {
        if (state_.block_state == ISAL_BLOCK_FINISH) return {};
        return fail(ErrorCode::invalid, "damaged gzip data: it ends in the middle");
    }

  private:
    Output output_;
    inflate_state state_ = {};
    std::array<std::uint8_t, 128 << 10> buffer_;
};

} // namespace

std::unique_ptr<Decompressor> make_gzip(Decompressor::Output output) {
    return std::make_unique<Gzip>(std::move(output));
}

} // namespace berth::images
