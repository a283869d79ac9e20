// Tells which log directories grow. One inotify instance for all of them: a user has few.
#pragma once

#include "berth/base/async.hpp"
#include "berth/base/files.hpp"

#include <functional>
#include <memory>

namespace berth::logs {

// Event loop only.
class SpoolWatch {
  public:
    // Called with the number that add() gave, some 100 ms after the first write: a container that writes
    // thousands of lines a second must not wake the agent as often. -1: any of them, events were lost.
    using OnGrowth = std::function<void(int)>;

    static Result<SpoolWatch> open(Executor executor, OnGrowth on_growth);
    ~SpoolWatch();
    SpoolWatch(SpoolWatch&&) noexcept = default;
    SpoolWatch& operator=(SpoolWatch&&) = delete;

    Result<int> add(const fs::path& log_directory);
    void remove(int watch);

  private:
    struct State;
    explicit SpoolWatch(std::shared_ptr<State> state) : state_(std::move(state)) {}
    static Async<void> run(std::shared_ptr<State> state);
    static void report(State& state);

    std::shared_ptr<State> state_;
};

} // namespace berth::logs
