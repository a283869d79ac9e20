// One log stream of CloudWatch Logs, made when it is missing.
#pragma once

#include "berth/aws/aws.hpp"
#include "berth/logs/forwarder.hpp"

#include <vector>

namespace berth::logs {

struct Delivered {
    std::uint64_t events = 0, bytes = 0; // of the messages
    std::uint64_t refused = 0;           // events that the service thinks too old or too new to keep
};

// Event loop only; must outlive its calls.
class LogStream {
  public:
    LogStream(Executor executor, http::Client& client, AwslogsTarget target, CredentialsSource credentials);

    // It was there when something was delivered before, so it is not made before it is found missing.
    void assume_created() { created_ = true; }
    // One attempt. ErrorCode::invalid: the service will never take this batch.
    Async<Result<Delivered>> put(std::vector<LogEvent> batch);

  private:
    Async<Status> create();
    Async<Result<Json>> call(std::string operation, Json input);

    AwslogsTarget target_;
    aws::JsonClient client_;
    bool created_ = false;
};

} // namespace berth::logs
