// The SQLite file of the store: opening it safely, and one transaction at a time. Blocking.
#pragma once

#include "berth/state/store.hpp"

#include <sqlite3.h>

#include <memory>
#include <string>

namespace berth::state {

struct CloseDatabase {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
struct FinalizeStatement {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

class Database {
  public:
    // Creates the file, or opens, checks and migrates it.
    static Result<Database> open(const fs::path& file);

    Result<Contents> load() const;
    // begin(), apply() any number of times, then commit() or roll_back().
    Status begin();
    Status apply(const Changes& changes);
    Status commit();
    void roll_back();

  private:
    using Handle = std::unique_ptr<sqlite3, CloseDatabase>;
    using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

    Database(Handle handle, fs::path file) : handle_(std::move(handle)), file_(std::move(file)) {}

    Status configure();
    Status check();
    Status migrate();
    Result<int> schema_version() const;
    Status prepare_changes();
    Status run(const char* sql) const;
    Result<Statement> prepare(const char* sql) const;
    Status put_or_delete(const Statement& put, const Statement& remove, const std::string& key,
                         const std::optional<std::string>& value) const;
    Status load_into(const char* sql, std::map<std::string, std::string>& out) const;
    std::unexpected<Error> failure(std::string_view doing) const;

    Handle handle_;
    fs::path file_;
    Statement put_task_, delete_task_, put_fact_, delete_fact_;
};

} // namespace berth::state
