// The program's own log lines, as text or JSON, each in one write(2).
#include "berth/base/log.hpp"

#include "berth/base/json.hpp"
#include "berth/base/time.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>

namespace berth {

namespace {
constexpr std::array<std::string_view, 6> kLevelNames{"debug", "info", "warn", "error", "crit", "none"};

bool needs_quotes(std::string_view value) {
    return value.empty() || std::any_of(value.begin(), value.end(), [](unsigned char c) {
               return c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f;
           });
}

// Go's %q without its Unicode rules: enough that a value can never forge a line or a field.
void append_quoted(std::string& line, std::string_view value) {
    line += '"';
    for (const char c : value) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\')
            (line += '\\') += c;
        else if (c == '\n')
            line += "\\n";
        else if (byte < ' ' || byte == 0x7f)
            line += fmt::format("\\x{:02x}", byte);
        else
            line += c;
    }
    line += '"';
}

void append_field(std::string& line, std::string_view key, std::string_view value) {
    line += ' ';
    line += key;
    line += '=';
    if (needs_quotes(value))
        append_quoted(line, value);
    else
        line += value;
}
} // namespace

Result<LogLevel> parse_log_level(std::string_view text) {
    for (std::size_t i = 0; i < kLevelNames.size(); ++i)
        if (kLevelNames[i] == text) return static_cast<LogLevel>(i);
    return fail(ErrorCode::invalid, "\"{}\" is not a log level; one of debug, info, warn, error, crit, none",
                text.substr(0, 64));
}

LogSink::LogSink(int fd, LogLevel level, LogFormat format) : fd_(fd), level_(level), format_(format) {}

void LogSink::write(LogLevel level, std::string_view message, const LogFields* context,
                    const LogFields& fields) {
    const auto name = kLevelNames[static_cast<std::size_t>(level)];
    const auto time = to_rfc3339(now(), 3);
    std::string line;
    if (format_ == LogFormat::json) {
        Json record{{"level", name}, {"time", time}, {"msg", message}};
        if (context != nullptr)
            for (const auto& field : *context) record[field.key] = field.value;
        for (const auto& field : fields) record[field.key] = field.value;
        line = dump_json(record);
    } else {
        line = fmt::format("level={} time={} msg=", name, time);
        append_quoted(line, message);
        if (context != nullptr)
            for (const auto& field : *context) append_field(line, field.key, field.value);
        for (const auto& field : fields) append_field(line, field.key, field.value);
    }
    line += '\n';
    // A log that cannot be written must not stop the agent.
    [[maybe_unused]] const auto ignored = ::write(fd_, line.data(), line.size());
}

Log Log::to_stderr(LogLevel level, LogFormat format) {
    return Log(std::make_shared<LogSink>(STDERR_FILENO, level, format));
}

Log Log::with(LogFields fields) const {
    Log log(sink_);
    LogFields all = context_ ? *context_ : LogFields{};
    all.insert(all.end(), std::make_move_iterator(fields.begin()), std::make_move_iterator(fields.end()));
    log.context_ = std::make_shared<const LogFields>(std::move(all));
    return log;
}

bool Log::enabled(LogLevel level) const {
    return sink_ && sink_->level() != LogLevel::none && level >= sink_->level();
}

void Log::write(LogLevel level, std::string_view message, const LogFields& fields) const {
    if (enabled(level)) sink_->write(level, message, context_.get(), fields);
}

} // namespace berth
