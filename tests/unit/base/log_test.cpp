// Log lines: format, context, and values that try to forge fields.
#include "berth/base/files.hpp"
#include "berth/base/json.hpp"
#include "berth/base/log.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>

namespace berth {
namespace {

class Capture {
  public:
    Capture() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
        read_.reset(ends[0]);
        write_.reset(ends[1]);
    }
    int fd() const { return write_.get(); }
    std::string text() {
        write_.reset();
        return read_fd(read_.get(), "pipe").value();
    }

  private:
    UniqueFd read_, write_;
};

TEST(Log, TextLineCannotBeForged) {
    Capture capture;
    const Log log =
        Log(std::make_shared<LogSink>(capture.fd(), LogLevel::info, LogFormat::text)).with({{"task", "t1"}});
    log.debug("unseen");
    log.warn("a\nb", {{"value", "x y=\"z\"\n"}, {"number", 7}});
    const auto text = capture.text();
    EXPECT_TRUE(text.starts_with("level=warn time=2")) << text;
    EXPECT_TRUE(text.ends_with(R"( msg="a\nb" task=t1 value="x y=\"z\"\n" number=7)"
                               "\n"))
        << text;
}

TEST(Log, JsonLineIsJson) {
    Capture capture;
    Log(std::make_shared<LogSink>(capture.fd(), LogLevel::debug, LogFormat::json))
        .error("m", {{"k", "\xff"}});
    const auto record = parse_json(capture.text());
    ASSERT_TRUE(record);
    EXPECT_EQ((*record)["level"], "error");
    EXPECT_EQ((*record)["msg"], "m");
}

TEST(Log, Levels) {
    EXPECT_EQ(parse_log_level("warn").value(), LogLevel::warn);
    EXPECT_FALSE(parse_log_level("verbose"));
    EXPECT_FALSE(Log().enabled(LogLevel::crit));
}

} // namespace
} // namespace berth
