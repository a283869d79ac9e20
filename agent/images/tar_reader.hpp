// A tar archive, understood as its bytes arrive: ustar, pax, GNU and old GNU, sparse files included.
//
// An own reader instead of libarchive, for two reasons. libarchive asks for bytes by a callback that must
// block: each layer of a slow registry would hold a thread of the pool while it waits. And its static archive
// pulls five libraries, ACLs and XML among them, into a program that has to run on other distributions.
#pragma once

#include "berth/base/result.hpp"

#include "agent/images/tar_entry.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace berth::images {

// Receives an archive. For each entry: begin, data (files only, ascending, holes left out), end.
class TarSink {
  public:
    virtual ~TarSink() = default;
    virtual Status begin(const TarEntry& entry) = 0;
    virtual Status data(std::uint64_t offset, std::string_view bytes) = 0;
    virtual Status end() = 0;
};

class TarReader {
  public:
    explicit TarReader(TarSink& sink) : sink_(&sink) {}

    // After an error the reader must not be used any more. Errors name the entry.
    Status feed(std::string_view bytes);
    // All bytes were fed: an error when they end inside an entry.
    Status finish();
    std::uint64_t entries() const { return entries_; }

  private:
    enum class State { header, meta, sparse_blocks, sparse_map, body, ended };

    Status on_header(std::string_view block);
    Status describe_entry(const TarHeader& header);
    Status on_meta();
    Status on_sparse_block(std::string_view block);
    Status on_sparse_map_line();
    Status start_entry();
    Status start_body();
    Status take_body(std::string_view bytes);
    Status finish_entry();
    void skip_padding(std::uint64_t size);
    // Up to `wanted` bytes are collected in block_ from the front of `bytes`; true when complete.
    bool collect(std::string_view& bytes, std::size_t wanted);
    std::unexpected<Error> bad(std::string_view why) const;

    TarSink* sink_;
    State state_ = State::header;
    std::string block_;        // a header, line or metadata on its way
    std::uint64_t skip_ = 0;   // padding still to come
    std::uint64_t offset_ = 0; // in the archive, for messages
    std::uint64_t entries_ = 0;
    bool zero_block_ = false;
    char meta_kind_ = 0;
    std::uint64_t meta_size_ = 0, meta_total_ = 0;

    PaxRecords pax_; // what came before the entry's own header
    std::string long_name_, long_link_;
    TarEntry entry_;
    std::uint64_t archived_ = 0, body_left_ = 0;
    std::vector<SparseExtent> extents_;
    std::size_t extent_ = 0;
    std::uint64_t extent_done_ = 0;
    std::vector<std::uint64_t> map_numbers_; // of a sparse map in front of the data (pax 1.0)
};

} // namespace berth::images
