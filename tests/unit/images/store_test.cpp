// The store: sharing, removal, crashes at every step, and containers on top.
#include "agent/images/layer_unpack.hpp"
#include "agent/images/layer_view.hpp"
#include "agent/images/store.hpp"
#include "tests/unit/images/tar_builder.hpp"
#include "tests/unit/images/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <algorithm>

namespace berth::images {
namespace {

using test::archive;
using test::Entry;
using test::TemporaryDirectory;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const ContainerId kContainer(std::string(64, 'c'));

class StoreTest : public testing::Test {
  protected:
    StoreTest() { open(); }

    void open() {
        store.reset();
        garbage.clear();
        auto opened = Store::open(root, Log(), garbage);
        ASSERT_TRUE(opened) << opened.error().message();
        store = std::move(*opened);
    }
    // A process that ends here and a new one that starts.
    void crash_and_reopen() { open(); }

    Digest add_layer(const std::vector<Entry>& entries) {
        const auto directory = store->temporary();
        auto unpack = LayerUnpack::begin(directory, {});
        EXPECT_TRUE(unpack && (*unpack)->feed(archive(entries)));
        const auto layer = (*unpack)->finish();
        EXPECT_TRUE(layer) << layer.error().message();
        const auto done = store->commit_layer(layer->diff_id, directory, layer->contents);
        EXPECT_TRUE(done) << done.error().message();
        return layer->diff_id;
    }
    NewImage describe(const std::string& name, const std::vector<Digest>& layers) const {
        Json config{
            {"os", "linux"}, {"config", {{"Cmd", {name}}}}, {"rootfs", {{"diff_ids", Json::array()}}}};
        for (const auto& layer : layers) config["rootfs"]["diff_ids"].push_back(layer.str());
        const auto text = dump_json(config), manifest = "manifest of " + name;
        NewImage image{.name = name,
                       .manifest_digest = Digest("sha256:" + sha256_hex(manifest)),
                       .config_digest = Digest("sha256:" + sha256_hex(text)),
                       .config = {},
                       .diff_ids = layers,
                       .blobs = {}};
        image.config.command = {name};
        image.blobs = {{image.manifest_digest, manifest}, {image.config_digest, text}};
        return image;
    }
    void add_image(const std::string& name, const std::vector<Digest>& layers) {
        const auto done = store->commit_image(describe(name, layers));
        ASSERT_TRUE(done) << done.error().message();
    }
    std::size_t count(const fs::path& directory) const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
    }
    const Paths& paths() const { return store->paths(); }

    TemporaryDirectory outer;
    fs::path root = outer / "images";
    std::vector<fs::path> garbage;
    std::unique_ptr<Store> store;
};

TEST_F(StoreTest, GivesBackWhatWasPutIn) {
    const auto below = add_layer({{.path = "a", .content = "12345"}});
    const auto above = add_layer({{.path = "b", .content = "123"}});
    add_image("x/app:1", {below, above});
    for (int round = 0; round < 2; ++round) {
        const auto image = store->find("x/app:1");
        ASSERT_TRUE(image);
        EXPECT_EQ(image->name, "x/app:1");
        EXPECT_EQ(image->manifest_digest, describe("x/app:1", {below, above}).manifest_digest);
        EXPECT_EQ(image->size_bytes, 8U);
        EXPECT_THAT(image->config.command, ElementsAre("x/app:1"));
        EXPECT_THAT(image->layers, ElementsAre("1", "2"));
        EXPECT_THAT(store->list(), SizeIs(1));
        EXPECT_FALSE(store->find("x/app:2"));
        crash_and_reopen();
    }
}

TEST_F(StoreTest, IsForOneProcess) {
    std::vector<fs::path> other_garbage;
    const auto second = Store::open(root, Log(), other_garbage);
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message(), HasSubstr("in use by another process"));
}

TEST_F(StoreTest, KeepsOneCopyOfALayer) {
    const auto first = add_layer({{.path = "same"}});
    const auto second = add_layer({{.path = "same"}});
    EXPECT_EQ(first, second);
    EXPECT_EQ(count(paths().layers()), 1U);
    EXPECT_EQ(count(paths().tmp()), 1U); // the second one is its maker's to remove
}

TEST_F(StoreTest, RemovesWithAnImageOnlyWhatNobodyElseUses) {
    const auto shared = add_layer({{.path = "shared"}});
    const auto own = add_layer({{.path = "own"}});
    add_image("one", {shared, own});
    add_image("two", {shared});
    ASSERT_TRUE(store->remove_image("one"));
    EXPECT_FALSE(store->find("one"));
    EXPECT_TRUE(store->has_layer(shared));
    EXPECT_FALSE(store->has_layer(own));
    EXPECT_EQ(count(paths().layers()), 1U);
    EXPECT_EQ(count(paths().blobs()), 2U);
    EXPECT_EQ(count(paths().tmp()), 0U);
    ASSERT_TRUE(store->remove_image("two"));
    EXPECT_EQ(count(paths().layers()) + count(paths().layer_records()) + count(paths().blobs()), 0U);
    EXPECT_EQ(store->remove_image("two").error().code(), ErrorCode::not_found);
    crash_and_reopen();
    EXPECT_THAT(store->list(), IsEmpty());
}

TEST_F(StoreTest, KeepsLayersThatAPullOrAContainerNeeds) {
    const auto layer = add_layer({{.path = "f"}});
    add_image("app", {layer});
    {
        const Store::Pin pin(*store, {layer});
        ASSERT_TRUE(store->remove_image("app"));
        EXPECT_TRUE(store->has_layer(layer));
    }
    add_image("app", {layer});
    ASSERT_TRUE(store->prepare(kContainer, *store->find("app")));
    ASSERT_TRUE(store->remove_image("app"));
    EXPECT_TRUE(store->has_layer(layer));
    crash_and_reopen();
    EXPECT_TRUE(store->has_layer(layer));
    ASSERT_TRUE(store->discard(kContainer));
    EXPECT_FALSE(store->has_layer(layer));
    EXPECT_EQ(count(paths().layers()) + count(paths().containers()) + count(paths().tmp()), 0U);
}

TEST_F(StoreTest, AReplacedImageFreesItsLayersAndOthersStay) {
    const auto old = add_layer({{.path = "old"}}), fresh = add_layer({{.path = "fresh"}});
    const auto of_failed_pull = add_layer({{.path = "waiting for the next attempt"}});
    add_image("app", {old});
    add_image("app", {fresh});
    EXPECT_FALSE(store->has_layer(old));
    EXPECT_TRUE(store->has_layer(of_failed_pull));
    crash_and_reopen();
    EXPECT_TRUE(store->has_layer(of_failed_pull));
    ASSERT_TRUE(store->remove_image("app"));
    EXPECT_FALSE(store->has_layer(of_failed_pull));
}

TEST_F(StoreTest, RefusesAnImageWhoseLayersAreNotThere) {
    const auto done = store->commit_image(describe("app", {Digest("sha256:" + std::string(64, '0'))}));
    ASSERT_FALSE(done);
    EXPECT_FALSE(store->find("app"));
    EXPECT_EQ(count(paths().images()), 0U);
}

TEST_F(StoreTest, ShowsALayerThatComesTwiceWhereItIsOnTop) {
    const auto a = add_layer({{.path = "a"}}), b = add_layer({{.path = "b"}});
    add_image("app", {a, b, a});
    EXPECT_THAT(store->find("app")->layers, ElementsAre("2", "1"));
}

TEST_F(StoreTest, LeavesOutWhatAnOpaqueRootHides) {
    const auto a = add_layer({{.path = "a"}}), b = add_layer({{.path = ".wh..wh..opq"}, {.path = "b"}}),
               c = add_layer({{.path = "c"}});
    add_image("app", {a, b, c});
    EXPECT_THAT(store->find("app")->layers, ElementsAre("2", "3"));
    crash_and_reopen();
    EXPECT_THAT(store->find("app")->layers, ElementsAre("2", "3"));
}

TEST_F(StoreTest, PreparesOneWritableLayerPerContainer) {
    const auto below = add_layer({{.path = "./", .kind = '5', .mode = 0711, .uid = 42}, {.path = "a"}});
    const auto above = add_layer({{.path = "b"}});
    add_image("app", {below, above});
    const auto rootfs = store->prepare(kContainer, *store->find("app"));
    ASSERT_TRUE(rootfs) << rootfs.error().message();
    EXPECT_EQ(rootfs->store, root);
    EXPECT_THAT(rootfs->lower, ElementsAre("l/2", "l/1")); // topmost first
    EXPECT_EQ(rootfs->upper, "c/" + kContainer.str() + "/upper");
    struct stat status = {};
    ASSERT_EQ(::stat((root / rootfs->upper).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode, S_IFDIR | 0711U); // of the layer that describes it
    EXPECT_EQ(status.st_uid, 42U);
    ASSERT_TRUE(fs::is_directory(root / rootfs->work));
    ASSERT_TRUE(write_file_atomic(root / rootfs->upper / "mine", "x"));

    // Another image under the name later does not change what the container has.
    add_image("app", {above});
    crash_and_reopen();
    const auto again = store->prepare(kContainer, *store->find("app"));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->lower, rootfs->lower);
    EXPECT_EQ(read_file(root / again->upper / "mine").value_or(""), "x");

    ASSERT_TRUE(store->discard(kContainer));
    ASSERT_TRUE(store->discard(kContainer));
    EXPECT_FALSE(fs::exists(root / again->upper));
}

TEST_F(StoreTest, PreparesImagesWithoutLayersAndWithVeryMany) {
    add_image("scratch", {});
    const auto empty = store->prepare(kContainer, *store->find("scratch"));
    ASSERT_TRUE(empty);
    EXPECT_THAT(empty->lower, ElementsAre("empty"));

    std::vector<Digest> layers;
    for (int i = 0; i < 127; ++i) layers.push_back(add_layer({{.path = std::to_string(i)}}));
    add_image("tall", layers);
    const auto tall = store->prepare(ContainerId(std::string(64, 'd')), *store->find("tall"));
    ASSERT_TRUE(tall);
    std::size_t options =
        std::string("lowerdir=,upperdir=,workdir=").size() + tall->upper.size() + tall->work.size();
    for (const auto& lower : tall->lower) options += lower.size() + 1;
    EXPECT_EQ(tall->lower.size(), 127U);
    EXPECT_LT(options, 4095U);
}

TEST_F(StoreTest, RefusesToPrepareWhatCannotBe) {
    const auto layer = add_layer({{.path = "f"}});
    add_image("app", {layer});
    const auto image = *store->find("app");
    EXPECT_EQ(store->prepare(ContainerId("../evil"), image).error().code(), ErrorCode::invalid);
    EXPECT_EQ(store->prepare(ContainerId(), image).error().code(), ErrorCode::invalid);
    ASSERT_TRUE(store->remove_image("app"));
    const auto gone = store->prepare(kContainer, image);
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().code(), ErrorCode::not_found);
    EXPECT_THAT(gone.error().message(), HasSubstr("image app has been removed"));
}

TEST_F(StoreTest, DropsHalfOfAnythingAtStart) {
    const auto layer = add_layer({{.path = "f"}});
    add_image("app", {layer});
    // Unpacking was under way; a layer was renamed but not recorded; a record without its layer; blobs of an
    // image that was never written; a container without its list of layers.
    ASSERT_TRUE(make_directories(paths().tmp() / "half/dir"));
    ASSERT_TRUE(make_directories(paths().layers() / "77"));
    ASSERT_TRUE(write_file_atomic(paths().layer_records() / "78.json",
                                  dump_json(to_json(StoredLayer{.diff_id = layer}))));
    ASSERT_TRUE(write_file_atomic(paths().blobs() / std::string(64, 'b'), "stray"));
    ASSERT_TRUE(make_directories(paths().containers() / "broken/upper"));
    crash_and_reopen();
    EXPECT_THAT(garbage, SizeIs(3));
    ASSERT_TRUE(remove_trees(garbage));
    EXPECT_EQ(count(paths().tmp()), 0U);
    EXPECT_EQ(count(paths().layers()), 1U);
    EXPECT_EQ(count(paths().layer_records()), 1U);
    EXPECT_EQ(count(paths().blobs()), 2U);
    EXPECT_EQ(count(paths().containers()), 0U);
    EXPECT_TRUE(store->find("app"));
    // New layers do not take a name that was in use.
    add_image("next", {add_layer({{.path = "g"}})});
    EXPECT_THAT(store->find("next")->layers, ElementsAre("78"));
}

TEST_F(StoreTest, DropsImagesThatAreNotWhole) {
    const auto layer = add_layer({{.path = "f"}});
    for (const auto* name : {"config", "layer", "record", "name"}) add_image(name, {layer});
    const auto other = add_layer({{.path = "g"}});
    add_image("layer", {other});
    ASSERT_TRUE(write_file_atomic(paths().blob(store->find("config")->config_digest), "damaged"));
    ASSERT_TRUE(remove_tree(paths().layer(store->find("layer")->layers[0])));
    ASSERT_TRUE(write_file_atomic(paths().image("record"), "{\"name\":"));
    fs::rename(paths().image("name"), paths().images() / "wrong.json");
    crash_and_reopen();
    EXPECT_THAT(store->list(), IsEmpty());
    EXPECT_EQ(count(paths().images()), 0U);
}

TEST_F(StoreTest, TrustsUnsyncedLayersOnlyInTheirOwnBoot) {
    const auto synced = add_layer({{.path = "synced"}});
    ASSERT_TRUE(store->make_durable());
    const auto unsynced = add_layer({{.path = "unsynced"}});
    add_image("app", {synced, unsynced});
    crash_and_reopen(); // the page cache is still there
    EXPECT_TRUE(store->find("app"));

    // Now as it is after a power cut.
    for (const auto& record : fs::directory_iterator(paths().layer_records())) {
        auto json = *parse_json(*read_file(record.path()));
        if (json.contains("boot")) json["boot"] = "an earlier boot";
        ASSERT_TRUE(write_file_atomic(record.path(), dump_json(json)));
    }
    crash_and_reopen();
    EXPECT_TRUE(store->has_layer(synced));
    EXPECT_FALSE(store->has_layer(unsynced));
    EXPECT_FALSE(store->find("app"));
    EXPECT_THAT(garbage, SizeIs(1));
}

// The merged view against layers with every way of hiding.
class MergedView : public StoreTest {
  protected:
    std::optional<std::string> read(const std::string& path, std::size_t limit = 1000) {
        std::vector<fs::path> layers;
        auto ids = store->find("app")->layers;
        std::ranges::reverse(ids);
        for (const auto& id : ids) layers.push_back(paths().layer(id));
        auto text = read_merged_file(layers, path, limit);
        EXPECT_TRUE(text) << text.error().message();
        return text ? *text : std::optional<std::string>("(error)");
    }
    void set_up(const std::vector<std::vector<Entry>>& layers) {
        std::vector<Digest> ids;
        for (const auto& layer : layers) ids.push_back(add_layer(layer));
        add_image("app", ids);
    }
};

TEST_F(MergedView, ShowsTheTopmost) {
    set_up({{{.path = "etc/passwd", .content = "old"}, {.path = "etc/group", .content = "group"}},
            {{.path = "etc/passwd", .content = "new"}},
            {{.path = "other"}}});
    EXPECT_EQ(read("etc/passwd"), "new");
    EXPECT_EQ(read("/etc/./group"), "group");
    EXPECT_EQ(read("etc/../etc/group"), "group");
    EXPECT_EQ(read("etc/shadow"), std::nullopt);
    EXPECT_EQ(read("etc"), std::nullopt);
    EXPECT_EQ(read("etc/group/x"), std::nullopt);
    EXPECT_EQ(read(""), std::nullopt);
}

TEST_F(MergedView, HidesWhatIsWhitedOut) {
    set_up({{{.path = "file", .content = "x"},
             {.path = "dir/inner", .content = "x"},
             {.path = "opq/inner", .content = "x"},
             {.path = "turned/inner", .content = "x"}},
            {{.path = ".wh.file"},
             {.path = ".wh.dir"},
             {.path = "opq/.wh..wh..opq"},
             {.path = "opq/kept", .content = "k"},
             {.path = "turned", .content = "now a file"}}});
    EXPECT_EQ(read("file"), std::nullopt);
    EXPECT_EQ(read("dir/inner"), std::nullopt);
    EXPECT_EQ(read("opq/inner"), std::nullopt);
    EXPECT_EQ(read("opq/kept"), "k");
    EXPECT_EQ(read("turned/inner"), std::nullopt);
    EXPECT_EQ(read("turned"), "now a file");
}

TEST_F(MergedView, FollowsLinksInsideTheImage) {
    set_up({{{.path = "usr/lib/os-release", .content = "debian"},
             {.path = "etc/os-release", .kind = '2', .link = "../usr/lib/os-release"},
             {.path = "abs", .kind = '2', .link = "/usr/lib"},
             {.path = "out", .kind = '2', .link = "../../../../../../../etc/hostname"},
             {.path = "loop", .kind = '2', .link = "loop"}},
            {{.path = "usr/lib/os-release", .content = "changed above"}}});
    EXPECT_EQ(read("etc/os-release"), "changed above");
    EXPECT_EQ(read("abs/os-release"), "changed above");
    EXPECT_EQ(read("out"), std::nullopt); // the host has this file, the image has not
    std::vector<fs::path> layers{paths().layer("1")};
    EXPECT_THAT(read_merged_file(layers, "loop", 10).error().message(), HasSubstr("too many links"));
    EXPECT_EQ(read_merged_file(layers, "etc/os-release", 3).error().code(), ErrorCode::limit);
}

TEST_F(MergedView, DoesNotHangOnSpecialFiles) {
    set_up({{{.path = "pipe", .kind = '6'}, {.path = "null", .kind = '3', .major = 1, .minor = 3}}});
    EXPECT_EQ(read("pipe"), std::nullopt);
    EXPECT_EQ(read("null"), std::nullopt);
}

} // namespace
} // namespace berth::images
