// Docker's awslogs options.
#include "berth/logs/forwarder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::logs {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using Options = std::map<std::string, std::string>;

Result<AwslogsTarget> parse(Options options) {
    options.try_emplace("awslogs-group", "/web");
    return parse_awslogs_options(options, "us-west-2", "http://127.0.0.1:4566", "web/app/0f1e2d");
}

TEST(AwslogsOptions, DefaultsComeFromTheHost) {
    const auto target = parse({});
    ASSERT_TRUE(target);
    EXPECT_EQ(target->group, "/web");
    EXPECT_EQ(target->region, "us-west-2");
    EXPECT_EQ(target->stream, "web/app/0f1e2d");
    EXPECT_EQ(target->endpoint, "http://127.0.0.1:4566");
    EXPECT_FALSE(target->create_group);
    EXPECT_TRUE(target->create_stream);
    EXPECT_FALSE(target->non_blocking);
}

TEST(AwslogsOptions, AllOfThem) {
    const auto target = parse({{"awslogs-region", "eu-west-1"},
                               {"awslogs-group", "g"},
                               {"awslogs-stream", "s"},
                               {"awslogs-stream-prefix", "p"},
                               {"awslogs-create-group", "True"},
                               {"awslogs-create-stream", "1"},
                               {"awslogs-endpoint", "https://logs.example"},
                               {"awslogs-force-flush-interval-seconds", "5"},
                               {"awslogs-max-buffered-events", "100"},
                               {"mode", "non-blocking"},
                               {"max-buffer-size", "10m"}});
    ASSERT_TRUE(target) << target.error().message();
    EXPECT_EQ(target->region, "eu-west-1");
    EXPECT_EQ(target->group, "g");
    EXPECT_EQ(target->stream, "s");
    EXPECT_EQ(target->endpoint, "https://logs.example");
    EXPECT_TRUE(target->create_group);
    EXPECT_TRUE(target->non_blocking);
}

TEST(AwslogsOptions, ErrorsNameTheOption) {
    const std::vector<std::tuple<Options, std::string, std::string>> table{
        {{{"awslogs-group", ""}}, "awslogs-group", "missing"},
        {{{"awslogs-group", "a:b"}}, "awslogs-group", "':'"},
        {{{"awslogs-group", std::string(513, 'x')}}, "awslogs-group", "512"},
        {{{"awslogs-stream", "a*b"}}, "awslogs-stream", "'*'"},
        {{{"awslogs-create-group", "yes"}}, "awslogs-create-group", "yes"},
        {{{"awslogs-create-stream", "2"}}, "awslogs-create-stream", "2"},
        {{{"awslogs-create-group", "true"}, {"awslogs-create-stream", "false"}},
         "awslogs-create-stream",
         "contradicts"},
        {{{"awslogs-endpoint", "logs.example"}}, "awslogs-endpoint", "URL"},
        {{{"awslogs-endpoint", "ws://logs.example"}}, "awslogs-endpoint", "URL"},
        {{{"awslogs-datetime-format", "%Y"}}, "awslogs-datetime-format", "not supported by this version"},
        {{{"awslogs-multiline-pattern", "^x"}}, "awslogs-multiline-pattern", "not supported by this version"},
        {{{"tag", "x"}}, "tag", "not supported by this version"},
        {{{"awslogs-gruop", "x"}}, "awslogs-gruop", "unknown"},
        {{{"awslogs-max-buffered-events", "0"}}, "awslogs-max-buffered-events", "positive"},
        {{{"awslogs-force-flush-interval-seconds", "5s"}}, "awslogs-force-flush-interval-seconds", "5s"},
        {{{"mode", "fast"}}, "mode", "fast"},
        {{{"max-buffer-size", "1m"}}, "max-buffer-size", "non-blocking"},
        {{{"mode", "non-blocking"}, {"max-buffer-size", "big"}}, "max-buffer-size", "big"},
        {{{"mode", "non-blocking"}, {"max-buffer-size", "0m"}}, "max-buffer-size", "0m"},
    };
    for (const auto& [options, name, why] : table) {
        const auto target = parse(options);
        ASSERT_FALSE(target) << name;
        EXPECT_EQ(target.error().code(), ErrorCode::invalid);
        EXPECT_THAT(target.error().message(), AllOf(HasSubstr(name), HasSubstr(why)));
    }
}

TEST(AwslogsOptions, RegionAndStreamMustComeFromSomewhere) {
    const Options options{{"awslogs-group", "g"}};
    EXPECT_THAT(parse_awslogs_options(options, "", "", "s").error().message(), HasSubstr("awslogs-region"));
    EXPECT_THAT(parse_awslogs_options(options, "r", "", "").error().message(), HasSubstr("awslogs-stream"));
    EXPECT_TRUE(parse_awslogs_options(options, "r", "", "s"));
}

} // namespace
} // namespace berth::logs
