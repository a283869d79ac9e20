// The durable store: one SQLite file (WAL, synchronous=FULL) in the data directory.
//
// Keeps tasks (as JSON of engine::TaskState) and a few facts about the agent. Commits run on a thread of the
// store's own in the order given, several waiting ones in one transaction. Schema versions are in PRAGMA
// user_version.
#pragma once

#include "berth/base/async.hpp"
#include "berth/base/files.hpp"
#include "berth/base/result.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace berth::state {

// Changes that belong together. An empty optional deletes.
struct Changes {
    std::vector<std::pair<std::string, std::optional<std::string>>> tasks; // task ARN → JSON
    std::vector<std::pair<std::string, std::optional<std::string>>>
        facts; // "cluster", "container-instance-arn", …
    bool empty() const { return tasks.empty() && facts.empty(); }
};

struct Contents {
    std::map<std::string, std::string> tasks, facts;
};

class Store {
  public:
    // Creates or opens <directory>/berth.db and takes the lock (a second agent fails at once and says who
    // holds it). A corrupt file is an error that says what to do; nothing is deleted.
    static Result<std::unique_ptr<Store>> open(Executor executor, const fs::path& directory);
    virtual ~Store() = default; // waits for commits under way
    virtual Result<Contents> load() = 0;
    // Resumes when the changes are on disk.
    virtual Async<Status> commit(Changes changes) = 0;
};

} // namespace berth::state
