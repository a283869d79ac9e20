// The program's own log: one line per event, `level=info time=… msg="…" key=value`, or JSON.
//
// A Log is a small value: a sink shared with the rest of the program and the context (task, container) that
// is added to each line. Thread-safe. Secrets never go in: the caller passes names, not values.
#pragma once

#include "berth/base/result.hpp"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth {

enum class LogLevel : std::uint8_t { debug, info, warn, error, crit, none };
enum class LogFormat : std::uint8_t { text, json };

Result<LogLevel> parse_log_level(std::string_view text);

struct LogField {
    std::string key;
    std::string value;
    template <class T>
    LogField(std::string k, const T& v) : key(std::move(k)), value(fmt::format("{}", v)) {}
};
using LogFields = std::vector<LogField>;

class LogSink; // where lines go; see log.cpp

class Log {
  public:
    Log() = default; // says nothing
    explicit Log(std::shared_ptr<LogSink> sink) : sink_(std::move(sink)) {}
    static Log to_stderr(LogLevel level, LogFormat format = LogFormat::text);

    // The same sink, with more context.
    Log with(LogFields fields) const;
    bool enabled(LogLevel level) const;
    void write(LogLevel level, std::string_view message, const LogFields& fields = {}) const;

    void debug(std::string_view message, const LogFields& fields = {}) const {
        write(LogLevel::debug, message, fields);
    }
    void info(std::string_view message, const LogFields& fields = {}) const {
        write(LogLevel::info, message, fields);
    }
    void warn(std::string_view message, const LogFields& fields = {}) const {
        write(LogLevel::warn, message, fields);
    }
    void error(std::string_view message, const LogFields& fields = {}) const {
        write(LogLevel::error, message, fields);
    }
    void crit(std::string_view message, const LogFields& fields = {}) const {
        write(LogLevel::crit, message, fields);
    }

  private:
    std::shared_ptr<LogSink> sink_;
    std::shared_ptr<const LogFields> context_;
};

// Where lines go. Thread-safe.
class LogSink {
  public:
    LogSink(int fd, LogLevel level, LogFormat format);
    LogLevel level() const { return level_; }
    void write(LogLevel level, std::string_view message, const LogFields* context, const LogFields& fields);

  private:
    int fd_; // borrowed, normally standard error
    LogLevel level_;
    LogFormat format_;
};

} // namespace berth
