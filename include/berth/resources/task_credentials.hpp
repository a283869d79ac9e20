// Role credentials of tasks, as the control plane sends them. In memory only, keyed by credentials id: an id
// is a bearer secret and is never logged. Event loop only.
#pragma once

#include "berth/base/ids.hpp"
#include "berth/base/result.hpp"
#include "berth/base/sigv4.hpp"

#include <string>
#include <unordered_map>

namespace berth::resources {

class TaskCredentialStore {
  public:
    void put(const std::string& id, AwsCredentials credentials) {
        by_id_.insert_or_assign(id, std::move(credentials));
    }
    void remove(const std::string& id) { by_id_.erase(id); }
    Result<AwsCredentials> get(const std::string& id, const TaskArn& task) const {
        const auto found = by_id_.find(id);
        if (found == by_id_.end())
            return fail(ErrorCode::auth, "the control plane has not sent the role credentials of task {} yet",
                        task);
        return found->second;
    }

  private:
    std::unordered_map<std::string, AwsCredentials> by_id_;
};

} // namespace berth::resources
