// zstd by libzstd: frames one after the other, skippable ones among them (zstd:chunked).
#include "agent/images/decompressor.hpp"

#include <zstd.h>

#include <vector>

namespace berth::images {

namespace {

// 128 MiB, what `zstd --ultra -22` needs: memory that a stranger can make us take.
constexpr int kMaxWindowLog = 27;

struct FreeContext {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

class Zstd final : public Decompressor {
  public:
    explicit Zstd(Output output)
        : output_(std::move(output)), context_(ZSTD_createDCtx()), buffer_(ZSTD_DStreamOutSize()) {
        if (context_) ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kMaxWindowLog);
    }

    Status feed(std::string_view bytes) override {
        if (!context_) return fail(ErrorCode::internal, "no memory for a zstd context");
        ZSTD_inBuffer in{.src = bytes.data(), .size = bytes.size(), .pos = 0};
        bool full = true;
        while (in.pos < in.size || full) {
            ZSTD_outBuffer out{.dst = buffer_.data(), .size = buffer_.size(), .pos = 0};
            const bool had_input = in.pos < in.size;
            const auto left = ZSTD_decompressStream(context_.get(), &out, &in);
            if (ZSTD_isError(left))
                return fail(ErrorCode::invalid, "damaged zstd data: {}", ZSTD_getErrorName(left));
            // A call without input at the start of a frame only asks for its header.
            if (had_input || out.pos > 0) complete_ = left == 0;
            full = out.pos == out.size;
            if (out.pos == 0) continue;
            if (auto taken = output_({buffer_.data(), out.pos}); !taken) return taken;
        }
        return {};
    }

    Status finish() override {
        if (complete_) return {};
        return fail(ErrorCode::invalid, "damaged zstd data: it ends in the middle");
    }

  private:
    Output output_;
    std::unique_ptr<ZSTD_DCtx, FreeContext> context_;
    std::vector<char> buffer_;
    bool complete_ = true;
};

} // namespace

std::unique_ptr<Decompressor> make_zstd(Decompressor::Output output) {
    return std::make_unique<Zstd>(std::move(output));
}

} // namespace berth::images
