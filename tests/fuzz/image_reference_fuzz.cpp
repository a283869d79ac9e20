// Fuzzes image references: what is accepted means the same when it is written out and read again.
#include "berth/images/images.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace berth;
    const auto reference = images::parse_reference({reinterpret_cast<const char*>(data), size});
    if (!reference) {
        if (reference.error().message().empty()) __builtin_trap();
        return 0;
    }
    const auto text = reference->str();
    const auto again = images::parse_reference(text);
    if (!again || again->str() != text || again->registry != reference->registry) __builtin_trap();
    // The text goes into URLs and file names.
    for (const char c : text)
        if (c <= ' ' || c == '?' || c == '#' || c == '\\' || c == 0x7f) __builtin_trap();
    if (text.find("..") != std::string::npos && reference->registry.find("..") != std::string::npos)
        __builtin_trap();
    return 0;
}
