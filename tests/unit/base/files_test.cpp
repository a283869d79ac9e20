// Files: limits, atomic writes, removal that stays inside its tree.
#include "berth/base/encoding.hpp"
#include "berth/base/files.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace berth {
namespace {

class Files : public testing::Test {
  protected:
    void SetUp() override { ASSERT_TRUE(make_directories(directory_)); }
    void TearDown() override { EXPECT_TRUE(remove_tree(directory_)); }
    fs::path directory_ = fs::temp_directory_path() / ("berth-files-" + random_hex(8));
};

TEST_F(Files, AtomicWriteReplacesAndLeavesNothing) {
    ASSERT_TRUE(write_file_atomic(directory_ / "f", "old", 0600));
    ASSERT_TRUE(write_file_atomic(directory_ / "f", "new", 0600));
    EXPECT_EQ(read_file(directory_ / "f").value(), "new");
    EXPECT_EQ(std::distance(fs::directory_iterator(directory_), fs::directory_iterator()), 1);
    EXPECT_FALSE(write_file_atomic(directory_ / "no" / "f", "x"));
}

TEST_F(Files, ReadsWithinLimit) {
    ASSERT_TRUE(write_file_atomic(directory_ / "f", std::string(100, 'x')));
    EXPECT_TRUE(read_file(directory_ / "f", 100));
    EXPECT_EQ(read_file(directory_ / "f", 99).error().code(), ErrorCode::limit);
    const auto missing = read_file(directory_ / "missing");
    EXPECT_EQ(missing.error().code(), ErrorCode::not_found);
    EXPECT_EQ(missing.error().sys(), ENOENT);
}

TEST_F(Files, RemoveTreeDoesNotFollowLinks) {
    const auto outside = directory_ / "outside", tree = directory_ / "tree";
    ASSERT_TRUE(make_directories(outside));
    ASSERT_TRUE(write_file_atomic(outside / "keep", "x"));
    ASSERT_TRUE(make_directories(tree / "a" / "b"));
    fs::create_directory_symlink(outside, tree / "a" / "link");
    ASSERT_TRUE(write_file_atomic(tree / "a" / "b" / "f", "x"));
    EXPECT_TRUE(remove_tree(tree));
    EXPECT_FALSE(fs::exists(tree));
    EXPECT_TRUE(fs::exists(outside / "keep"));
    EXPECT_TRUE(remove_tree(tree)) << "missing is success";
}

TEST_F(Files, UniqueFdClosesOnce) {
    int number = -1;
    {
        auto fd = open_file(directory_, O_RDONLY | O_DIRECTORY);
        ASSERT_TRUE(fd);
        UniqueFd moved = std::move(*fd);
        number = moved.get();
        EXPECT_FALSE(*fd);
        errno = EXDEV;
        moved.reset();
        EXPECT_EQ(errno, EXDEV);
    }
    EXPECT_EQ(::fcntl(number, F_GETFD), -1);
}

} // namespace
} // namespace berth
