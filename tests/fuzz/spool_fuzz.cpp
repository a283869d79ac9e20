// Fuzzes the reader of log spools: any bytes as a segment, read in pieces of any size, end in progress and no
// crash.
#include "berth/runtime/log_spool.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace berth;
    if (size < 2) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
    const auto directory = fs::path("/dev/shm") / ("berth-spool-fuzz-" + std::to_string(::getpid()));
    fs::create_directory(directory);
    // The first byte says how much is read at once, the second where the bytes are cut into two segments.
    const auto cut = bytes.size() * data[1] / 256;
    std::string_view parts[] = {bytes.substr(0, cut), bytes.substr(cut)};
    for (int i = 0; i < 2; ++i) {
        const auto segment = open_file(directory / ("0000000" + std::to_string(i + 1) + ".log"),
                                       O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (!segment || !write_all(segment->get(), parts[i], "segment")) __builtin_trap();
    }
    runtime::SpoolPosition at;
    for (bool more = true; more;) {
        const auto batch = runtime::read_spool(directory, at, std::size_t{data[0]} * 100);
        if (!batch) __builtin_trap();
        if (batch->more && batch->next <= at) __builtin_trap();
        for (const auto& line : batch->lines)
            if (line.text.find('\n') != std::string::npos) __builtin_trap();
        at = batch->next;
        more = batch->more;
    }
    (void)runtime::parse_spool_record(bytes);
    return 0;
}
