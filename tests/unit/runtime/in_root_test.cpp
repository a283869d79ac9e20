// Resolution inside a root: nothing an image contains leads out of it.
#include "container_fixture.hpp"
#include "runtime/mounts/in_root.hpp"

#include <gmock/gmock.h>

#include <fcntl.h>
#include <sys/stat.h>

namespace berth::runtime {
namespace {

using ::testing::HasSubstr;

class InRoot : public ::testing::Test {
  protected:
    InRoot() {
        EXPECT_TRUE(make_directories(root() / "etc"));
        EXPECT_TRUE(make_directories(outside()));
        fd_ = open_file(root(), O_PATH | O_DIRECTORY).value();
    }
    fs::path root() const { return directory_.path() / "root"; }
    fs::path outside() const { return directory_.path() / "outside"; }
    int fd() const { return fd_.get(); }
    static fs::path path_of(const Result<UniqueFd>& found) {
        EXPECT_TRUE(found) << (found ? "" : found.error().message());
        return found ? fs::read_symlink(fd_path(found->get())) : fs::path();
    }

  private:
    testing::TemporaryDirectory directory_;
    UniqueFd fd_;
};

TEST_F(InRoot, DotsAndAbsoluteLinksStayInside) {
    fs::create_symlink("/etc", root() / "absolute");
    fs::create_symlink("../../../../etc", root() / "relative");
    EXPECT_EQ(path_of(open_in_root(fd(), "/../../etc")), root() / "etc");
    EXPECT_EQ(path_of(open_in_root(fd(), "absolute")), root() / "etc");
    EXPECT_EQ(path_of(open_in_root(fd(), "relative")), root() / "etc");
    EXPECT_EQ(path_of(open_in_root(fd(), "")), root());
}

TEST_F(InRoot, LinkToTheHostIsFollowedInside) {
    fs::create_symlink(outside(), root() / "escape");
    EXPECT_FALSE(open_in_root(fd(), "/escape"));
    // Made where the link points to, but below the root.
    const auto made = make_in_root(fd(), "/escape/data", Make::directory);
    EXPECT_EQ(path_of(made), fs::path(root().string() + (outside() / "data").string()));
    EXPECT_TRUE(fs::is_empty(outside()));
}

TEST_F(InRoot, DanglingLinkIsFilledIn) {
    fs::create_symlink("../run/resolve/stub.conf", root() / "etc/resolv.conf");
    EXPECT_EQ(path_of(make_in_root(fd(), "/etc/resolv.conf", Make::file)), root() / "run/resolve/stub.conf");
    EXPECT_TRUE(fs::is_regular_file(root() / "run/resolve/stub.conf"));
}

TEST_F(InRoot, MissingPartsAreMade) {
    EXPECT_EQ(path_of(make_in_root(fd(), "/a/./b//../c/d", Make::directory)), root() / "a/c/d");
    EXPECT_TRUE(fs::is_directory(root() / "a/b"));
    EXPECT_EQ(path_of(make_in_root(fd(), "/a/file", Make::file)), root() / "a/file");
    struct stat status = {};
    ASSERT_EQ(::stat((root() / "a/file").c_str(), &status), 0);
    EXPECT_TRUE(S_ISREG(status.st_mode));
}

TEST_F(InRoot, LoopsEnd) {
    fs::create_symlink("b", root() / "a");
    fs::create_symlink("a", root() / "b");
    EXPECT_FALSE(open_in_root(fd(), "/a"));
    EXPECT_FALSE(make_in_root(fd(), "/a/x", Make::directory));
    // One that only the walk by hand sees, because it is reached through something missing.
    fs::create_symlink("missing/../self", root() / "self");
    const auto made = make_in_root(fd(), "/self", Make::directory);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().sys(), ELOOP);
}

TEST_F(InRoot, FileInTheWayIsAnError) {
    ASSERT_TRUE(write_file_atomic(root() / "file", "x", 0644, false));
    const auto made = make_in_root(fd(), "/file/below", Make::directory);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().sys(), ENOTDIR);
}

TEST_F(InRoot, LinksCanBeRefused) {
    fs::create_symlink("etc", root() / "proc");
    const auto found = make_in_root(fd(), "/proc", Make::directory, Links::refused);
    ASSERT_FALSE(found);
    EXPECT_THAT(found.error().message(), HasSubstr("symbolic link, which is refused"));
}

TEST_F(InRoot, MagicLinksAreRefused) {
    const auto proc = open_file("/proc", O_PATH | O_DIRECTORY);
    ASSERT_TRUE(proc);
    EXPECT_FALSE(open_in_root(proc->get(), "/self/root/etc"));
    EXPECT_FALSE(open_in_root(proc->get(), "/self/cwd"));
}

} // namespace
} // namespace berth::runtime
