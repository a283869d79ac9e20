// Authorization headers for registries: Basic, and Bearer tokens fetched as the registry's challenge says.
#pragma once

#include "berth/base/http/client.hpp"
#include "berth/images/images.hpp"

#include "agent/images/www_authenticate.hpp"

#include <functional>
#include <map>
#include <string>

namespace berth::images {

// Where an image comes from, and as whom we ask for it.
struct Source {
    Source() = default;
    std::string registry, repository;
    RegistryLogin login;
    // The same key: the same answers.
    std::string key() const;
};

class RegistryAuth {
  public:
    // `may_be_plain` decides whether a token may be fetched from a URL without TLS.
    RegistryAuth(http::Client& client, std::function<bool(const http::Url&)> may_be_plain)
        : client_(&client), may_be_plain_(std::move(may_be_plain)) {}

    // Of an earlier challenge, if it is still good; "" otherwise.
    std::string known(const Source& source) const;
    // An answer to the challenges of a 401; kept for known().
    Async<Result<std::string>> obtain(Source source, std::vector<std::string> www_authenticate,
                                      Deadline deadline);
    // The registry did not accept what known() gave.
    void forget(const Source& source) { kept_.erase(source.key()); }

  private:
    Async<Result<std::string>> fetch_token(Source source, Challenge challenge, Deadline deadline);

    struct Kept {
        std::string header;
        Deadline until;
    };
    http::Client* client_;
    std::function<bool(const http::Url&)> may_be_plain_;
    std::map<std::string, Kept> kept_;
};

} // namespace berth::images
