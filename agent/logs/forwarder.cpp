// All containers whose logs are forwarded.
#include "berth/logs/forwarder.hpp"

#include "agent/logs/follower.hpp"
#include "agent/logs/spool_watch.hpp"

#include <map>
#include <optional>

namespace berth::logs {
namespace {

class ForwarderImpl final : public Forwarder {
  public:
    ForwarderImpl(Executor executor, Pool& pool, http::Client& client, Log log)
        : executor_(std::move(executor)), pool_(&pool), client_(&client), log_(std::move(log)) {
        auto opened = SpoolWatch::open(executor_, [this](int watch) { on_growth(watch); });
        if (opened)
            watch_.emplace(std::move(*opened));
        else
            log_.warn("log directories cannot be watched; they are looked at every second",
                      {{"error", opened.error().message()}});
    }
    ~ForwarderImpl() override {
        for (auto& [id, entry] : followed_) entry.follower->drop();
    }

    void follow(ContainerId container, fs::path log_directory, AwslogsTarget target,
                CredentialsSource credentials) override;
    void finish(const ContainerId& container) override {
        if (const auto* entry = find(container)) entry->follower->finish();
    }
    Async<Status> drained(ContainerId container, Deadline deadline) override {
        const auto* entry = find(container);
        if (!entry) co_return Status{};
        const auto follower = entry->follower;
        co_return co_await follower->drained(deadline);
    }
    void drop(const ContainerId& container) override {
        const auto entry = followed_.extract(container);
        if (!entry) return;
        if (entry.mapped().watch >= 0) watch_->remove(entry.mapped().watch);
        entry.mapped().follower->drop();
    }
    std::optional<ForwardStatus> status(const ContainerId& container) const override {
        const auto* entry = find(container);
        if (!entry) return std::nullopt;
        return entry->follower->status();
    }

  private:
    struct Entry {
        std::shared_ptr<Follower> follower;
        int watch = -1;
    };
    const Entry* find(const ContainerId& container) const {
        const auto found = followed_.find(container);
        return found == followed_.end() ? nullptr : &found->second;
    }
    void on_growth(int watch) {
        for (const auto& [id, entry] : followed_)
            if (watch < 0 || entry.watch == watch) entry.follower->wake();
    }
    int watch(const fs::path& log_directory);

    Executor executor_;
    Pool* pool_;
    http::Client* client_;
    Log log_;
    std::map<ContainerId, Entry> followed_;
    std::optional<SpoolWatch> watch_;
};

int ForwarderImpl::watch(const fs::path& log_directory) {
    if (!watch_) return -1;
    // The shim makes it too, but perhaps later.
    if (auto made = make_directories(log_directory, 0700); !made) return -1;
    const auto added = watch_->add(log_directory);
    if (!added)
        log_.warn("a log directory cannot be watched; it is looked at every second",
                  {{"error", added.error().message()}});
    return added.value_or(-1);
}

void ForwarderImpl::follow(ContainerId container, fs::path log_directory, AwslogsTarget target,
                           CredentialsSource credentials) {
    if (followed_.contains(container)) return;
    const int number = watch(log_directory);
    LogStream stream(executor_, *client_, std::move(target), std::move(credentials));
    auto follower = std::make_shared<Follower>(executor_, *pool_, log_.with({{"container", container}}),
                                               std::move(log_directory), std::move(stream));
    if (number < 0) follower->look_by_itself();
    follower->start();
    followed_.emplace(std::move(container), Entry{std::move(follower), number});
}

} // namespace

std::unique_ptr<Forwarder> Forwarder::make(Executor executor, Pool& pool, http::Client& client, Log log) {
    return std::make_unique<ForwarderImpl>(std::move(executor), pool, client, std::move(log));
}

} // namespace berth::logs
