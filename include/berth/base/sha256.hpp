// SHA-256 and HMAC-SHA-256 over OpenSSL's EVP.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace berth {

class Sha256 {
  public:
    Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;
    ~Sha256();
    void update(std::span<const std::byte> bytes);
    void update(std::string_view bytes);
    // 32 raw bytes; the object may not be used afterwards.
    std::string finish();
    // Lower-case hex of finish().
    std::string finish_hex();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

std::string sha256(std::string_view bytes);     // 32 raw bytes
std::string sha256_hex(std::string_view bytes); // 64 hex digits
std::string hmac_sha256(std::string_view key, std::string_view bytes);

} // namespace berth
