// Downloading layers, resumed where a connection broke, verified before anybody sees them.
#include "agent/images/layer_download.hpp"

#include "berth/base/scope_exit.hpp"

#include "agent/images/layer_unpack.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <array>
#include <utility>

namespace berth::images {

namespace {

constexpr std::size_t kBuffer = 256 << 10;
// After so much more has arrived, a cut connection counts as a first failure again.
constexpr std::uint64_t kProgress = 1 << 20;

// What one filling of a buffer brought.
struct Filled {
    std::size_t bytes = 0;
    bool end = false;
    std::optional<Error> problem; // after `bytes`
};

Async<Filled> fill(Body body, std::span<std::byte> buffer, std::chrono::nanoseconds inactivity,
                   Deadline deadline) {
    Filled filled;
    while (filled.bytes < buffer.size() && !filled.end) {
        auto got =
            co_await body->read(buffer.subspan(filled.bytes), std::min(deadline, deadline_in(inactivity)));
        if (!got) {
            filled.problem = std::move(got.error());
            co_return filled;
        }
        filled.bytes += *got;
        filled.end = *got == 0;
    }
    co_return filled;
}

Error given_up() { return {ErrorCode::cancelled, "given up because another layer of the image failed"}; }

// Whether somebody with another source has a chance where this one failed.
bool lies_with_the_source(const Error& error) { return error.code() != ErrorCode::no_space; }

} // namespace

// One layer under way. The pool's jobs hold it too.
struct LayerDownloads::Transfer {
    LayerRequest request;
    std::shared_ptr<Flight> flight;
    Retry retry;
    fs::path directory;
    std::unique_ptr<LayerUnpack> unpack;
    std::array<std::vector<std::byte>, 2> buffers;
    std::uint64_t received = 0;
    std::uint64_t received_at_reset = 0;

    Transfer(LayerRequest request_, std::shared_ptr<Flight> flight_, RetryPolicy policy, fs::path directory_)
        : request(std::move(request_)), flight(std::move(flight_)), retry(policy),
          directory(std::move(directory_)) {
        buffers.fill(std::vector<std::byte>(kBuffer));
    }
    void report(bool complete) const {
        const PullProgress progress{.layer = request.descriptor.digest,
                                    .done = received,
                                    .total = request.descriptor.size,
                                    .complete = complete};
        for (const auto& listener : flight->listeners) listener(progress);
    }
};

Async<Status> LayerDownloads::ensure(LayerRequest request) {
    const auto diff_id = request.diff_id;
    const PullProgress present{.layer = request.descriptor.digest,
                               .done = request.descriptor.size,
                               .total = request.descriptor.size,
                               .complete = true};
    for (;;) {
        if (store_->has_layer(diff_id)) {
            request.on_progress(present);
            co_return Status{};
        }
        const auto other = flights_.find(diff_id);
        if (other == flights_.end()) break;
        const auto flight = other->second;
        flight->listeners.push_back(request.on_progress);
        co_await flight->done.wait();
        if (!flight->done.happened())
            co_return fail(ErrorCode::cancelled, "waiting for the layer was cancelled");
        if (flight->result) co_return Status{};
        if (*request.given_up) co_return fail(given_up());
        const auto& error = flight->result.error();
        if (error.code() == ErrorCode::cancelled) continue; // the other's image failed; this one goes on
        if (flight->source == request.source.key() || !lies_with_the_source(error)) co_return fail(error);
    }
    auto flight = std::make_shared<Flight>(executor_, request.source.key());
    flight->listeners.push_back(request.on_progress);
    flights_.emplace(diff_id, flight);
    ScopeExit land([this, &diff_id, &flight] {
        flights_.erase(diff_id);
        flight->done.set();
    });
    flight->result = fail(ErrorCode::internal, "the download was interrupted");
    flight->result = co_await download(std::move(request), flight);
    co_return flight->result;
}

Async<Status> LayerDownloads::download(LayerRequest request, std::shared_ptr<Flight> flight) {
    const auto slot = co_await slots_.acquire();
    if (*request.given_up) co_return fail(given_up());
    const auto digest = request.descriptor.digest;
    auto work = std::make_shared<Transfer>(std::move(request), std::move(flight), registry_->options().retry,
                                           store_->temporary());
    auto result = co_await transfer(work);
    // A committed layer has been renamed away: then there is nothing left to remove.
    auto clean = [work] {
        work->unpack.reset();
        return remove_tree(work->directory);
    };
    if (auto cleaned = co_await offload(*pool_, std::move(clean)); !cleaned && result)
        result = std::move(cleaned);
    if (!result) co_return fail(std::move(result.error()), "layer {}", digest);
    work->report(true);
    co_return Status{};
}

Async<Status> LayerDownloads::transfer(std::shared_ptr<Transfer> work) {
    auto begin = [work]() -> Status {
        auto unpack = LayerUnpack::begin(work->directory, LayerLimits{});
        if (!unpack) return std::unexpected(std::move(unpack.error()));
        work->unpack = std::move(*unpack);
        return {};
    };
    if (auto begun = co_await offload(*pool_, std::move(begin)); !begun) co_return begun;
    if (auto received = co_await receive(work); !received) co_return received;

    auto finish = [work, store = store_]() -> Status {
        const auto& request = work->request;
        auto layer = work->unpack->finish();
        if (!layer) return std::unexpected(std::move(layer.error()));
        if (layer->digest != request.descriptor.digest)
            return fail(ErrorCode::protocol, "the registry sent other content: expected {}, got {}",
                        request.descriptor.digest, layer->digest);
        if (layer->diff_id != request.diff_id)
            return fail(ErrorCode::protocol,
                        "its uncompressed content is not what the image's config says: "
                        "expected {}, got {}",
                        request.diff_id, layer->diff_id);
        return store->commit_layer(request.diff_id, work->directory, layer->contents);
    };
    co_return co_await offload(*pool_, std::move(finish));
}

// Until all bytes have arrived and are unpacked.
Async<Status> LayerDownloads::receive(std::shared_ptr<Transfer> work) {
    using asio::experimental::awaitable_operators::operator&&;
    const auto size = work->request.descriptor.size;
    const auto inactivity = registry_->options().inactivity_timeout;
    const auto deadline = work->request.deadline;
    Body body;
    std::size_t ready = 0, current = 0; // bytes of the current buffer that wait to be unpacked
    while (work->received < size || ready > 0) {
        if (*work->request.given_up) co_return fail(given_up());
        Filled filled;
        Status fed;
        const std::string_view chunk(reinterpret_cast<const char*>(work->buffers[current].data()), ready);
        auto feed = [work, chunk] { return work->unpack->feed(chunk); };
        if (work->received == size) {
            fed = co_await offload(*pool_, std::move(feed));
            ready = 0;
            if (!fed) co_return fed;
            continue;
        }
        if (!body) {
            auto opened = co_await open(work);
            if (!opened) {
                if (co_await work->retry.again(opened.error(), deadline)) continue;
                co_return std::unexpected(std::move(opened.error().error));
            }
            body = std::move(*opened);
        }
        auto reading = fill(body, work->buffers[1 - current], inactivity, deadline);
        if (ready > 0) {
            auto feeding = offload(*pool_, std::move(feed));
            std::tie(filled, fed) = co_await (std::move(reading) && std::move(feeding));
            if (!fed) co_return fed;
        } else {
            filled = co_await std::move(reading);
        }
        current = 1 - current;
        ready = filled.bytes;
        work->received += ready;
        if (work->received > size)
            co_return fail(ErrorCode::protocol, "the registry sends more than the {} bytes the manifest says",
                           size);
        if (filled.end && work->received < size)
            filled.problem = Error(ErrorCode::io,
                                   fmt::format("the answer ends after {} of {} bytes", work->received, size));
        if (ready > 0) work->report(false);
        if (work->received - work->received_at_reset >= kProgress) {
            work->received_at_reset = work->received;
            work->retry.reset();
        }
        if (!filled.problem) continue;
        body.reset();
        Refusal refusal{.error = *filled.problem, .retry_after = std::nullopt};
        if (!co_await work->retry.again(std::move(refusal), deadline))
            co_return fail(std::move(*filled.problem));
    }
    co_return Status{};
}

// The blob from where we are.
Async<Answer<Body>> LayerDownloads::open(std::shared_ptr<Transfer> work) {
    const auto& request = work->request;
    auto opened = co_await registry_->open_blob(request.source, request.descriptor.digest, work->received,
                                                request.deadline);
    if (!opened || work->received == 0 || (*opened)->status() == 206) co_return opened;
    // Ranges are not supported there: the beginning comes once more.
    if (auto skipped = co_await skip(*opened, work->received, request.deadline); !skipped)
        co_return refuse(std::move(skipped.error()));
    co_return opened;
}

Async<Status> LayerDownloads::skip(Body body, std::uint64_t count, Deadline deadline) {
    std::vector<std::byte> buffer(kBuffer);
    while (count > 0) {
        const auto part = std::min<std::uint64_t>(count, buffer.size());
        const auto got = co_await body->read(std::span(buffer).first(part), registry_->next_byte(deadline));
        if (!got) co_return std::unexpected(got.error());
        if (*got == 0) co_return fail(ErrorCode::io, "the answer ends before the bytes that are wanted");
        count -= *got;
    }
    co_return Status{};
}

} // namespace berth::images
