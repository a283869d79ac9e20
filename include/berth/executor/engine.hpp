// The engine at work: the core's decisions carried out on this host, and what happened fed back.
//
// Every event goes the same way: step() decides, the store commits, and only then the effects are carried
// out. Start-up and recovery are one: recover() loads the store, looks at what really runs and goes on.
// Lives on the event loop; blocking work goes to the pool.
#pragma once

#include "berth/base/async.hpp"
#include "berth/base/files.hpp"
#include "berth/base/log.hpp"
#include "berth/engine/core.hpp"
#include "berth/images/images.hpp"
#include "berth/logs/forwarder.hpp"
#include "berth/network/network.hpp"
#include "berth/state/store.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace berth::executor {

struct Settings {
    fs::path data_dir; // containers/, volumes/ and more are below it
    fs::path shim_program;
    std::string cgroup_parent = "ecs"; // tasks are at <parent>/<task id>/<container id>
    std::string shim_cgroup;           // where shims put themselves; empty: they stay where the agent is
    std::string region;
    bool prefer_cached = false; // ECS_IMAGE_PULL_BEHAVIOR prefer-cached, and once
    std::chrono::nanoseconds start_timeout{std::chrono::minutes(3)};
    std::uint64_t log_segment_bytes = std::uint64_t{16} << 20;
    int log_segments = 4;
};

// The other rooms, all owned by the composition root and outliving the engine.
struct Parts {
    Executor executor;
    Pool* pool = nullptr;
    state::Store* store = nullptr;
    images::ImageService* images = nullptr;
    network::Network* network = nullptr;
    logs::Forwarder* forwarder = nullptr;
    Log log;
    // Registry credentials for one container, by its registryAuthentication or the agent's configuration.
    std::function<Async<Result<images::RegistryLogin>>(engine::TaskSpec, std::string container)> login;
    // Where a container's output goes besides the spool; nullopt: nowhere else. An error refuses the
    // container.
    std::function<Result<std::optional<logs::AwslogsTarget>>(const engine::TaskSpec&,
                                                             const engine::ContainerSpec&)>
        log_target;
    std::function<logs::CredentialsSource(const engine::TaskSpec&, const engine::ContainerSpec&)>
        log_credentials;
    // Tells the control plane; resumes when it has answered. An error other than cancelled: refused for good.
    std::function<Async<Status>(engine::StateChange)> submit;
};

class Engine {
  public:
    static std::unique_ptr<Engine> make(Parts parts, Settings settings, engine::EngineOptions options,
                                        engine::HostResources host);
    virtual ~Engine() = default;

    // Loads the store and reconciles it with the host. Call once, before anything else.
    virtual Async<Status> recover() = 0;
    // Resumes when the payload is committed.
    virtual Async<Status> deliver(engine::PayloadReceived payload) = 0;
    virtual Async<Status> stop_task(TaskArn task, std::string reason) = 0;
    virtual const engine::EngineState& state() const = 0;
    virtual fs::path log_directory(const ContainerId& container) const = 0;
    // Called after every step with the tasks that changed: for listeners such as `berth run`.
    virtual void on_change(std::function<void(const std::vector<TaskArn>&)> listener) = 0;
    // No new effects; containers keep running. Resumes when commits under way are done.
    virtual Async<void> stop() = 0;
};

} // namespace berth::executor
