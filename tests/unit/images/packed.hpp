// Compressing what tests unpack.
#pragma once

#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

namespace berth::images::test {

inline std::string gzip(const std::string& bytes) {
    auto stream = std::make_unique<isal_zstream>();
    std::string packed(2 * bytes.size() + 1024, '\0');
    isal_deflate_init(stream.get());
    stream->gzip_flag = IGZIP_GZIP;
    stream->end_of_stream = 1;
    stream->next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(bytes.data()));
    stream->avail_in = static_cast<std::uint32_t>(bytes.size());
    stream->next_out = reinterpret_cast<std::uint8_t*>(packed.data());
    stream->avail_out = static_cast<std::uint32_t>(packed.size());
    do { // one call may stop at the border of a block
        if (stream->avail_out == 0 || isal_deflate(stream.get()) != COMP_OK)
            throw std::runtime_error("compressing failed");
    } while (stream->internal_state.state != ZSTATE_END);
    packed.resize(stream->total_out);
    return packed;
}

inline std::string zstd(const std::string& bytes) {
    std::string packed(ZSTD_compressBound(bytes.size()), '\0');
    packed.resize(ZSTD_compress(packed.data(), packed.size(), bytes.data(), bytes.size(), 3));
    return packed;
}

} // namespace berth::images::test
