// What is saved is what was there; a state file that cannot be trusted is refused.
#include "berth/base/encoding.hpp"
#include "berth/base/files.hpp"
#include "berth/base/scope_exit.hpp"

#include "cluster/api/views.hpp"
#include "cluster/store/store.hpp"
#include "fixture.hpp"

#include <sqlite3.h>

namespace berth::cluster {
namespace {

class StoreTest : public Fixture {
  protected:
    StoreTest() { fs::create_directories(directory); }
    ~StoreTest() override { (void)remove_tree(directory); }

    // Everything the API shows of a world.
    static Json picture(const World& from) {
        Json all = Json::array();
        for (const auto& [key, entity] : from.clusters) all.push_back(view(from, entity, true));
        for (const auto& [key, entity] : from.definitions) all.push_back(view(entity));
        for (const auto& [key, entity] : from.instances) all.push_back(view(from, entity, true));
        for (const auto& [key, entity] : from.tasks) all.push_back(view(from, entity, true));
        for (const auto& [key, entity] : from.services) all.push_back(view(from, entity, true));
        return all;
    }
    fs::path directory = fs::temp_directory_path() / ("cluster-store-" + random_hex(12));
    std::string file = directory / "state.db";
};

TEST_F(StoreTest, AllEntitiesComeBack) {
    const auto instance =
        add_instance(4096, 4096, Json::array({{{"name", "a"}, {"value", "b"}}, {{"name", "c"}}}));
    define("web", {{"portMappings", {{{"containerPort", 80}, {"hostPort", 8080}}}}}, {{"taskRoleArn", "r"}});
    world.instances.edit(instance)->attributes.push_back({"com.amazonaws.ecs.capability.task-iam-role", {}});
    const auto task = run_one("web", {{"tags", {{{"key", "k"}, {"value", "v"}}}}});
    report(task, "RUNNING",
           {{"containers", {{{"containerName", "app"}, {"runtimeId", "r"}, {"status", "RUNNING"}}}}});
    must("CreateService", {{"serviceName", "site"}, {"taskDefinition", "web"}, {"desiredCount", 1}});
    reconcile();
    (void)call_logs("CreateLogGroup", {{"logGroupName", "/g"}});
    (void)call_logs("CreateLogStream", {{"logGroupName", "/g"}, {"logStreamName", "s"}});
    {
        auto store = Store::open(file);
        ASSERT_TRUE(store) << store.error().message();
        ASSERT_TRUE(store->write(take_changes(world)));
    }
    auto store = Store::open(file);
    ASSERT_TRUE(store) << store.error().message();
    World loaded;
    loaded.identity = world.identity;
    const auto rows = store->read();
    ASSERT_TRUE(rows);
    const auto status = load_rows(loaded, *rows);
    ASSERT_TRUE(status) << status.error().message();
    loaded.connected = world.connected;
    EXPECT_EQ(picture(loaded), picture(world));
    EXPECT_EQ(loaded.log_streams.size(), 1U);
    EXPECT_EQ(loaded.tasks.find(task)->role_credentials, world.tasks.find(task)->role_credentials);
    EXPECT_TRUE(take_changes(loaded).empty()); // loading is no change
}

TEST_F(StoreTest, ErasedEntitiesStayAway) {
    auto store = Store::open(":memory:");
    ASSERT_TRUE(store);
    must("CreateCluster", {{"clusterName", "a"}});
    must("CreateCluster", {{"clusterName", "b"}});
    ASSERT_TRUE(store->write(take_changes(world)));
    must("DeleteCluster", {{"cluster", "a"}});
    ASSERT_TRUE(store->write(take_changes(world)));
    const auto rows = store->read().value();
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].key, "b");
}

TEST_F(StoreTest, AFailedWriteIsTriedAgainAsItIsThen) {
    must("CreateCluster", {{"clusterName", "a"}});
    const auto rows = take_changes(world);
    EXPECT_TRUE(take_changes(world).empty());
    must("DeleteCluster", {{"cluster", "a"}});
    (void)take_changes(world);
    keep_changes(world, rows);
    const auto again = take_changes(world);
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].document, std::nullopt);
}

TEST_F(StoreTest, OneProcessAtATime) {
    auto store = Store::open(file);
    ASSERT_TRUE(store) << store.error().message();
    const auto second = Store::open(file);
    ASSERT_FALSE(second);
    EXPECT_TRUE(second.error().message().contains("is another berth-cluster using it?"))
        << second.error().message();
}

TEST_F(StoreTest, RefusesForeignAndNewerFiles) {
    ASSERT_TRUE(write_file_atomic(file, "this is no database, but long enough to be looked at as one"));
    EXPECT_FALSE(Store::open(file));
    fs::remove(file);
    {
        ASSERT_TRUE(Store::open(file));
    }
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open(file.c_str(), &raw), SQLITE_OK);
    sqlite3_exec(raw, "PRAGMA user_version=99", nullptr, nullptr, nullptr);
    sqlite3_close(raw);
    const auto store = Store::open(file);
    ASSERT_FALSE(store);
    EXPECT_TRUE(store.error().message().contains("newer")) << store.error().message();
    EXPECT_FALSE(Store::open(directory / "missing" / "state.db"));
}

TEST_F(StoreTest, RowsThatMakeNoSenseAreNamed) {
    const auto load = [](const char* kind, const char* document) {
        World empty;
        const auto status = load_rows(empty, {{kind, "k", document}});
        return status ? std::string("none") : status.error().message();
    };
    EXPECT_TRUE(load("task", "{").contains("task k"));
    EXPECT_TRUE(load("task", R"({"arn":7})").contains("task k"));
    EXPECT_TRUE(load("unicorn", "{}").contains("unicorn"));
    EXPECT_EQ(load("task", "{}"), "none"); // fields may be added later
}

} // namespace
} // namespace berth::cluster
