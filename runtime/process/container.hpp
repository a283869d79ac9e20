// Container: the Created of this library, with what the command line wants to know beyond the contract.
#pragma once

#include "berth/runtime/container.hpp"

#include "runtime/process/plan.hpp"

#include <memory>

namespace berth::runtime {

class Birth;
class MadeCgroup;

class Container final : public Created {
  public:
    Container(LaunchPlan plan, std::unique_ptr<MadeCgroup> cgroup, std::unique_ptr<Birth> birth,
              UniqueFd channel);
    ~Container() override;

    int pid() const override { return pid_; }
    int pidfd() const override;
    const std::string& cgroup_path() const override { return plan_.cgroup_path; }
    const std::vector<std::string>& warnings() const override { return plan_.spec.warnings; }
    Status start() override;
    void leave() override;
    const Spec& spec() const { return plan_.spec; }
    const std::string& root() const { return plan_.root; }

  private:
    LaunchPlan plan_;
    std::unique_ptr<MadeCgroup> cgroup_; // outlives the process, which must be gone before its removal
    std::unique_ptr<Birth> birth_;
    int pid_;
    UniqueFd channel_;
};

Result<std::unique_ptr<Container>> create_container(const CreateOptions& options);

} // namespace berth::runtime
