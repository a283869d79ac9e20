// JSON limits and typed access.
#include "berth/base/json.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {

TEST(Json, LimitsAreErrors) {
    EXPECT_EQ(parse_json(std::string(100, '['), {.max_bytes = 1000, .max_depth = 64}).error().code(),
              ErrorCode::limit);
    EXPECT_EQ(parse_json("{}", {.max_bytes = 1}).error().code(), ErrorCode::limit);
    EXPECT_TRUE(parse_json(std::string(64, '[') + std::string(64, ']')));
    const auto bad = parse_json(R"({"a": })");
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().message(), "not valid JSON at byte 7");
    EXPECT_FALSE(parse_json("{} x"));
    EXPECT_FALSE(parse_json(""));
}

TEST(Json, AccessorsNameTheField) {
    const auto json =
        parse_json(R"({"cpu":"two","n":1.5,"whole":5.0,"list":["a",1],"null":null,"big":18446744073709551615,
                                     "map":{"k":1},"s":"x","b":true})")
            .value();
    const JsonReader reader(json, "containers[1]");
    EXPECT_EQ(reader.integer("cpu").error().message(),
              "containers[1].cpu: expected a whole number, got a string");
    EXPECT_FALSE(reader.integer("n"));
    EXPECT_EQ(reader.integer("whole").value(), 5);
    EXPECT_FALSE(reader.integer("big"));
    EXPECT_EQ(reader.strings("list").error().message(),
              "containers[1].list[1]: expected a string, got a number");
    EXPECT_EQ(reader.string_map("map").error().message(),
              "containers[1].map.k: expected a string, got a number");
    EXPECT_FALSE(reader.string("null").value());
    EXPECT_EQ(reader.required_string("missing").error().message(), "containers[1].missing: missing");
    EXPECT_EQ(reader.required_string("s").value(), "x");
    EXPECT_EQ(reader.boolean("b").value(), true);
    EXPECT_FALSE(reader.object("s"));
}

TEST(Json, CaseCanBeIgnored) {
    const auto json = parse_json(R"({"HealthCheck":{"Test":[]}})").value();
    EXPECT_EQ(JsonReader(json).object("Healthcheck").value(), nullptr);
    EXPECT_NE(JsonReader(json, "", true).object("Healthcheck").value(), nullptr);
}

TEST(Json, DumpReplacesInvalidUtf8) { EXPECT_EQ(dump_json(Json(std::string("a\xff"))), "\"a\xef\xbf\xbd\""); }

} // namespace
} // namespace berth
