// SHA-256 and HMAC over OpenSSL's EVP.
#include "berth/base/sha256.hpp"

#include "berth/base/encoding.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstdlib>

namespace berth {

struct Sha256::Impl {
    struct Free {
        void operator()(EVP_MD_CTX* used) const { EVP_MD_CTX_free(used); }
    };
    std::unique_ptr<EVP_MD_CTX, Free> context{EVP_MD_CTX_new()};
};

namespace {
// The digest functions fail only when memory is gone or OpenSSL is broken.
void must(int result) {
    if (result != 1) std::abort();
}
} // namespace

Sha256::Sha256() : impl_(std::make_unique<Impl>()) {
    must(EVP_DigestInit_ex(impl_->context.get(), EVP_sha256(), nullptr));
}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(std::span<const std::byte> bytes) {
    must(EVP_DigestUpdate(impl_->context.get(), bytes.data(), bytes.size()));
}
void Sha256::update(std::string_view bytes) {
    must(EVP_DigestUpdate(impl_->context.get(), bytes.data(), bytes.size()));
}

std::string Sha256::finish() {
    std::string digest(32, '\0');
    unsigned length = 0;
    must(EVP_DigestFinal_ex(impl_->context.get(), reinterpret_cast<unsigned char*>(digest.data()), &length));
    return digest;
}
std::string Sha256::finish_hex() { return to_hex(finish()); }

std::string sha256(std::string_view bytes) {
    Sha256 hash;
    hash.update(bytes);
    return hash.finish();
}
std::string sha256_hex(std::string_view bytes) { return to_hex(sha256(bytes)); }

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
    std::string digest(32, '\0');
    unsigned length = 0;
    if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
             reinterpret_cast<unsigned char*>(digest.data()), &length) == nullptr)
        std::abort();
    return digest;
}

} // namespace berth
