// A registry on loopback that can be told to misbehave, as no real one can.
#pragma once

#include "berth/base/http/server.hpp"
#include "berth/base/json.hpp"
#include "berth/base/sha256.hpp"

#include "tests/unit/http/loop.hpp"
#include "tests/unit/images/packed.hpp"
#include "tests/unit/images/tar_builder.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace berth::images::test {

inline std::string digest_of(const std::string& bytes) { return "sha256:" + sha256_hex(bytes); }

struct Layer {
    std::string tar, packed;
    Layer(const std::vector<Entry>& entries)
        : tar(archive(entries)), packed(gzip(tar)) {} // NOLINT: reads better
    Json descriptor() const {
        return {{"mediaType", "application/vnd.docker.image.rootfs.diff.tar.gzip"},
                {"size", packed.size()},
                {"digest", digest_of(packed)}};
    }
};

class ScriptedRegistry {
  public:
    // Looks at a request before anything else; an answer ends it.
    using Rule = std::function<std::optional<http::Response>(const http::Request&)>;

    explicit ScriptedRegistry(berth::test::Loop& loop) {
        auto handler = [this](http::Request request, http::Peer) { return answer(std::move(request)); };
        auto server = http::Server::listen(loop.executor(), "127.0.0.1", 0, std::move(handler));
        if (!server) throw std::runtime_error(server.error().message());
        server_ = std::move(*server);
    }
    std::string host() const { return "127.0.0.1:" + std::to_string(server_->port()); }

    // Returns the digest of the manifest.
    std::string add_image(const std::string& tag, const std::vector<Layer>& layers) {
        Json config{{"os", "linux"},
                    {"config", {{"Env", {"NAME=" + tag}}}},
                    {"rootfs", {{"diff_ids", Json::array()}}}};
        Json manifest{{"schemaVersion", 2}, {"layers", Json::array()}};
        for (const auto& layer : layers) {
            config["rootfs"]["diff_ids"].push_back(digest_of(layer.tar));
            manifest["layers"].push_back(layer.descriptor());
            blobs[digest_of(layer.packed)] = layer.packed;
        }
        const auto text = config.dump();
        blobs[digest_of(text)] = text;
        manifest["config"] = {{"mediaType", "application/vnd.docker.container.image.v1+json"},
                              {"size", text.size()},
                              {"digest", digest_of(text)}};
        return add_manifest(tag, manifest.dump());
    }
    std::string add_manifest(const std::string& tag, const std::string& text) {
        manifests[tag] = manifests[digest_of(text)] = text;
        return digest_of(text);
    }
    // Requests whose path holds the text.
    std::size_t count(const std::string& text) const {
        return static_cast<std::size_t>(std::ranges::count_if(
            requests, [&](const http::Request& request) { return request.target.contains(text); }));
    }
    std::string header(const http::Request& request, std::string_view name) const {
        const auto* value = request.headers.find(name);
        return value != nullptr ? *value : "";
    }

    std::vector<http::Request> requests;
    std::map<std::string, std::string> blobs, manifests;
    Rule rule;

  private:
    Async<http::Response> answer(http::Request request) {
        requests.push_back(request);
        if (rule)
            if (auto ruled = rule(request)) co_return *ruled;
        co_return serve(request);
    }
    http::Response serve(const http::Request& request) const {
        const auto name = request.path().substr(request.path().rfind('/') + 1);
        const bool manifest = request.path().contains("/manifests/");
        const auto& shelf = manifest ? manifests : blobs;
        const auto found = shelf.find(name);
        if (found == shelf.end())
            return {404, "application/json",
                    R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]})"};
        http::Response response(
            200, manifest ? "application/vnd.docker.distribution.manifest.v2+json" : "x/y", found->second);
        if (manifest) response.headers.set("Docker-Content-Digest", digest_of(found->second));
        return response;
    }
    std::unique_ptr<http::Server> server_;
};

inline http::Response redirect_to(const std::string& url) {
    http::Response response(307, "text/plain", "over there");
    response.headers.set("Location", url);
    return response;
}

} // namespace berth::images::test
