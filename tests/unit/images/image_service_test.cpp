// The service as its callers see it: names, joined pulls, caching.
#include "berth/images/images.hpp"

#include "tests/unit/images/scripted_registry.hpp"
#include "tests/unit/images/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::images {
namespace {

using berth::test::Loop;
using test::digest_of;
using test::Layer;
using test::ScriptedRegistry;
using test::TemporaryDirectory;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ImageServiceTest : public testing::Test {
  protected:
    ImageServiceTest() {
        ImageServiceOptions options;
        options.root = directory / "images";
        options.attempts = 1;
        auto opened = ImageService::open(loop.executor(), pool, client, Log(), options);
        if (!opened) throw std::runtime_error(opened.error().message());
        service = std::move(*opened);
    }
    ~ImageServiceTest() override { pool.join(); }

    Async<Result<Image>> start(const std::string& name, bool prefer_cached = false,
                               RegistryLogin login = {}) {
        PullRequest request;
        request.name = name;
        request.prefer_cached = prefer_cached;
        request.login = std::move(login);
        request.on_resolved = [this](Digest digest) { resolved.push_back(digest.str()); };
        request.on_progress = [this](PullProgress) { ++progress; };
        return service->pull(std::move(request));
    }
    std::string name(const std::string& tag) const { return registry.host() + "/app:" + tag; }

    Loop loop;
    Pool pool{2};
    http::Client client{loop.executor(), {}};
    TemporaryDirectory directory;
    ScriptedRegistry registry{loop};
    std::unique_ptr<ImageService> service;
    std::vector<std::string> resolved;
    int progress = 0;
};

TEST_F(ImageServiceTest, PullsFindsListsAndRemoves) {
    registry.add_image("latest", {Layer({{.path = "etc/passwd", .content = "root"}})});
    const auto short_name = registry.host() + "/app";
    EXPECT_FALSE(service->find(short_name));
    const auto image = loop.run(start(short_name));
    ASSERT_TRUE(image) << image.error().message();
    EXPECT_EQ(image->name, short_name); // as asked for
    EXPECT_EQ(service->find(name("latest"))->name, name("latest"));
    EXPECT_THAT(service->list(), SizeIs(1));
    EXPECT_EQ(service->read_image_file(*image, "etc/passwd", 100).value(), "root");
    EXPECT_EQ(service->read_image_file(*image, "etc/group", 100).value(), std::nullopt);
    ASSERT_TRUE(loop.run(service->remove(name("latest"))));
    EXPECT_FALSE(service->find(short_name));
    EXPECT_EQ(loop.run(service->remove(short_name)).error().code(), ErrorCode::not_found);
}

TEST_F(ImageServiceTest, PreparesAndDiscards) {
    registry.add_image("1", {Layer({{.path = "a"}})});
    const auto image = loop.run(start(name("1")));
    ASSERT_TRUE(image) << image.error().message();
    const ContainerId id(std::string(64, 'e'));
    const auto rootfs = service->prepare(id, *image);
    ASSERT_TRUE(rootfs) << rootfs.error().message();
    EXPECT_TRUE(fs::exists(rootfs->store / rootfs->lower[0] / "a"));
    ASSERT_TRUE(loop.run(service->discard(id)));
    EXPECT_FALSE(fs::exists(rootfs->store / rootfs->upper));
}

TEST_F(ImageServiceTest, JoinsEqualPulls) {
    const auto digest = registry.add_image("1", {Layer({{.path = "a"}})});
    int left = 5, good = 0;
    for (int i = 0; i < 5; ++i)
        asio::co_spawn(loop.io, start(name("1")), [&](const std::exception_ptr&, Result<Image> image) {
            --left;
            if (image) ++good;
        });
    loop.drive([&] { return left == 0; });
    EXPECT_EQ(good, 5);
    EXPECT_THAT(registry.requests, SizeIs(3)); // manifest, config, layer
    EXPECT_THAT(resolved, SizeIs(5));
    EXPECT_GE(progress, 5);
}

TEST_F(ImageServiceTest, DoesNotJoinPullsWithOtherCredentials) {
    registry.add_image("1", {Layer({{.path = "a"}})});
    registry.rule = [&](const http::Request& request) -> std::optional<http::Response> {
        if (!registry.header(request, "Authorization").empty()) return std::nullopt;
        http::Response challenge(401, "text/plain", "");
        challenge.headers.set("WWW-Authenticate", "Basic realm=x");
        return challenge;
    };
    int left = 2, good = 0;
    const auto done = [&](const std::exception_ptr&, Result<Image> image) {
        --left;
        if (image) ++good;
    };
    asio::co_spawn(loop.io, start(name("1")), done);
    asio::co_spawn(loop.io, start(name("1"), false, {.username = "u", .password = "p"}), done);
    loop.drive([&] { return left == 0; });
    EXPECT_EQ(good, 1);
}

TEST_F(ImageServiceTest, AsksNobodyForACachedImageThatIsPreferred) {
    registry.add_image("1", {Layer({{.path = "a"}})});
    ASSERT_TRUE(loop.run(start(name("1"), true)));
    registry.requests.clear();
    ASSERT_TRUE(loop.run(start(name("1"), true)));
    EXPECT_THAT(registry.requests, IsEmpty());
}

TEST_F(ImageServiceTest, NamesWhatIsNoReference) {
    const auto image = loop.run(start("No Such Thing"));
    ASSERT_FALSE(image);
    EXPECT_EQ(image.error().name(), "CannotPullContainerError");
    EXPECT_THAT(image.error().message(), HasSubstr("invalid image reference \"No Such Thing\""));
    EXPECT_FALSE(service->find("No Such Thing"));
    EXPECT_FALSE(loop.run(service->remove("No Such Thing")));
}

TEST_F(ImageServiceTest, AFailedPullMayBeTriedAgain) {
    EXPECT_FALSE(loop.run(start(name("1"))));
    registry.add_image("1", {Layer({{.path = "a"}})});
    EXPECT_TRUE(loop.run(start(name("1"))));
}

} // namespace
} // namespace berth::images
