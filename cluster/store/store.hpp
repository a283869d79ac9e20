// Store: one SQLite table of documents, in a file or in memory.
#pragma once

#include "berth/base/result.hpp"

#include "cluster/store/documents.hpp"

#include <memory>
#include <string>
#include <vector>

struct sqlite3;

namespace berth::cluster {

class Store {
  public:
    // `path` ":memory:" keeps nothing. A file is made when missing; a newer or foreign format is refused.
    static Result<Store> open(const std::string& path);

    Result<std::vector<Row>> read() const;
    // All rows or none.
    Status write(const std::vector<Row>& rows);

  private:
    struct Close {
        void operator()(sqlite3* database) const;
    };
    explicit Store(std::unique_ptr<sqlite3, Close> database) : database_(std::move(database)) {}
    std::unique_ptr<sqlite3, Close> database_;
};

} // namespace berth::cluster
