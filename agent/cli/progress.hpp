// The progress of a pull: one bar per layer on a terminal, plain lines otherwise.
#pragma once

#include "berth/images/images.hpp"

#include <map>
#include <vector>

namespace berth::cli {

class PullDisplay {
  public:
    explicit PullDisplay(bool terminal) : terminal_(terminal) {}
    void update(const images::PullProgress& progress);

  private:
    void draw() const;
    bool terminal_;
    std::vector<images::PullProgress> layers_; // in the order they were first heard of
    mutable std::size_t lines_ = 0;            // drawn so far
};

} // namespace berth::cli
