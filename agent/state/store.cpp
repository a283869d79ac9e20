// The store's thread: takes everything that waits and commits it as one transaction, in order.
#include "berth/state/store.hpp"

#include "agent/state/database.hpp"
#include "agent/state/lock.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace berth::state {

namespace {

struct Request {
    Changes changes;
    std::move_only_function<void(Status)> done;
};

class SqliteStore final : public Store {
  public:
    SqliteStore(Executor executor, UniqueFd lock, Database database)
        : executor_(std::move(executor)), lock_(std::move(lock)), database_(std::move(database)),
          thread_([this] { work(); }) {}

    ~SqliteStore() override {
        {
            const std::lock_guard guard(mutex_);
            closing_ = true;
        }
        wake_.notify_one();
        thread_.join();
    }

    Result<Contents> load() override { return database_.load(); }
    Async<Status> commit(Changes changes) override;

  private:
    void work();
    void enqueue(Request request);
    Status write(const std::vector<Request>& group);

    Executor executor_;
    UniqueFd lock_;
    Database database_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<Request> waiting_; // guarded by mutex_
    bool closing_ = false;         // guarded by mutex_
    std::thread thread_;           // last: it uses all of the above
};

Async<Status> SqliteStore::commit(Changes changes) {
    auto initiate = [this, changes = std::move(changes)](auto handler) mutable {
        auto executor = asio::prefer(asio::get_associated_executor(handler, executor_),
                                     asio::execution::outstanding_work.tracked);
        auto done = [handler = std::move(handler), executor = std::move(executor)](Status status) mutable {
            asio::post(executor, [handler = std::move(handler), status = std::move(status)]() mutable {
                std::move(handler)(std::move(status));
            });
        };
        enqueue({std::move(changes), std::move(done)});
    };
    co_return co_await asio::async_initiate<decltype(asio::use_awaitable), void(Status)>(std::move(initiate),
                                                                                         asio::use_awaitable);
}

void SqliteStore::enqueue(Request request) {
    {
        const std::lock_guard guard(mutex_);
        waiting_.push_back(std::move(request));
    }
    wake_.notify_one();
}

void SqliteStore::work() {
    for (;;) {
        std::vector<Request> group;
        {
            std::unique_lock guard(mutex_);
            wake_.wait(guard, [this] { return closing_ || !waiting_.empty(); });
            if (waiting_.empty()) return;
            group.swap(waiting_);
        }
        const auto status = write(group);
        for (auto& request : group) request.done(status);
    }
}

Status SqliteStore::write(const std::vector<Request>& group) {
    if (std::ranges::all_of(group, [](const Request& request) { return request.changes.empty(); })) return {};
    auto status = database_.begin();
    for (const auto& request : group)
        if (status) status = database_.apply(request.changes);
    if (status) status = database_.commit();
    if (!status) database_.roll_back();
    return status;
}

} // namespace

Result<std::unique_ptr<Store>> Store::open(Executor executor, const fs::path& directory) {
    if (auto made = make_directories(directory, 0700); !made)
        return fail(std::move(made.error()), "data directory");
    auto lock = take_lock(directory / "berth.lock");
    if (!lock) return std::unexpected(std::move(lock.error()));
    auto database = Database::open(directory / "berth.db");
    if (!database) return std::unexpected(std::move(database.error()));
    return std::make_unique<SqliteStore>(std::move(executor), std::move(*lock), std::move(*database));
}

} // namespace berth::state
