// What an AWS service's answer says when it is an error, and whether to try again.
#pragma once

#include "berth/base/http/message.hpp"
#include "berth/base/result.hpp"
#include "berth/base/time.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace berth::aws {

// Code from X-Amzn-ErrorType or the body's __type or code, text from message or Message (reference 1.5).
// The message of the result is "<name>: <text> (HTTP <status>)".
Error service_error(const http::Response& response);

bool is_retryable(const Error& error);
// The signature's time is too far from the service's clock.
bool is_clock_skew(const Error& error);
// The Date header: "Fri, 02 Jan 2026 03:04:05 GMT".
std::optional<Time> parse_http_date(std::string_view text);

// Before the nth retry, counted from 1; random in [0, 1).
std::chrono::nanoseconds retry_delay(int retry, double random);

// Limits the retries of one client while a service is down for all its calls.
class RetryQuota {
  public:
    // What the retry costs; 0: no more retries now.
    int take(const Error& error);
    // After a success: what its retry cost, or 0 when it was the first attempt.
    void give_back(int cost);

  private:
    static constexpr int kCapacity = 500, kRetry = 5, kAfterTimeout = 10;
    int left_ = kCapacity;
};

} // namespace berth::aws
