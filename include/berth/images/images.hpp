// Images: from a name to layers on disk that a container can be started from.
//
// ImageService lives on the event loop; unpacking and hashing run on the pool. Concurrent pulls of one
// image or layer share the work. The store below `root` is crash-safe; one process at a time (a lock).
#pragma once

#include "berth/base/async.hpp"
#include "berth/base/files.hpp"
#include "berth/base/http/client.hpp"
#include "berth/base/ids.hpp"
#include "berth/base/log.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace berth::images {

// A reference as Docker understands it: "busybox" is docker.io/library/busybox:latest.
struct Reference {
    std::string registry;   // host[:port], "docker.io" for Docker Hub
    std::string repository; // "library/busybox"
    std::string tag;        // "" when only a digest was given
    Digest digest;          // empty when only a tag was given
    std::string str() const;
};
Result<Reference> parse_reference(std::string_view text);

struct RegistryLogin {
    std::string username, password;
    bool empty() const { return username.empty() && password.empty(); }
};

// What the image's config says about running it (OCI image-spec config).
struct ImageConfig {
    std::vector<std::string> entrypoint, command, environment; // environment: "K=V"
    std::string user, working_dir, stop_signal;
    std::vector<std::string> volumes, exposed_ports;
    std::map<std::string, std::string> labels;
};

struct Image {
    std::string name;       // as asked for
    Digest manifest_digest; // what a registry answers for the name
    Digest config_digest;   // Docker's image id
    ImageConfig config;
    std::vector<std::string> layers; // snapshot ids, lowest first
    std::uint64_t size_bytes = 0;    // unpacked
};

struct PullProgress {
    Digest layer;
    std::uint64_t done = 0, total = 0; // compressed bytes; total 0 when unknown
    bool complete = false;
};

struct PullRequest {
    PullRequest() = default;
    std::string name;
    RegistryLogin login;
    bool prefer_cached = false;                    // no registry request when the name is present
    std::function<void(PullProgress)> on_progress; // on the event loop, may be empty
    std::function<void(Digest)> on_resolved;       // manifest digest is known, may be empty
};

// What a container needs to mount its root file system: overlayfs over `lower`, in the store's directory.
// All paths but store are relative to store; keep them short, mount(2) takes one page.
struct RootFilesystem {
    fs::path store;                 // absolute; the mount is made with this as working directory
    std::vector<std::string> lower; // topmost first, as overlayfs wants them
    std::string upper, work;        // of this container
};

struct ImageServiceOptions {
    fs::path root;                                // e.g. /var/lib/berth/images
    std::vector<std::string> insecure_registries; // plain HTTP beside loopback
    std::chrono::nanoseconds inactivity_timeout{std::chrono::minutes(1)};
    std::chrono::nanoseconds pull_timeout{std::chrono::hours(2)};
    int attempts = 5; // for errors that may heal
};

class ImageService {
  public:
    static Result<std::unique_ptr<ImageService>> open(Executor executor, Pool& pool, http::Client& client,
                                                      Log log, ImageServiceOptions options);
    virtual ~ImageService() = default;

    // Errors carry ECS names: CannotPullImageManifestError (manifest unknown, denied, unreachable),
    // CannotPullContainerError (layers, disk, digest mismatch), and say which registry, what and why.
    virtual Async<Result<Image>> pull(PullRequest request) = 0;
    virtual std::optional<Image> find(const std::string& name) const = 0;
    virtual std::vector<Image> list() const = 0;
    virtual Async<Status> remove(std::string name) = 0; // layers nobody uses go with it

    // Writable layer for one container; asking again for the same id gives the same one.
    virtual Result<RootFilesystem> prepare(const ContainerId& container, const Image& image) = 0;
    virtual Async<Status> discard(ContainerId container) = 0;
    // A file of the image as the container will see it ("etc/passwd"), following links inside the image;
    // nullopt when there is none.
    virtual Result<std::optional<std::string>> read_image_file(const Image& image, const std::string& path,
                                                               std::size_t limit) const = 0;
};

} // namespace berth::images
