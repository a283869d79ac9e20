// Pulls from Debian's docker-registry of images made with GNU tar, umoci and skopeo, compared file by file.
#include "berth/base/encoding.hpp"
#include "berth/images/images.hpp"

#include "tests/integration/images/registry.hpp"
#include "tests/integration/images/tree.hpp"
#include "tests/unit/http/loop.hpp"
#include "tests/unit/images/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <iostream>

namespace berth::images {
namespace {

using berth::test::Loop;
using test::Process;
using test::Registry;
using test::TemporaryDirectory;
using testing::HasSubstr;

// One agent's worth of images.
struct Host {
    explicit Host(const fs::path& root, http::ClientOptions client_options = {})
        : client(loop.executor(), std::move(client_options)) {
        ImageServiceOptions options;
        options.root = root;
        options.attempts = 2;
        auto opened = ImageService::open(loop.executor(), pool, client, Log(), options);
        if (!opened) throw std::runtime_error(opened.error().message());
        service = std::move(*opened);
    }
    ~Host() { pool.join(); }
    Result<Image> pull(const std::string& name, RegistryLogin login = {},
                       std::function<void(PullProgress)> on_progress = {}) {
        PullRequest request;
        request.name = name;
        request.login = std::move(login);
        request.on_progress = std::move(on_progress);
        return loop.run(service->pull(std::move(request)));
    }

    Loop loop;
    Pool pool{3};
    http::Client client;
    std::unique_ptr<ImageService> service;
};

// The image as a container sees it.
class Mounted {
  public:
    Mounted(Host& host, const Image& image, const fs::path& at) : at_(at) {
        const auto rootfs = host.service->prepare(ContainerId(random_hex(64)), image);
        if (!rootfs) throw std::runtime_error(rootfs.error().message());
        std::string lower;
        for (const auto& one : rootfs->lower) lower += (lower.empty() ? "" : ":") + one;
        const auto data =
            fmt::format("lowerdir={},upperdir={},workdir={}", lower, rootfs->upper, rootfs->work);
        fs::create_directories(at);
        if (::chdir(rootfs->store.c_str()) != 0 ||
            ::mount("overlay", at.c_str(), "overlay", 0, data.c_str()) != 0)
            throw std::runtime_error("mounting " + data);
    }
    Mounted(const Mounted&) = delete;
    Mounted& operator=(const Mounted&) = delete;
    ~Mounted() { ::umount2(at_.c_str(), MNT_DETACH); }

  private:
    fs::path at_;
};

class RealRegistry : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        // Mounts of the tests are for this thread and those it starts.
        if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
            throw std::runtime_error("these tests need root");
        shared = std::make_unique<Shared>();
    }
    static void TearDownTestSuite() { shared.reset(); }

    struct Shared {
        TemporaryDirectory work;
        Registry registry{work / "storage", work.path()};
        fs::path tree = work / "tree";
        fs::path changed;
        Shared() {
            test::make_source_tree(tree);
            changed = test::push_images(registry, tree, work.path());
        }
    };
    static std::unique_ptr<Shared> shared;

    static std::string name(const std::string& image) { return shared->registry.host() + "/" + image; }
    static void expect_same(const fs::path& actual, const fs::path& expected, bool xattrs = true) {
        const auto a = test::describe_tree(actual, xattrs), b = test::describe_tree(expected, xattrs);
        for (const auto& [path, text] : b) {
            const auto found = a.find(path);
            EXPECT_EQ(found != a.end() ? found->second : "(missing)", text) << path;
        }
        for (const auto& [path, text] : a) EXPECT_TRUE(b.contains(path)) << "extra: " << path << " " << text;
    }
    // The store holds nothing half-done.
    static void expect_clean(const fs::path& root) {
        std::size_t layers = 0, records = 0;
        for (const auto& entry : fs::directory_iterator(root / "l")) {
            ++layers;
            EXPECT_TRUE(fs::exists(root / "layers" / (entry.path().filename().string() + ".json")))
                << entry.path();
        }
        for (const auto& entry : fs::directory_iterator(root / "layers")) records += entry.exists() ? 1 : 0;
        EXPECT_EQ(layers, records);
        EXPECT_TRUE(fs::is_empty(root / "tmp"));
    }

    TemporaryDirectory directory;
    fs::path root = directory / "images";
};
std::unique_ptr<RealRegistry::Shared> RealRegistry::shared;

TEST_F(RealRegistry, ImagesAreUnpackedFileByFileAsTheyWere) {
    for (const auto* tag : {"pax", "gnu", "docker", "zstd"}) {
        SCOPED_TRACE(tag);
        const auto own = directory / tag;
        Host host(own);
        const auto image = host.pull(name(std::string("tree:") + tag));
        ASSERT_TRUE(image) << image.error().message();
        const Mounted mounted(host, *image, directory / "mnt");
        // GNU's own format knows no attributes.
        expect_same(directory / "mnt", shared->tree, tag != std::string("gnu"));
        host.pool.join();
        expect_clean(own);
    }
}

TEST_F(RealRegistry, ChangesOfUpperLayersAreAsTheirMakerMeantThem) {
    Host host(root);
    const auto image = host.pull(name("changed:1"));
    ASSERT_TRUE(image) << image.error().message();
    EXPECT_THAT(image->layers, testing::SizeIs(2));
    const Mounted mounted(host, *image, directory / "mnt");
    expect_same(directory / "mnt", shared->changed);
    EXPECT_EQ(host.service->read_image_file(*image, "etc/passwd", 100).value(), "changed\n");
    EXPECT_EQ(host.service->read_image_file(*image, "etc/shadow", 100).value(), std::nullopt);
    EXPECT_EQ(host.service->read_image_file(*image, "lib/only", 100).value(), "what was here is gone");
}

TEST_F(RealRegistry, TheConfigIsRead) {
    Host host(root);
    const auto image = host.pull(name("tree:pax"));
    ASSERT_TRUE(image) << image.error().message();
    EXPECT_THAT(image->config.command, testing::ElementsAre("/bin/su"));
    EXPECT_THAT(image->config.environment, testing::Contains("A=b c"));
    EXPECT_EQ(image->config.user, "app");
    EXPECT_GT(image->size_bytes, 3'000'000U);
}

TEST_F(RealRegistry, OneLayerServesManyImages) {
    Host host(root);
    ASSERT_TRUE(host.pull(name("tree:pax")));
    std::uint64_t fetched = 0;
    const auto count = [&](const PullProgress& p) { fetched += p.complete ? 0 : p.done; };
    // Another compression of the same content, and the base of another image
    ASSERT_TRUE(host.pull(name("tree:zstd"), {}, count));
    EXPECT_EQ(fetched, 0U);
    const auto changed = host.pull(name("changed:1"));
    ASSERT_TRUE(changed);
    EXPECT_EQ(changed->layers[0], host.service->find(name("tree:pax"))->layers[0]);
    for (const auto* image : {"tree:pax", "tree:zstd"})
        ASSERT_TRUE(host.loop.run(host.service->remove(name(image))));
    EXPECT_TRUE(fs::exists(root / "l" / changed->layers[0]));
    ASSERT_TRUE(host.loop.run(host.service->remove(name("changed:1"))));
    EXPECT_TRUE(fs::is_empty(root / "l"));
}

TEST_F(RealRegistry, PullsByDigest) {
    Host host(root);
    const auto digest = host.pull(name("tree:pax"))->manifest_digest;
    const auto image = host.pull(name("tree@" + digest.str()));
    ASSERT_TRUE(image) << image.error().message();
    EXPECT_EQ(image->manifest_digest, digest);
    const auto wrong = host.pull(name("tree@sha256:" + std::string(64, '0')));
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code(), ErrorCode::not_found);
}

TEST_F(RealRegistry, MissingImagesAreNamed) {
    Host host(root);
    for (const auto* missing : {"tree:none", "none:1"}) {
        const auto image = host.pull(name(missing));
        ASSERT_FALSE(image);
        EXPECT_EQ(image.error().name(), "CannotPullImageManifestError");
        EXPECT_THAT(image.error().message(), HasSubstr(missing));
        EXPECT_THAT(image.error().message(), HasSubstr("manifest unknown"));
    }
}

TEST_F(RealRegistry, ADamagedLayerIsRefused) {
    // A registry of its own, so that the others keep their content.
    const auto storage = directory / "storage";
    fs::copy(shared->work / "storage", storage, fs::copy_options::recursive);
    const Registry registry(storage, directory.path());
    Host host(root);
    const auto good = host.pull(name("changed:1"));
    ASSERT_TRUE(good);
    const auto manifest = *read_file(registry.blob_file(good->manifest_digest.str()));
    const auto at = manifest.rfind("sha256:"); // the upper layer
    const auto digest = manifest.substr(at, 71);
    auto blob = *read_file(registry.blob_file(digest));
    blob[5] = static_cast<char>(blob[5] ^ 1); // the time in the gzip header
    ASSERT_TRUE(write_file_atomic(registry.blob_file(digest), blob));

    Host victim(directory / "victim");
    const auto image = victim.pull(registry.host() + "/changed:1");
    ASSERT_FALSE(image);
    EXPECT_EQ(image.error().name(), "CannotPullContainerError");
    EXPECT_THAT(image.error().message(), HasSubstr("layer " + digest));
    EXPECT_THAT(image.error().message(), HasSubstr("expected " + digest + ", got sha256:"));
    EXPECT_FALSE(victim.service->find(registry.host() + "/changed:1"));
    victim.pool.join();
    expect_clean(directory / "victim");
}

TEST_F(RealRegistry, BasicAuthentication) {
    // user:right
    ASSERT_TRUE(write_file_atomic(directory / "htpasswd",
                                  "user:$2y$05$bbbbbbbbbbbbbbbbbbbbbObYT5X9XD3jXsin8P3pqrmwJs5BVZr2W\n"));
    const Registry registry(shared->work / "storage", directory.path(),
                            fmt::format("auth:\n  htpasswd:\n    realm: test\n    path: {}\n",
                                        (directory / "htpasswd").string()));
    Host host(root);
    const auto image = registry.host() + "/tree:pax";
    const auto anonymous = host.pull(image);
    ASSERT_FALSE(anonymous);
    EXPECT_EQ(anonymous.error().name(), "CannotPullImageManifestError");
    EXPECT_THAT(anonymous.error().message(), HasSubstr("asks for a login"));
    const auto wrong = host.pull(image, {.username = "user", .password = "wrong"});
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().name(), "CannotPullContainerAuthError");
    const auto right = host.pull(image, {.username = "user", .password = "right"});
    EXPECT_TRUE(right) << right.error().message();
}

TEST_F(RealRegistry, Tls) {
    const auto key = (directory / "key.pem").string(), certificate = (directory / "cert.pem").string();
    test::run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
               "-nodes", "-keyout", key, "-out", certificate, "-days", "1", "-subj", "/CN=registry",
               "-addext", "subjectAltName=IP:127.0.0.1"});
    const Registry registry(shared->work / "storage", directory.path(),
                            fmt::format("  tls:\n    certificate: {}\n    key: {}\n", certificate, key));
    {
        http::ClientOptions trusting;
        trusting.ca_file = certificate;
        Host host(root, trusting);
        const auto image = host.pull(registry.host() + "/tree:pax");
        EXPECT_TRUE(image) << image.error().message();
    }
    Host host(directory / "wary");
    const auto image = host.pull(registry.host() + "/tree:pax");
    ASSERT_FALSE(image);
    EXPECT_THAT(image.error().message(), HasSubstr("TLS handshake"));
}

TEST_F(RealRegistry, AFullDiskIsOneClearErrorAndLeavesNothing) {
    const auto small = directory / "small";
    fs::create_directories(small);
    ASSERT_EQ(::mount("tmpfs", small.c_str(), "tmpfs", 0, "size=2m"), 0);
    {
        Host host(small / "images");
        const auto image = host.pull(name("tree:pax"));
        ASSERT_FALSE(image);
        EXPECT_EQ(image.error().code(), ErrorCode::no_space);
        EXPECT_EQ(image.error().name(), "CannotPullContainerError");
        EXPECT_THAT(image.error().message(), HasSubstr("the file system at " + small.string() + " is full"));
        host.pool.join();
        expect_clean(small / "images");
        EXPECT_TRUE(fs::is_empty(small / "images/l"));
    }
    ::umount2(small.c_str(), MNT_DETACH);
}

TEST_F(RealRegistry, AKilledPullLeavesTheStoreWholeAtAnyMoment) {
    // The child says a line for each step it hears of; which of them is its last differs by round.
    int killed = 0;
    for (int lines = 1; lines < 24; lines += 2) {
        bool finished = false;
        {
            Process child({"/proc/self/exe", "--pull", root.string(), name("changed:1")});
            for (int i = 0; i < lines && !finished; ++i) finished = child.read_line() == "pulled";
            child.kill();
        }
        killed += finished ? 0 : 1;
        Host host(root);
        host.pool.join(); // what was left behind has been removed
        expect_clean(root);
        for (const auto& image : host.service->list())
            for (const auto& layer : image.layers) EXPECT_TRUE(fs::is_directory(root / "l" / layer));
        if (finished) ASSERT_TRUE(host.service->find(name("changed:1")));
        // The next round starts from nothing again.
        host.service.reset();
        ASSERT_TRUE(remove_tree(root));
    }
    EXPECT_GT(killed, 3);
    Host host(root);
    const auto image = host.pull(name("changed:1"));
    ASSERT_TRUE(image) << image.error().message();
    const Mounted mounted(host, *image, directory / "mnt");
    expect_same(directory / "mnt", shared->changed);
}

int pull_and_tell(const char* root, const char* name) {
    Host host(root);
    const auto tell = [](const PullProgress& progress) { std::cout << progress.done << std::endl; };
    const auto image = host.pull(name, {}, tell);
    std::cout << (image ? "pulled" : image.error().message()) << std::endl;
    ::pause();
    return 0;
}

} // namespace
} // namespace berth::images

int main(int argc, char** argv) {
    if (argc == 4 && std::string_view(argv[1]) == "--pull")
        return berth::images::pull_and_tell(argv[2], argv[3]);
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
