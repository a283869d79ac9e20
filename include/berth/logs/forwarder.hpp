// Log forwarding: from container spools to CloudWatch Logs (awslogs driver), at least once and in order.
//
// One Forwarder for the agent. Positions reached are kept in a small file beside the spool
// (<container>/log/.forwarded), written after the endpoint has answered, so that a killed agent sends again
// at most one batch. Lives on the event loop.
#pragma once

#include "berth/base/async.hpp"
#include "berth/base/files.hpp"
#include "berth/base/http/client.hpp"
#include "berth/base/ids.hpp"
#include "berth/base/log.hpp"
#include "berth/base/sigv4.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace berth::logs {

// Credentials for one container's logs: its execution role's, or the instance's.
using CredentialsSource = std::function<Async<Result<AwsCredentials>>()>;

struct AwslogsTarget {
    std::string region, group, stream;
    std::string endpoint; // URL; empty: https://logs.<region>.<suffix>
    bool create_group = false, create_stream = true;
    bool non_blocking = false;
};

// From Docker's option names. `defaults` gives region and endpoint when options do not; unknown options,
// a missing group and contradictions are errors that name the option.
Result<AwslogsTarget> parse_awslogs_options(const std::map<std::string, std::string>& options,
                                            const std::string& default_region,
                                            const std::string& default_endpoint,
                                            const std::string& default_stream);

struct ForwardStatus {
    std::uint64_t lines_sent = 0, bytes_sent = 0, lost_segments = 0;
    std::string last_error; // "" while all is well
    bool drained = false;   // everything the container wrote has been delivered
};

class Forwarder {
  public:
    static std::unique_ptr<Forwarder> make(Executor executor, Pool& pool, http::Client& client, Log log);
    virtual ~Forwarder() = default;
    // Starts (or goes on after a restart of the agent) forwarding the spool. Idempotent per container.
    virtual void follow(ContainerId container, fs::path log_directory, AwslogsTarget target,
                        CredentialsSource credentials) = 0;
    // The container has ended: deliver what is left, then stop following.
    virtual void finish(const ContainerId& container) = 0;
    // Completes when everything has been delivered or the deadline has passed.
    virtual Async<Status> drained(ContainerId container, Deadline deadline) = 0;
    // Forget a container whose files are about to be removed.
    virtual void drop(const ContainerId& container) = 0;
    virtual std::optional<ForwardStatus> status(const ContainerId& container) const = 0;
};

// Cuts lines into PutLogEvents batches: at most 10,000 events, 1,048,576 bytes counting 26 per event, 24 h of
// span; events over 262,118 bytes are split on code-point borders; empty messages are not sent. Pure.
struct LogEvent {
    std::int64_t timestamp_ms = 0;
    std::string message;
};
std::vector<std::vector<LogEvent>> make_batches(std::vector<LogEvent> events);

} // namespace berth::logs
