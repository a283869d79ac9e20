// Manifests and blobs from a registry (OCI distribution specification, pull part).
//
// Lives on the event loop. Logs in as challenged, follows redirects to blob storage without handing the
// credentials on, and tries again what may heal.
#pragma once

#include "agent/images/manifest.hpp"
#include "agent/images/registry_auth.hpp"
#include "agent/images/retry.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace berth::images {

struct RegistryOptions {
    std::vector<std::string> insecure_registries; // host[:port]; plain HTTP beside loopback
    std::chrono::nanoseconds inactivity_timeout{std::chrono::minutes(1)};
    RetryPolicy retry;
};

struct FetchedManifest {
    Digest digest; // of the bytes, as verified
    std::string bytes;
    std::string content_type;
};

using Body = std::shared_ptr<http::BodyStream>;

class RegistryClient {
  public:
    RegistryClient(http::Client& client, RegistryOptions options);
    RegistryClient(const RegistryClient&) = delete;
    RegistryClient& operator=(const RegistryClient&) = delete;

    // `what` is a tag or a digest; a digest is verified.
    Async<Result<FetchedManifest>> manifest(Source source, std::string what, Deadline deadline);
    // What the tag stands for; nullopt when the registry does not say without sending the manifest.
    Async<Result<std::optional<Digest>>> resolve(Source source, std::string tag, Deadline deadline);
    // A blob that fits into memory, verified.
    Async<Result<std::string>> small_blob(Source source, Descriptor descriptor, Deadline deadline);
    // One attempt, returning after the header. With offset > 0 the answer may be the rest (status 206) or the
    // whole (200).
    Async<Answer<Body>> open_blob(Source source, Digest digest, std::uint64_t offset, Deadline deadline);

    const RegistryOptions& options() const { return options_; }
    // The end of a wait for the next bytes.
    Deadline next_byte(Deadline deadline) const {
        return std::min(deadline, deadline_in(options_.inactivity_timeout));
    }

  private:
    Async<Answer<Body>> fetch(Source source, std::string path, http::Request request, Deadline deadline);
    Async<Answer<std::string>> read_body(Body body, std::size_t limit, Deadline deadline);
    Async<Answer<FetchedManifest>> fetch_manifest(Source source, std::string what, Deadline deadline);
    Async<Answer<std::string>> fetch_blob(Source source, Descriptor descriptor, Deadline deadline);
    bool may_be_plain(const http::Url& url) const;
    Result<http::Url> url_of(const Source& source, const std::string& path) const;

    http::Client* client_;
    RegistryOptions options_;
    RegistryAuth auth_;
    std::set<std::string> speaks_tls_; // though it may be plain: host:port
};

} // namespace berth::images
