// Unpacking into a directory: what must arrive there, and what must never leave it.
#include "agent/images/layer_unpack.hpp"
#include "tests/unit/images/packed.hpp"
#include "tests/unit/images/tar_builder.hpp"
#include "tests/unit/images/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

namespace berth::images {
namespace {

using test::archive;
using test::Entry;
using test::TemporaryDirectory;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class LayerUnpackTest : public testing::Test {
  protected:
    Result<UnpackedLayer> unpack(const std::string& bytes, std::size_t piece = 1 << 20,
                                 LayerLimits limits = {}) {
        auto unpacking = LayerUnpack::begin(root, limits);
        if (!unpacking) return std::unexpected(unpacking.error());
        for (std::size_t at = 0; at < bytes.size(); at += piece)
            if (auto fed = (*unpacking)->feed(std::string_view(bytes).substr(at, piece)); !fed)
                return std::unexpected(fed.error());
        return (*unpacking)->finish();
    }
    // Expects success.
    LayerContents unpack_all(const std::vector<Entry>& entries) {
        auto done = unpack(archive(entries));
        EXPECT_TRUE(done) << done.error().message();
        return done ? done->contents : LayerContents{};
    }
    std::string error_of(const std::vector<Entry>& entries) {
        (void)remove_tree(root);
        const auto done = unpack(archive(entries));
        return done ? "accepted" : done.error().message();
    }
    struct stat status(const fs::path& name) const {
        struct stat result = {};
        EXPECT_EQ(::lstat((root / name).c_str(), &result), 0) << name;
        return result;
    }
    bool exists(const fs::path& path) const {
        struct stat result = {};
        return ::lstat(path.c_str(), &result) == 0;
    }
    std::string xattr(const fs::path& name, const char* key) const {
        std::string value(256, '\0');
        const auto size = ::lgetxattr((root / name).c_str(), key, value.data(), value.size());
        value.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
        return size < 0 ? "(none)" : value;
    }
    bool is_whiteout(const fs::path& name) const {
        return S_ISCHR(status(name).st_mode) && status(name).st_rdev == 0;
    }
    bool is_opaque(const fs::path& name) const { return xattr(name, "trusted.overlay.opaque") == "y"; }
    std::string content(const fs::path& name) const { return read_file(root / name).value_or("(none)"); }

    TemporaryDirectory outer;
    fs::path root = outer / "layer";
};

TEST_F(LayerUnpackTest, KeepsTypesModesOwnersTimesAndAttributes) {
    const std::string capability("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    unpack_all(
        {{.path = "bin/", .kind = '5', .mode = 0751, .uid = 7, .gid = 8, .mtime = 1'500'000'000},
         {.path = "bin/su",
          .content = "#!",
          .mode = 06755,
          .uid = 1000,
          .gid = 100,
          .pax = {{"mtime", "1600000000.123456789"},
                  {"SCHILY.xattr.user.note", "hello"},
                  {"SCHILY.xattr.security.capability", capability},
                  {"SCHILY.xattr.trusted.overlay.opaque", "y"}}},
         {.path = "bin/sh", .kind = '2', .link = "/bin/busybox", .uid = 3, .gid = 4, .mtime = 1'400'000'000},
         {.path = "bin/su2", .kind = '1', .link = "bin/su"},
         {.path = "dev/null", .kind = '3', .mode = 0666, .major = 1, .minor = 3},
         {.path = "dev/sda", .kind = '4', .mode = 0660, .gid = 6, .major = 8, .minor = 0},
         {.path = "run/pipe", .kind = '6', .mode = 0622}});
    EXPECT_EQ(status("bin").st_mode, S_IFDIR | 0751U);
    EXPECT_EQ(status("bin").st_uid, 7U);
    EXPECT_EQ(status("bin").st_gid, 8U);
    EXPECT_EQ(status("bin").st_mtim.tv_sec, 1'500'000'000); // although files were put into it later
    EXPECT_EQ(status("bin/su").st_mode, S_IFREG | 06755U);
    EXPECT_EQ(status("bin/su").st_uid, 1000U);
    EXPECT_EQ(status("bin/su").st_mtim.tv_nsec, 123456789);
    EXPECT_EQ(content("bin/su"), "#!");
    EXPECT_EQ(xattr("bin/su", "user.note"), "hello");
    EXPECT_EQ(xattr("bin/su", "security.capability"), capability);
    EXPECT_EQ(xattr("bin/su", "trusted.overlay.opaque"), "(none)");
    EXPECT_EQ(fs::read_symlink(root / "bin/sh"), "/bin/busybox");
    EXPECT_EQ(status("bin/sh").st_uid, 3U);
    EXPECT_EQ(status("bin/sh").st_mtim.tv_sec, 1'400'000'000);
    EXPECT_EQ(status("bin/su2").st_ino, status("bin/su").st_ino);
    EXPECT_EQ(status("dev/null").st_mode, S_IFCHR | 0666U);
    EXPECT_EQ(status("dev/null").st_rdev, makedev(1, 3));
    EXPECT_EQ(status("dev/sda").st_mode, S_IFBLK | 0660U);
    EXPECT_EQ(status("run/pipe").st_mode, S_IFIFO | 0622U);
}

TEST_F(LayerUnpackTest, GivesTheSameDigestsWhateverTheCompressionAndThePieces) {
    const auto tar = archive({{.path = "f", .content = std::string(5000, 'x')}});
    for (const auto& packed : {tar, test::gzip(tar), test::zstd(tar)})
        for (const std::size_t piece : {1U, 1000U, 1U << 20}) {
            (void)remove_tree(root);
            const auto done = unpack(packed, piece);
            ASSERT_TRUE(done) << done.error().message();
            EXPECT_EQ(done->digest.str(), "sha256:" + sha256_hex(packed));
            EXPECT_EQ(done->diff_id.str(), "sha256:" + sha256_hex(tar));
            EXPECT_EQ(done->contents.bytes, 5000U);
            EXPECT_EQ(content("f").size(), 5000U);
        }
}

TEST_F(LayerUnpackTest, AnEmptyLayerIsALayer) {
    EXPECT_EQ(unpack_all({}).bytes, 0U);
    (void)remove_tree(root);
    EXPECT_EQ(unpack("").value().diff_id.str(), "sha256:" + sha256_hex(""));
}

TEST_F(LayerUnpackTest, TurnsWhiteoutsIntoWhatOverlayfsKnows) {
    unpack_all({{.path = "gone/", .kind = '5'},
                {.path = "gone/.wh.file"},
                {.path = ".wh.top"},
                {.path = "covered/", .kind = '5'},
                {.path = "covered/.wh..wh..opq"},
                {.path = "covered/new"},
                {.path = ".wh..wh.plnk/", .kind = '5'},
                {.path = ".wh..wh.aufs", .content = "ignored"}});
    EXPECT_TRUE(is_whiteout("gone/file"));
    EXPECT_TRUE(is_whiteout("top"));
    EXPECT_TRUE(is_opaque("covered"));
    EXPECT_FALSE(is_opaque("gone"));
    EXPECT_TRUE(exists(root / "covered/new"));
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(root)) names.push_back(entry.path().filename());
    EXPECT_THAT(names, UnorderedElementsAre("gone", "top", "covered"));
}

TEST_F(LayerUnpackTest, AWhiteoutBesideItsOwnReplacementHidesOnlyWhatIsBelow) {
    unpack_all({{.path = ".wh.a"},
                {.path = "a/", .kind = '5', .mode = 0755},
                {.path = "b/", .kind = '5', .mode = 0755},
                {.path = ".wh.b"},
                {.path = "c", .content = "stays"},
                {.path = ".wh.c"},
                {.path = ".wh.d"},
                {.path = "d", .content = "new"}});
    EXPECT_TRUE(is_opaque("a"));
    EXPECT_TRUE(is_opaque("b"));
    EXPECT_EQ(content("c"), "stays");
    EXPECT_EQ(content("d"), "new");
}

TEST_F(LayerUnpackTest, RemembersWhatTheRootLooksLikeAndWhatWasOnlyImplied) {
    auto contents = unpack_all({{.path = "x/y/file"}, {.path = "x/", .kind = '5', .mode = 0700}});
    EXPECT_FALSE(contents.root_entry);
    EXPECT_FALSE(contents.opaque_root);
    EXPECT_THAT(contents.implied, UnorderedElementsAre("x/y"));
    EXPECT_EQ(status("x").st_mode, S_IFDIR | 0700U);
    EXPECT_EQ(status("x/y").st_mode, S_IFDIR | 0755U);
    (void)remove_tree(root);
    contents = unpack_all({{.path = "./", .kind = '5', .mode = 0711, .uid = 9}, {.path = "./.wh..wh..opq"}});
    EXPECT_TRUE(contents.root_entry);
    EXPECT_TRUE(contents.opaque_root);
    EXPECT_EQ(status(".").st_mode, S_IFDIR | 0711U);
    EXPECT_EQ(status(".").st_uid, 9U);
}

TEST_F(LayerUnpackTest, LaterEntriesReplaceEarlierOnes) {
    unpack_all({{.path = "file-file", .content = "long content"},
                {.path = "file-file", .content = "new"},
                {.path = "dir-file/", .kind = '5'},
                {.path = "dir-file/inner", .content = "x"},
                {.path = "dir-file", .content = "now a file"},
                {.path = "file-dir", .content = "x"},
                {.path = "file-dir/", .kind = '5', .mode = 0755},
                {.path = "file-dir/inner", .content = "y"},
                {.path = "dir-dir/", .kind = '5', .mode = 0700},
                {.path = "dir-dir/inner", .content = "stays"},
                {.path = "dir-dir/", .kind = '5', .mode = 0755},
                {.path = "target", .content = "untouched"},
                {.path = "link", .kind = '2', .link = "target"},
                {.path = "link", .content = "a file of its own"}});
    EXPECT_EQ(content("file-file"), "new");
    EXPECT_EQ(content("dir-file"), "now a file");
    EXPECT_EQ(content("file-dir/inner"), "y");
    EXPECT_EQ(content("dir-dir/inner"), "stays");
    EXPECT_EQ(status("dir-dir").st_mode, S_IFDIR | 0755U);
    EXPECT_EQ(content("target"), "untouched");
    EXPECT_EQ(content("link"), "a file of its own");
}

TEST_F(LayerUnpackTest, ReplacedDirectoriesAreNotWrittenToAnyMore) {
    unpack_all({{.path = "d/sub/", .kind = '5'},
                {.path = "d/sub/one"},
                {.path = "d", .kind = '2', .link = "e"},
                {.path = "e/sub/", .kind = '5'},
                {.path = "d/sub/two", .content = "through the link"}});
    EXPECT_FALSE(exists(root / "d/sub/one"));
    EXPECT_EQ(content("e/sub/two"), "through the link");
}

TEST_F(LayerUnpackTest, FillsSparseFilesWithHoles) {
    unpack_all({{.path = "s",
                 .content = "abc",
                 .pax = {{"GNU.sparse.map", "1048576,3"}, {"GNU.sparse.size", "4194304"}}}});
    EXPECT_EQ(status("s").st_size, 4194304);
    EXPECT_LT(status("s").st_blocks * 512, 65536);
    EXPECT_EQ(content("s").substr(1048576, 3), "abc");
}

// Every attempt is made with a witness outside, which must be as it was.
class Hostile : public LayerUnpackTest {
  protected:
    Hostile() {
        EXPECT_TRUE(write_file_atomic(outer / "witness", "untouched"));
        EXPECT_TRUE(make_directories(outer / "outside"));
    }
    void expect_unharmed() const {
        EXPECT_EQ(read_file(outer / "witness").value_or("(none)"), "untouched");
        EXPECT_TRUE(fs::is_empty(outer / "outside"));
        EXPECT_FALSE(exists("/berth-escaped"));
    }
    std::string up = outer.path().string();
};

TEST_F(Hostile, NamesThatLeadOutAreRefused) {
    for (const auto* name : {"../witness", "a/../../witness", "./../witness", "a/b/../../../witness", ".."}) {
        EXPECT_THAT(error_of({{.path = name, .content = "x"}}), HasSubstr("leads out of the layer")) << name;
        EXPECT_THAT(error_of({{.path = "in", .kind = '1', .link = name}}),
                    HasSubstr("leads out of the layer"))
            << name;
    }
    expect_unharmed();
}

TEST_F(Hostile, AbsoluteNamesAreInside) {
    EXPECT_EQ(
        error_of({{.path = "/berth-escaped", .content = "x"}, {.path = "//usr//./bin/../x", .content = "y"}}),
        "accepted");
    EXPECT_EQ(content("berth-escaped"), "x");
    EXPECT_EQ(content("usr/x"), "y");
    expect_unharmed();
}

TEST_F(Hostile, LinksAreFollowedOnlyInside) {
    EXPECT_EQ(
        error_of({{.path = "abs", .kind = '2', .link = up + "/outside"}, {.path = "abs/f", .content = "x"}}),
        "entry \"abs/f\": directory \"abs\" is a link to nowhere");
    EXPECT_THAT(
        error_of({{.path = "up", .kind = '2', .link = "../outside"}, {.path = "up/f", .content = "x"}}),
        HasSubstr("link to nowhere"));
    // The same target, when it is there, is that of the layer.
    EXPECT_EQ(error_of({{.path = up + "/outside/", .kind = '5'},
                        {.path = "abs", .kind = '2', .link = up + "/outside"},
                        {.path = "abs/f", .content = "x"},
                        {.path = "dots", .kind = '2', .link = "../../../../../../../" + up + "/outside"},
                        {.path = "dots/g", .content = "y"}}),
              "accepted");
    EXPECT_EQ(read_file(fs::path(root.string() + up + "/outside/f")).value_or(""), "x");
    EXPECT_EQ(read_file(fs::path(root.string() + up + "/outside/g")).value_or(""), "y");
    EXPECT_THAT(error_of({{.path = "loop", .kind = '2', .link = "loop"}, {.path = "loop/f"}}),
                HasSubstr("loop"));
    EXPECT_THAT(
        error_of({{.path = "proc", .kind = '2', .link = "/proc/self/root"}, {.path = "proc/berth-escaped"}}),
        HasSubstr("symbolic links"));
    expect_unharmed();
}

TEST_F(Hostile, FilesAreNotWrittenThroughLinks) {
    EXPECT_EQ(error_of({{.path = "f", .kind = '2', .link = up + "/witness"},
                        {.path = "f", .content = "x", .mode = 0777}}),
              "accepted");
    EXPECT_EQ(status("f").st_mode, S_IFREG | 0777U);
    EXPECT_EQ(error_of({{.path = "d", .kind = '2', .link = up + "/outside"},
                        {.path = "d/", .kind = '5', .mode = 0777},
                        {.path = "d/f"}}),
              "accepted");
    EXPECT_TRUE(S_ISDIR(status("d").st_mode));
    expect_unharmed();
}

TEST_F(Hostile, HardLinksStayInside) {
    EXPECT_THAT(error_of({{.path = "h", .kind = '1', .link = up + "/witness"}}), HasSubstr("hard link to"));
    EXPECT_THAT(
        error_of({{.path = "l", .kind = '2', .link = up}, {.path = "h", .kind = '1', .link = "l/witness"}}),
        HasSubstr("hard link to"));
    // A hard link to a symbolic link is one to the link itself.
    EXPECT_EQ(error_of({{.path = "l", .kind = '2', .link = up + "/witness"},
                        {.path = "h", .kind = '1', .link = "l"},
                        {.path = "h", .content = "x"}}),
              "accepted");
    EXPECT_THAT(error_of({{.path = "a", .content = "x"}, {.path = "a", .kind = '1', .link = "./a"}}),
                HasSubstr("hard link to"));
    EXPECT_THAT(error_of({{.path = "h", .kind = '1', .link = "/"}}), HasSubstr("hard link to"));
    EXPECT_THAT(error_of({{.path = "d/", .kind = '5'}, {.path = "h", .kind = '1', .link = "d"}}),
                HasSubstr("hard link to"));
    EXPECT_THAT(error_of({{.path = "h", .kind = '1', .link = "missing"}}), HasSubstr("entry \"h\""));
    expect_unharmed();
}

TEST_F(Hostile, WhiteoutsOfParentsAreRefused) {
    for (const auto* name : {".wh.", ".wh..", ".wh...", "a/.wh..."})
        EXPECT_THAT(error_of({{.path = name}}), HasSubstr("whiteout")) << name;
    expect_unharmed();
}

TEST_F(Hostile, TheRootStaysADirectory) {
    for (const auto* name : {"/", ".", "./", "a/.."}) {
        EXPECT_THAT(error_of({{.path = name, .content = "x"}}), HasSubstr("root of the layer")) << name;
        EXPECT_THAT(error_of({{.path = name, .kind = '2', .link = "x"}}), HasSubstr("root of the layer"))
            << name;
    }
}

TEST_F(Hostile, OrdersOfOverlayfsAreNotTakenFromTheArchive) {
    EXPECT_EQ(error_of({{.path = "d/",
                         .kind = '5',
                         .pax = {{"SCHILY.xattr.trusted.overlay.redirect", "/etc"},
                                 {"SCHILY.xattr.user.overlay.opaque", "y"}}}}),
              "accepted");
    EXPECT_EQ(xattr("d", "trusted.overlay.redirect"), "(none)");
    EXPECT_EQ(xattr("d", "user.overlay.opaque"), "(none)");
}

TEST_F(Hostile, SizesAndDepthsHaveLimits) {
    std::string deep;
    for (int i = 0; i < 300; ++i) deep += "d/";
    EXPECT_THAT(error_of({{.path = "x", .pax = {{"path", deep}}}}), HasSubstr("more than 256 directories"));
    EXPECT_THAT(error_of({{.path = "x", .pax = {{"path", std::string(5000, 'n')}}}}),
                HasSubstr("longer than"));
    EXPECT_THAT(error_of({{.path = "x", .pax = {{"path", std::string(256, 'n')}}}}),
                HasSubstr("name too long"));
    LayerLimits limits{.entries = 3, .directories = 2, .unpacked_bytes = 1000};
    const auto error = [&](const std::vector<Entry>& entries) {
        (void)remove_tree(root);
        const auto done = unpack(test::gzip(archive(entries)), 1 << 20, limits);
        return done ? std::string("accepted") : done.error().message();
    };
    EXPECT_EQ(error({{.path = "a"}, {.path = "b"}, {.path = "c"}}), "accepted");
    EXPECT_THAT(error({{.path = "a"}, {.path = "b"}, {.path = "c"}, {.path = "d"}}),
                HasSubstr("more than 3 entries"));
    EXPECT_THAT(
        error({{.path = "a/", .kind = '5'}, {.path = "b/", .kind = '5'}, {.path = "c/", .kind = '5'}}),
        HasSubstr("more than 2 directories"));
    EXPECT_THAT(error({{.path = "bomb", .content = std::string(1 << 20, '\0')}}),
                HasSubstr("more than 1000 bytes"));
    expect_unharmed();
}

TEST_F(Hostile, ErrorsNameTheEntry) {
    EXPECT_THAT(
        error_of(
            {{.path = "good"}, {.path = "file", .content = "x"}, {.path = "file/under", .content = "x"}}),
        HasSubstr("entry \"file/under\""));
}

TEST(DiskFull, NamesTheFileSystem) {
    const auto error = disk_full("/proc", "writing");
    EXPECT_EQ(error.code(), ErrorCode::no_space);
    EXPECT_THAT(error.message(), HasSubstr("the file system at /proc is full"));
    EXPECT_THAT(error.message(), HasSubstr("inodes are free"));
}

} // namespace
} // namespace berth::images
