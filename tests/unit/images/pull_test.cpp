// Pulls from registries that behave and from registries that do not. What a real registry does with real
// images is tested in tests/integration/images.
#include "berth/base/encoding.hpp"

#include "agent/images/pull.hpp"
#include "tests/unit/images/scripted_registry.hpp"
#include "tests/unit/images/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::images {
namespace {

using berth::test::Loop;
using berth::test::RawServer;
using test::digest_of;
using test::Layer;
using test::redirect_to;
using test::ScriptedRegistry;
using test::TemporaryDirectory;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class PullTest : public testing::Test {
  protected:
    PullTest() {
        options.retry = {.attempts = 3,
                         .first_delay = std::chrono::milliseconds(1),
                         .longest_delay = std::chrono::milliseconds(2)};
        open_shop();
    }
    ~PullTest() override { pool.join(); }

    void open_shop() {
        shop.reset();
        std::vector<fs::path> garbage;
        auto store = Store::open(directory / "images", Log(), garbage);
        if (!store) throw std::runtime_error(store.error().message());
        shop = std::make_shared<Workshop>(loop.executor(), pool, client, Log(), std::move(*store), options,
                                          std::chrono::minutes(1));
    }
    Async<Result<Image>> start(const std::string& tag, RegistryLogin login = {}) {
        PullHooks hooks{.on_progress = [this](PullProgress p) { progress.push_back(p); },
                        .on_resolved = [this](Digest d) { resolved.push_back(d.str()); }};
        return pull_image(shop, *parse_reference(registry.host() + "/app" + tag), std::move(login),
                          std::move(hooks));
    }
    Result<Image> pull(const std::string& tag, RegistryLogin login = {}) {
        return loop.run(start(tag, std::move(login)));
    }
    Error error_of(const std::string& tag, RegistryLogin login = {}) {
        auto image = pull(tag, std::move(login));
        return image ? Error(ErrorCode::internal, "the pull succeeded") : image.error();
    }
    std::string read(const Image& image, const std::string& path) const {
        return read_file(shop->store->paths().layer(image.layers.back()) / path).value_or("(none)");
    }
    void expect_no_leftovers() const { EXPECT_TRUE(fs::is_empty(shop->store->paths().tmp())); }

    Loop loop;
    Pool pool{2};
    http::Client client{loop.executor(), {}};
    TemporaryDirectory directory;
    RegistryOptions options;
    std::shared_ptr<Workshop> shop;
    ScriptedRegistry registry{loop};
    std::vector<PullProgress> progress;
    std::vector<std::string> resolved;
};

TEST_F(PullTest, BringsAnImageIntoTheStore) {
    const Layer below({{.path = "a", .content = "below"}}), above({{.path = "b", .content = "above"}});
    const auto digest = registry.add_image("1", {below, above});
    const auto image = pull(":1");
    ASSERT_TRUE(image) << image.error().message();
    EXPECT_EQ(image->manifest_digest.str(), digest);
    EXPECT_THAT(image->layers, SizeIs(2));
    EXPECT_EQ(read(*image, "b"), "above");
    EXPECT_THAT(resolved, testing::ElementsAre(digest));
    EXPECT_THAT(image->config.environment, testing::ElementsAre("NAME=1"));
    const auto complete =
        std::ranges::count_if(progress, [](const auto& p) { return p.complete && p.done == p.total; });
    EXPECT_EQ(complete, 2);
    expect_no_leftovers();
}

TEST_F(PullTest, OfWhatIsThereAsksOnlyWhetherItIsStillTheSame) {
    const auto digest = registry.add_image("1", {Layer({{.path = "a"}})});
    ASSERT_TRUE(pull(":1"));
    registry.requests.clear();
    resolved.clear();
    ASSERT_TRUE(pull(":1"));
    ASSERT_THAT(registry.requests, SizeIs(1));
    EXPECT_EQ(registry.requests[0].method, "HEAD");
    EXPECT_THAT(resolved, testing::ElementsAre(digest));

    // A tag that has moved on, to an image with one new layer
    registry.add_image("1", {Layer({{.path = "a"}}), Layer({{.path = "b", .content = "new"}})});
    const auto image = pull(":1");
    ASSERT_TRUE(image) << image.error().message();
    EXPECT_EQ(read(*image, "b"), "new");
    EXPECT_EQ(registry.count("/blobs/"), 2U); // config and new layer
}

TEST_F(PullTest, ByDigestNeedsNoRegistryOnceItIsThere) {
    const auto digest = registry.add_image("1", {Layer({{.path = "a"}})});
    ASSERT_TRUE(pull("@" + digest));
    registry.requests.clear();
    ASSERT_TRUE(pull("@" + digest));
    EXPECT_THAT(registry.requests, IsEmpty());
}

TEST_F(PullTest, ChoosesFromAnIndex) {
    const auto ours = registry.add_image("ours", {Layer({{.path = "a", .content = "ours"}})});
    Json index{{"schemaVersion", 2}, {"manifests", Json::array()}};
    const auto add = [&](const std::string& digest, const std::string& architecture) {
        index["manifests"].push_back({{"digest", digest},
                                      {"size", 1},
                                      {"platform", {{"os", "linux"}, {"architecture", architecture}}}});
    };
    add(digest_of("other"), "s390x");
    add(ours, this_platform().architecture);
    const auto digest = registry.add_manifest("multi", index.dump());
    const auto image = pull(":multi");
    ASSERT_TRUE(image) << image.error().message();
    EXPECT_EQ(image->manifest_digest.str(), digest); // what the registry answers for the name
    EXPECT_EQ(read(*image, "a"), "ours");

    index["manifests"].erase(1);
    registry.add_manifest("foreign", index.dump());
    const auto error = error_of(":foreign");
    EXPECT_EQ(error.name(), "CannotPullImageManifestError");
    EXPECT_THAT(error.message(), HasSubstr("only for: linux/s390x"));

    Json loop_index{{"manifests",
                     {{{"digest", digest_of("x")},
                       {"size", 1},
                       {"platform", {{"os", "linux"}, {"architecture", this_platform().architecture}}}}}}};
    registry.rule = [&](const http::Request& request) -> std::optional<http::Response> {
        if (!request.target.contains("/manifests/sha256:")) return std::nullopt;
        loop_index["n"] = registry.requests.size();
        return http::Response(200, "x", loop_index.dump());
    };
    registry.add_manifest("endless", loop_index.dump());
    EXPECT_THAT(error_of(":endless").message(), HasSubstr("expected digest"));
}

TEST_F(PullTest, FetchesASharedLayerOnceForTwoImagesAtATime) {
    const Layer shared({{.path = "shared", .content = random_bytes(100'000)}});
    registry.add_image("1", {shared, Layer({{.path = "one"}})});
    registry.add_image("2", {shared, Layer({{.path = "two"}})});
    Result<Image> first = fail(ErrorCode::internal, ""), second = first;
    int left = 2;
    const auto keep = [&left](Result<Image>& into) {
        return [&into, &left](const std::exception_ptr&, Result<Image> image) {
            into = std::move(image);
            --left;
        };
    };
    asio::co_spawn(loop.io, start(":1"), keep(first));
    asio::co_spawn(loop.io, start(":2"), keep(second));
    loop.drive([&] { return left == 0; });
    ASSERT_TRUE(first) << first.error().message();
    ASSERT_TRUE(second) << second.error().message();
    EXPECT_EQ(first->layers[0], second->layers[0]);
    EXPECT_EQ(registry.count(digest_of(shared.packed)), 1U);
}

TEST_F(PullTest, TakesALayerThatComesTwiceOnce) {
    const Layer twice({{.path = "f"}});
    registry.add_image("1", {twice, Layer({{.path = "g"}}), twice});
    const auto image = pull(":1");
    ASSERT_TRUE(image) << image.error().message();
    EXPECT_THAT(image->layers, SizeIs(2));
    EXPECT_EQ(registry.count(digest_of(twice.packed)), 1U);
}

TEST_F(PullTest, ReportsWhatDoesNotExistAtOnce) {
    const auto error = error_of(":missing");
    EXPECT_EQ(error.name(), "CannotPullImageManifestError");
    EXPECT_EQ(error.code(), ErrorCode::not_found);
    EXPECT_THAT(error.message(), HasSubstr(registry.host() + "/app:missing"));
    EXPECT_THAT(error.message(), HasSubstr("MANIFEST_UNKNOWN: manifest unknown"));
    EXPECT_THAT(registry.requests, SizeIs(1));
}

TEST_F(PullTest, RefusesSchema1) {
    registry.add_manifest("old", R"({"schemaVersion":1,"fsLayers":[]})");
    EXPECT_THAT(error_of(":old").message(), HasSubstr("retired schema 1 format"));
}

TEST_F(PullTest, TriesAgainWhatMayHeal) {
    registry.add_image("1", {Layer({{.path = "a"}})});
    int trouble = 2;
    registry.rule = [&](const http::Request&) -> std::optional<http::Response> {
        if (trouble-- <= 0) return std::nullopt;
        http::Response busy(trouble == 1 ? 503 : 429, "text/plain", "busy");
        busy.headers.set("Retry-After", "0");
        return busy;
    };
    EXPECT_TRUE(pull(":1"));
    trouble = 3;
    registry.requests.clear();
    const auto error = error_of(":2");
    EXPECT_EQ(error.code(), ErrorCode::unavailable);
    EXPECT_THAT(registry.requests, SizeIs(3));
}

TEST_F(PullTest, OfAnUnreachableRegistryNamesIt) {
    const auto nobody = loop.run(
        pull_image(shop, *parse_reference("127.0.0.1:1/app"), {}, {[](PullProgress) {}, [](Digest) {}}));
    ASSERT_FALSE(nobody);
    EXPECT_EQ(nobody.error().name(), "CannotPullImageManifestError");
    EXPECT_THAT(nobody.error().message(), HasSubstr("127.0.0.1:1"));
    EXPECT_THAT(nobody.error().message(), HasSubstr("refused"));
}

// A layer that comes wrong must leave no trace.
class WrongLayer : public PullTest {
  protected:
    void expect_refused(const std::string& why) {
        const auto error = error_of(":1");
        EXPECT_EQ(error.name(), "CannotPullContainerError");
        EXPECT_THAT(error.message(), HasSubstr("layer " + digest_of(layer.packed)));
        EXPECT_THAT(error.message(), HasSubstr(why));
        EXPECT_FALSE(shop->store->has_layer(Digest(digest_of(layer.tar))));
        EXPECT_FALSE(shop->store->find(registry.host() + "/app:1"));
        expect_no_leftovers();
    }
    const Layer layer{{{.path = "f", .content = random_bytes(1'000'000)}}};
};

TEST_F(WrongLayer, WithOtherContentIsRefused) {
    registry.add_image("1", {layer});
    auto tampered = layer.packed;
    tampered[4] ^= 1; // the time in the gzip header: only the digest can tell
    registry.blobs[digest_of(layer.packed)] = tampered;
    expect_refused("expected " + digest_of(layer.packed) + ", got " + digest_of(tampered));
    EXPECT_EQ(registry.count(digest_of(layer.packed)), 1U);
}

TEST_F(WrongLayer, WithAnotherDiffIdIsRefused) {
    Layer lying = layer;
    lying.tar += "x";
    registry.add_image("1", {lying});
    expect_refused("expected " + digest_of(lying.tar) + ", got " + digest_of(layer.tar));
}

TEST_F(WrongLayer, ThatIsLongerThanAnnouncedIsRefused) {
    registry.add_image("1", {layer});
    registry.blobs[digest_of(layer.packed)] = layer.packed + "more";
    expect_refused("sends more than the");
}

TEST_F(WrongLayer, ThatIsShorterThanAnnouncedIsRefused) {
    registry.add_image("1", {layer});
    registry.blobs[digest_of(layer.packed)] = layer.packed.substr(0, 1000);
    expect_refused("the answer ends");
}

TEST_F(WrongLayer, ThatIsDamagedIsRefused) {
    Layer broken = layer;
    broken.packed = test::gzip("this is not a tar archive" + std::string(1000, 'x'));
    registry.add_image("1", {broken});
    const auto error = error_of(":1");
    EXPECT_THAT(error.message(), HasSubstr("tar archive at byte 0"));
    expect_no_leftovers();
}

TEST_F(WrongLayer, LeavesTheGoodOnesForTheNextAttempt) {
    const Layer good({{.path = "good"}});
    registry.add_image("1", {good, layer});
    auto tampered = layer.packed;
    tampered[4] ^= 1;
    registry.rule = [&](const http::Request& request) -> std::optional<http::Response> {
        // Only after the good one is in
        if (!request.target.ends_with(digest_of(layer.packed))) return std::nullopt;
        return http::Response(200, "x", tampered);
    };
    EXPECT_FALSE(pull(":1"));
    loop.run(shop->layers.ensure([&] {
        LayerRequest request;
        request.source.registry = registry.host();
        request.source.repository = "app";
        request.descriptor.digest = Digest(digest_of(good.packed));
        request.descriptor.size = good.packed.size();
        request.diff_id = Digest(digest_of(good.tar));
        request.deadline = berth::test::soon();
        request.on_progress = [](PullProgress) {};
        request.given_up = std::make_shared<bool>(false);
        return request;
    }()));
    registry.rule = {};
    registry.requests.clear();
    ASSERT_TRUE(pull(":1"));
    EXPECT_EQ(registry.count(digest_of(good.packed)), 0U);
    EXPECT_EQ(registry.count(digest_of(layer.packed)), 1U);
}

// Blobs are in a storage of their own, spoken to in bytes.
class CutLayer : public WrongLayer {
  protected:
    void redirect_blobs(const RawServer& storage) {
        registry.add_image("1", {layer});
        const auto url = storage.url("/storage?signature=secret");
        registry.rule = [this, url](const http::Request& request) -> std::optional<http::Response> {
            if (!request.target.ends_with(digest_of(layer.packed))) return std::nullopt;
            return redirect_to(url);
        };
    }
    // Sends from `start` on what a whole answer holds, but only `count` bytes of it.
    Async<void> send_part(berth::test::tcp::socket& socket, std::size_t start, std::size_t count) {
        const auto rest = layer.packed.size() - start;
        auto text = start > 0
                        ? fmt::format("HTTP/1.1 206 Partial Content\r\nContent-Length: {}\r\n\r\n", rest)
                        : fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", rest);
        text += layer.packed.substr(start, count);
        co_await berth::test::send(socket, std::move(text));
    }
    std::vector<std::string> heads;
};

TEST_F(CutLayer, IsResumedWhereItBroke) {
    const RawServer storage(loop, [this](berth::test::tcp::socket& socket, unsigned nth) -> Async<void> {
        heads.push_back(co_await berth::test::read_head(socket));
        const std::size_t cuts[] = {0, 300'000, 700'001};
        if (nth < 2) co_return co_await send_part(socket, cuts[nth], cuts[nth + 1] - cuts[nth]);
        co_await send_part(socket, cuts[2], layer.packed.size());
    });
    redirect_blobs(storage);
    const auto image = pull(":1");
    ASSERT_TRUE(image) << image.error().message();
    ASSERT_THAT(heads, SizeIs(3));
    EXPECT_THAT(heads[0], testing::Not(HasSubstr("Range")));
    EXPECT_THAT(heads[1], HasSubstr("Range: bytes=300000-\r\n"));
    EXPECT_THAT(heads[2], HasSubstr("Range: bytes=700001-\r\n"));
    expect_no_leftovers();
}

TEST_F(CutLayer, IsReadAgainWhereThereAreNoRanges) {
    const RawServer storage(loop, [this](berth::test::tcp::socket& socket, unsigned nth) -> Async<void> {
        co_await berth::test::read_head(socket);
        co_await send_part(socket, 0, nth == 0 ? 300'000 : layer.packed.size());
    });
    redirect_blobs(storage);
    const auto image = pull(":1");
    EXPECT_TRUE(image) << image.error().message();
}

TEST_F(CutLayer, AgainAndAgainEndsInAnError) {
    const RawServer storage(loop, [this](berth::test::tcp::socket& socket, unsigned) -> Async<void> {
        co_await berth::test::read_head(socket);
        co_await send_part(socket, 0, 10);
    });
    redirect_blobs(storage);
    expect_refused("cut short");
    EXPECT_EQ(storage.connections(), 3U);
    EXPECT_THAT(error_of(":1").message(), testing::Not(HasSubstr("secret")));
}

TEST_F(CutLayer, ThatStallsIsGivenUp) {
    options.inactivity_timeout = std::chrono::milliseconds(20);
    options.retry.attempts = 1;
    open_shop();
    const RawServer storage(loop, [this](berth::test::tcp::socket& socket, unsigned) -> Async<void> {
        co_await berth::test::read_head(socket);
        co_await send_part(socket, 0, 1000);
        co_await berth::test::read_all(socket); // says nothing more until the other side leaves
    });
    redirect_blobs(storage);
    const auto error = error_of(":1");
    EXPECT_EQ(error.code(), ErrorCode::timeout);
    EXPECT_EQ(error.name(), "CannotPullContainerError");
}

TEST_F(PullTest, RedirectsHaveAnEnd) {
    registry.add_image("1", {Layer({{.path = "a"}})});
    registry.rule = [&](const http::Request& request) -> std::optional<http::Response> {
        if (!request.target.contains("/blobs/")) return std::nullopt;
        return redirect_to(request.target);
    };
    EXPECT_THAT(error_of(":1").message(), HasSubstr("more than 5 redirects"));
}

// A registry with a token server, as Docker Hub is one.
class TokenTest : public PullTest {
  protected:
    TokenTest() {
        digest = registry.add_image("1", {layer});
        registry.rule = [this](const http::Request& request) -> std::optional<http::Response> {
            if (request.target.starts_with("/storage")) return http::Response(200, "x", layer.packed);
            if (request.target.starts_with("/token")) return token(request);
            if (registry.header(request, "Authorization") == "Bearer " + current) return std::nullopt;
            http::Response challenge(401, "application/json",
                                     R"({"errors":[{"code":"UNAUTHORIZED","message":"who?"}]})");
            challenge.headers.set("WWW-Authenticate",
                                  "Bearer realm=\"http://" + registry.host() +
                                      "/token\",service=\"the registry\",scope=\"repository:app:pull\"");
            return challenge;
        };
    }
    http::Response token(const http::Request& request) {
        const auto authorization = registry.header(request, "Authorization");
        if (!authorization.empty() && authorization != "Basic " + base64_encode("user:right"))
            return {401, "application/json", R"({"details":"incorrect username or password"})"};
        return {200, "application/json",
                dump_json({{"token", authorization.empty() ? "anonymous" : current}, {"expires_in", 300}})};
    }
    const Layer layer{{{.path = "f"}}};
    std::string digest, current = "token-1";
};

TEST_F(TokenTest, IsFetchedOnceAndUsedForAll) {
    const auto image = pull(":1", {.username = "user", .password = "right"});
    ASSERT_TRUE(image) << image.error().message();
    EXPECT_EQ(registry.count("/token"), 1U);
    const auto asked =
        std::ranges::find_if(registry.requests, [](const auto& r) { return r.target.starts_with("/token"); });
    EXPECT_EQ(asked->target, "/token?service=the%20registry&scope=repository%3Aapp%3Apull");
    // One that has ended is replaced.
    current = "token-2";
    registry.add_image("1", {layer, Layer({{.path = "g"}})});
    EXPECT_TRUE(pull(":1", {.username = "user", .password = "right"}));
    EXPECT_EQ(registry.count("/token"), 2U);
}

TEST_F(TokenTest, IsNotGivenToOtherHosts) {
    ScriptedRegistry storage(loop);
    storage.blobs[digest_of(layer.packed)] = layer.packed;
    auto usual = registry.rule;
    registry.rule = [&, usual](const http::Request& request) -> std::optional<http::Response> {
        if (auto ruled = usual(request)) return ruled;
        if (!request.target.ends_with(digest_of(layer.packed))) return std::nullopt;
        return redirect_to("http://" + storage.host() + "/x/" + digest_of(layer.packed));
    };
    const auto image = pull(":1", {.username = "user", .password = "right"});
    ASSERT_TRUE(image) << image.error().message();
    ASSERT_THAT(storage.requests, SizeIs(1));
    EXPECT_EQ(storage.header(storage.requests[0], "Authorization"), "");
}

TEST_F(TokenTest, WithWrongCredentialsIsAnAuthError) {
    const auto error = error_of(":1", {.username = "user", .password = "wrong"});
    EXPECT_EQ(error.name(), "CannotPullContainerAuthError");
    EXPECT_EQ(error.code(), ErrorCode::auth);
    EXPECT_THAT(error.message(), HasSubstr("incorrect username or password"));
    EXPECT_THAT(error.message(), testing::Not(HasSubstr("wrong\"")));
    EXPECT_EQ(registry.count("/token"), 1U); // no guessing
}

TEST_F(TokenTest, ThatIsNotEnoughIsReported) {
    const auto error = error_of(":1"); // anonymous
    EXPECT_EQ(error.name(), "CannotPullImageManifestError");
    EXPECT_EQ(error.code(), ErrorCode::auth);
    EXPECT_THAT(error.message(), HasSubstr("UNAUTHORIZED: who?"));
}

TEST_F(PullTest, BasicNeedsALogin) {
    registry.add_image("1", {Layer({{.path = "a"}})});
    registry.rule = [&](const http::Request& request) -> std::optional<http::Response> {
        if (registry.header(request, "Authorization") == "Basic " + base64_encode("user:right"))
            return std::nullopt;
        http::Response challenge(401, "text/plain", "no");
        challenge.headers.set("WWW-Authenticate", "Basic realm=\"x\"");
        return challenge;
    };
    const auto without = error_of(":1");
    EXPECT_EQ(without.name(), "CannotPullImageManifestError");
    EXPECT_THAT(without.message(), HasSubstr("asks for a login"));
    EXPECT_EQ(error_of(":1", {.username = "user", .password = "wrong"}).name(),
              "CannotPullContainerAuthError");
    registry.requests.clear();
    EXPECT_TRUE(pull(":1", {.username = "user", .password = "right"}));
    EXPECT_EQ(registry.count("/v2/"), 4U); // challenge, manifest, config, layer
}

} // namespace
} // namespace berth::images
