// The store: order and grouping of commits, what a crash leaves, and files that are locked, damaged or full.
#include "berth/base/encoding.hpp"
#include "berth/state/store.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>

namespace berth::state {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

class StoreTest : public testing::Test {
  protected:
    void SetUp() override { fs::create_directories(directory); }
    void TearDown() override { fs::remove_all(directory); }

    std::unique_ptr<Store> open() {
        auto store = Store::open(loop.get_executor(), directory);
        EXPECT_TRUE(store) << (store ? "" : store.error().message());
        return store ? std::move(*store) : nullptr;
    }
    std::string open_error() {
        auto store = Store::open(loop.get_executor(), directory);
        return store ? "no error" : store.error().message();
    }
    static Async<void> commit_into(Store& store, Changes changes, Status& status) {
        status = co_await store.commit(std::move(changes));
    }
    Status commit(Store& store, Changes changes) {
        Status status = fail(ErrorCode::internal, "never resumed");
        asio::co_spawn(loop, commit_into(store, std::move(changes), status), asio::detached);
        loop.restart();
        loop.run();
        return status;
    }
    static Changes task(const std::string& arn, std::optional<std::string> json) {
        Changes changes;
        changes.tasks.emplace_back(arn, std::move(json));
        return changes;
    }

    asio::io_context loop;
    fs::path directory = fs::path(testing::TempDir()) / ("berth-store-" + random_hex(12));
};

TEST_F(StoreTest, KeepsTasksAndFactsAcrossOpening) {
    {
        auto store = open();
        Changes changes;
        changes.tasks = {{"a", "{\"x\":1}"}, {"b", "{}"}};
        changes.facts = {{"cluster", "prod"}};
        ASSERT_TRUE(commit(*store, changes));
        ASSERT_TRUE(commit(*store, task("b", std::nullopt)));
        ASSERT_TRUE(commit(*store, task("a", std::string("with\0zero", 9))));
    }
    const auto contents = open()->load();
    ASSERT_TRUE(contents);
    EXPECT_THAT(contents->tasks, ElementsAre(Pair("a", std::string("with\0zero", 9))));
    EXPECT_THAT(contents->facts, ElementsAre(Pair("cluster", "prod")));
}

TEST_F(StoreTest, LaterChangesOfOneCommitWin) {
    auto store = open();
    Changes changes;
    changes.tasks = {{"a", "1"}, {"a", std::nullopt}, {"a", "2"}};
    ASSERT_TRUE(commit(*store, changes));
    EXPECT_THAT(store->load()->tasks, ElementsAre(Pair("a", "2")));
}

TEST_F(StoreTest, AnEmptyCommitSucceeds) {
    auto store = open();
    EXPECT_TRUE(commit(*store, {}));
}

TEST_F(StoreTest, FilesAreForTheOwnerOnly) {
    auto store = open();
    ASSERT_TRUE(commit(*store, task("a", "1")));
    for (const auto& entry : fs::directory_iterator(directory))
        EXPECT_EQ(entry.status().permissions() & (fs::perms::group_all | fs::perms::others_all),
                  fs::perms::none)
            << entry.path();
}

Async<void> commit_and_note(Store& store, int number, std::vector<int>& order) {
    Changes changes;
    changes.tasks.emplace_back("same", std::to_string(number));
    const auto status = co_await store.commit(std::move(changes));
    EXPECT_TRUE(status);
    order.push_back(number);
}

TEST_F(StoreTest, WaitingCommitsAreAnsweredInOrderAndTheLastWins) {
    auto store = open();
    std::vector<int> order, expected;
    for (int i = 0; i < 500; ++i) {
        expected.push_back(i);
        asio::co_spawn(loop, commit_and_note(*store, i, order), asio::detached);
    }
    loop.run();
    EXPECT_EQ(order, expected);
    EXPECT_THAT(store->load()->tasks, ElementsAre(Pair("same", "499")));
}

TEST_F(StoreTest, ClosingWaitsForWhatWasGiven) {
    {
        auto store = open();
        std::vector<int> order;
        for (int i = 0; i < 50; ++i) asio::co_spawn(loop, commit_and_note(*store, i, order), asio::detached);
        loop.poll(); // all are given to the store; it is closed before they are answered
        store.reset();
        loop.run();
    }
    EXPECT_THAT(open()->load()->tasks, ElementsAre(Pair("same", "49")));
}

TEST_F(StoreTest, ASecondOpenerIsToldWhoHasIt) {
    auto store = open();
    const auto error = open_error();
    EXPECT_THAT(error, HasSubstr(directory.native()));
    EXPECT_THAT(error, HasSubstr(fmt::format("in use by process {}", ::getpid())));
    store.reset();
    EXPECT_EQ(open_error(), "no error");
}

// ---- damage ---------------------------------------------------------------------------------------------

void overwrite(const fs::path& file, off_t at, std::string_view bytes) {
    const auto fd = open_file(file, O_RDWR | O_CREAT, 0600);
    ASSERT_TRUE(fd);
    ASSERT_EQ(::pwrite(fd->get(), bytes.data(), bytes.size(), at), static_cast<ssize_t>(bytes.size()));
}

TEST_F(StoreTest, AFileThatIsNoDatabaseIsRefusedAndLeftAlone) {
    const std::string garbage(8192, 'x');
    overwrite(directory / "berth.db", 0, garbage);
    const auto error = open_error();
    EXPECT_THAT(error, HasSubstr("berth.db"));
    EXPECT_THAT(error, HasSubstr("file is not a database"));
    EXPECT_THAT(error, HasSubstr("move it away"));
    EXPECT_EQ(*read_file(directory / "berth.db"), garbage);
}

TEST_F(StoreTest, ADamagedPageIsFound) {
    {
        auto store = open();
        for (int i = 0; i < 200; ++i)
            ASSERT_TRUE(commit(*store, task(fmt::format("task-{}", i), std::string(500, 'j'))));
    }
    overwrite(directory / "berth.db", 4096 * 5, std::string(4096, '\xff'));
    const auto error = open_error();
    EXPECT_THAT(error, HasSubstr("berth.db"));
    EXPECT_THAT(error, HasSubstr("move it away"));
}

TEST_F(StoreTest, AnEmptyFileIsANewStore) {
    overwrite(directory / "berth.db", 0, "");
    EXPECT_THAT(open()->load()->tasks, IsEmpty());
}

TEST_F(StoreTest, ANewerSchemaIsRefused) {
    open().reset();
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open((directory / "berth.db").c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, "PRAGMA user_version = 77", nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(database);
    EXPECT_THAT(open_error(), HasSubstr("written by a newer version (schema 77, this one knows 1)"));
}

TEST_F(StoreTest, ADirectoryThatCannotBeMadeIsNamed) {
    overwrite(directory / "file", 0, "x");
    directory /= "file/below";
    EXPECT_THAT(open_error(), HasSubstr("file/below"));
    directory = directory.parent_path().parent_path();
}

// ---- a full disk ----------------------------------------------------------------------------------------

TEST_F(StoreTest, AFullDiskIsAClearErrorAndPasses) {
    if (::unshare(CLONE_NEWNS) != 0) GTEST_SKIP() << "needs the right to mount";
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(::mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=1m"), 0);
    {
        auto store = open();
        ASSERT_TRUE(commit(*store, task("small", "kept")));
        // Somebody else fills the disk, and frees it again.
        const auto filler = open_file(directory / "filler", O_WRONLY | O_CREAT, 0600);
        const std::string block(4096, 'f');
        while (::write(filler->get(), block.data(), block.size()) > 0) {
        }
        const auto full = commit(*store, task("second", std::string(100 << 10, 'y')));
        ASSERT_FALSE(full);
        EXPECT_EQ(full.error().code(), ErrorCode::no_space) << full.error().message();
        EXPECT_THAT(full.error().message(), HasSubstr("berth.db"));
        ASSERT_EQ(::ftruncate(filler->get(), 0), 0);
        EXPECT_TRUE(commit(*store, task("second", std::string(100 << 10, 'y'))));
        // More than will ever fit hurts nobody else.
        const auto large = commit(*store, task("large", std::string(2 << 20, 'x')));
        ASSERT_FALSE(large);
        EXPECT_EQ(large.error().code(), ErrorCode::no_space) << large.error().message();
        EXPECT_TRUE(commit(*store, task("small", "changed")));
    }
    EXPECT_EQ(open()->load()->tasks.at("small"), "changed");
    EXPECT_TRUE(open()->load()->tasks.contains("second"));
    EXPECT_FALSE(open()->load()->tasks.contains("large"));
    EXPECT_EQ(::umount2(directory.c_str(), MNT_DETACH), 0);
}

// ---- crashes --------------------------------------------------------------------------------------------

// Commits numbered changes for ever and writes each number to the pipe once it is acknowledged.
Async<void> commit_for_ever(Store& store, int pipe, int first) {
    for (int i = first;; ++i) {
        Changes changes;
        changes.tasks.emplace_back(fmt::format("task-{}", i),
                                   std::string(static_cast<std::size_t>(i % 3000), 'x'));
        changes.facts.emplace_back("last", std::to_string(i));
        if (!co_await store.commit(std::move(changes))) ::_exit(1);
        if (::write(pipe, &i, sizeof i) != sizeof i) ::_exit(0);
    }
}

[[noreturn]] void write_until_killed(const fs::path& directory, int pipe, int first) {
    asio::io_context loop;
    auto store = Store::open(loop.get_executor(), directory);
    if (!store) ::_exit(2);
    asio::co_spawn(loop, commit_for_ever(**store, pipe, first), asio::detached);
    loop.run();
    ::_exit(3);
}

TEST_F(StoreTest, EverythingAcknowledgedSurvivesKill) {
    std::mt19937 random(1);
    int last = -1;
    for (int round = 0; round < 15; ++round) {
        int ends[2];
        ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        UniqueFd read_end(ends[0]), write_end(ends[1]);
        const int first = last + 1;
        const auto child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) write_until_killed(directory, write_end.get(), first);
        write_end.reset();
        // Killed at a random point: after some acknowledgements, wherever the next commit then is.
        const auto enough = first + static_cast<int>(random() % 40);
        int number = 0;
        while (last < enough && ::read(read_end.get(), &number, sizeof number) == sizeof number)
            last = number;
        ASSERT_EQ(::kill(child, SIGKILL), 0);
        while (::read(read_end.get(), &number, sizeof number) == sizeof number) last = number;
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself with " << WEXITSTATUS(status);
        const auto contents = open()->load();
        ASSERT_TRUE(contents);
        for (int i = 0; i <= last; ++i)
            ASSERT_TRUE(contents->tasks.contains(fmt::format("task-{}", i)))
                << "task " << i << " of " << last;
        // One more may have been committed without being acknowledged; then it is whole.
        last = std::stoi(contents->facts.at("last"));
        ASSERT_EQ(contents->tasks.size(), static_cast<std::size_t>(last) + 1);
    }
}

} // namespace
} // namespace berth::state
