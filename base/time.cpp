// Timestamps and durations in the formats of RFC 3339, the AWS protocols and Go.
#include "berth/base/time.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>

namespace berth {

using std::chrono::duration_cast;
using std::chrono::nanoseconds;

std::string to_rfc3339(Time time, int fraction_digits) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(time - day);
    auto text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                            static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                            clock.hours().count(), clock.minutes().count(), clock.seconds().count());
    if (fraction_digits > 0)
        text += fmt::format(".{:09}", clock.subseconds().count())
                    .substr(0, 1 + static_cast<std::size_t>(fraction_digits));
    return text + "Z";
}

namespace {
// Reads exactly `digits` digits at `at` and moves on.
bool read_digits(std::string_view text, std::size_t& at, std::size_t digits, int& value) {
    if (at + digits > text.size()) return false;
    value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
        const char c = text[at + i];
        if (c < '0' || c > '9') return false;
        value = value * 10 + (c - '0');
    }
    at += digits;
    return true;
}
bool read_char(std::string_view text, std::size_t& at, char expected) {
    if (at >= text.size() || text[at] != expected) return false;
    ++at;
    return true;
}
} // namespace

Result<Time> parse_rfc3339(std::string_view text) {
    const auto bad = [&] {
        return fail(ErrorCode::invalid, "\"{}\" is not an RFC 3339 time", text.substr(0, 64));
    };
    std::size_t at = 0;
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    if (!(read_digits(text, at, 4, year) && read_char(text, at, '-') && read_digits(text, at, 2, month) &&
          read_char(text, at, '-') && read_digits(text, at, 2, day)))
        return bad();
    if (at >= text.size() || (text[at] != 'T' && text[at] != 't' && text[at] != ' ')) return bad();
    ++at;
    if (!(read_digits(text, at, 2, hour) && read_char(text, at, ':') && read_digits(text, at, 2, minute) &&
          read_char(text, at, ':') && read_digits(text, at, 2, second)))
        return bad();
    std::int64_t fraction = 0;
    if (read_char(text, at, '.')) {
        std::int64_t scale = 100'000'000;
        const std::size_t first = at;
        for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10)
            fraction += (text[at] - '0') * scale;
        if (at == first) return bad();
    }
    std::chrono::minutes zone{0};
    if (!read_char(text, at, 'Z') && !read_char(text, at, 'z')) {
        const bool east = at < text.size() && text[at] == '+';
        if (!east && (at >= text.size() || text[at] != '-')) return bad();
        ++at;
        int zone_hour = 0, zone_minute = 0;
        if (!(read_digits(text, at, 2, zone_hour) && read_char(text, at, ':') &&
              read_digits(text, at, 2, zone_minute)))
            return bad();
        zone = std::chrono::minutes((zone_hour * 60 + zone_minute) * (east ? 1 : -1));
    }
    const std::chrono::year_month_day date(std::chrono::year(year),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day)));
    // 1677..2262 is what nanoseconds in 64 bits can hold.
    if (at != text.size() || !date.ok() || year < 1678 || year > 2261 || hour > 23 || minute > 59 ||
        second > 60)
        return bad();
    return Time(std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
                std::chrono::seconds(second) + nanoseconds(fraction) - zone);
}

double to_epoch_seconds(Time time) {
    const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
    return static_cast<double>(milliseconds.count()) / 1000.0;
}

Time from_epoch_seconds(double seconds) {
    constexpr double kMost = 9'000'000'000.0;
    if (!(seconds > -kMost && seconds < kMost)) return Time{};
    return Time(nanoseconds(std::llround(seconds * 1000.0) * 1'000'000));
}

Result<nanoseconds> parse_go_duration(std::string_view text) {
    const auto bad = [&] {
        return fail(ErrorCode::invalid, "\"{}\" is not a duration; write for example 90s, 10m or 1h30m",
                    text.substr(0, 64));
    };
    std::string_view rest = text;
    bool negative = false;
    if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) {
        negative = rest[0] == '-';
        rest.remove_prefix(1);
    }
    if (rest == "0") return nanoseconds(0);
    if (rest.empty()) return bad();
    long double total = 0;
    while (!rest.empty()) {
        std::size_t digits = 0;
        bool any = false, dot = false;
        while (digits < rest.size() &&
               ((rest[digits] >= '0' && rest[digits] <= '9') || (rest[digits] == '.' && !dot))) {
            if (rest[digits] == '.')
                dot = true;
            else
                any = true;
            ++digits;
        }
        if (!any || digits > 20) return bad();
        double value = 0;
        const auto number = rest.substr(0, digits);
        if (std::from_chars(number.data(), number.data() + number.size(), value).ec != std::errc{})
            return bad();
        rest.remove_prefix(digits);
        std::size_t letters = 0;
        while (letters < rest.size() && rest[letters] != '.' &&
               !(rest[letters] >= '0' && rest[letters] <= '9'))
            ++letters;
        const auto unit = rest.substr(0, letters);
        long double scale = 0;
        if (unit == "ns")
            scale = 1;
        else if (unit == "us" || unit == "\xc2\xb5s" || unit == "\xce\xbcs")
            scale = 1e3L;
        else if (unit == "ms")
            scale = 1e6L;
        else if (unit == "s")
            scale = 1e9L;
        else if (unit == "m")
            scale = 60e9L;
        else if (unit == "h")
            scale = 3600e9L;
        else
            return bad();
        rest.remove_prefix(letters);
        total += static_cast<long double>(value) * scale;
    }
    if (total > static_cast<long double>(std::numeric_limits<std::int64_t>::max())) return bad();
    const auto count = static_cast<std::int64_t>(total);
    return nanoseconds(negative ? -count : count);
}

} // namespace berth
