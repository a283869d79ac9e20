// Documents in SQLite.
#include "cluster/store/store.hpp"

#include "berth/base/scope_exit.hpp"

#include <sqlite3.h>

#include <array>

namespace berth::cluster {
namespace {

constexpr int kFormat = 1;

struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

std::unexpected<Error> failed(sqlite3* database, std::string_view what) {
    const int code = sqlite3_errcode(database);
    return fail(code == SQLITE_FULL ? ErrorCode::no_space : ErrorCode::io, "state file: {}: {}", what,
                sqlite3_errmsg(database));
}

Status run(sqlite3* database, const char* sql) {
    if (sqlite3_exec(database, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return failed(database, sql);
    return {};
}

Result<Statement> prepare(sqlite3* database, std::string_view sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(database, sql.data(), static_cast<int>(sql.size()), &statement, nullptr) !=
        SQLITE_OK)
        return failed(database, sql);
    return Statement(statement);
}

bool bind(sqlite3_stmt* statement, int index, const std::string& text) {
    return sqlite3_bind_text64(statement, index, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8) ==
           SQLITE_OK;
}

std::string column(sqlite3_stmt* statement, int index) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, index));
    return text ? std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(statement, index)))
                : std::string();
}

Result<int> format_of(sqlite3* database) {
    auto statement = prepare(database, "PRAGMA user_version");
    if (!statement) return fail(std::move(statement.error()));
    if (sqlite3_step(statement->get()) != SQLITE_ROW) return failed(database, "reading the format");
    return sqlite3_column_int(statement->get(), 0);
}

} // namespace

void Store::Close::operator()(sqlite3* database) const { sqlite3_close(database); }

Result<Store> Store::open(const std::string& path) {
    sqlite3* raw = nullptr;
    const int opened =
        sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
    std::unique_ptr<sqlite3, Close> database(raw);
    if (opened != SQLITE_OK)
        return fail(ErrorCode::io, "cannot open the state file {}: {}", path,
                    raw ? sqlite3_errmsg(raw) : "out of memory");
    // A second endpoint on the same file would lose what the first writes: hold it as long as we run.
    for (const char* sql : {"PRAGMA locking_mode=EXCLUSIVE", "PRAGMA journal_mode=WAL",
                            "PRAGMA synchronous=NORMAL", "BEGIN IMMEDIATE"})
        if (Status done = run(raw, sql); !done)
            return fail(std::move(done.error()), "{} (is another berth-cluster using it?)", path);
    const auto format = format_of(raw);
    if (!format) return fail(format.error(), "{}", path);
    if (*format > kFormat)
        return fail(ErrorCode::invalid, "{} has format {}, newer than this berth-cluster's {}", path, *format,
                    kFormat);
    constexpr std::array kSetup{
        "CREATE TABLE IF NOT EXISTS documents (kind TEXT NOT NULL, key TEXT NOT NULL, "
        "document TEXT NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID",
        "PRAGMA user_version=1",
        "COMMIT",
    };
    for (const char* sql : kSetup)
        if (Status done = run(raw, sql); !done) return fail(std::move(done.error()), "{}", path);
    return Store(std::move(database));
}

Result<std::vector<Row>> Store::read() const {
    auto statement = prepare(database_.get(), "SELECT kind, key, document FROM documents");
    if (!statement) return fail(std::move(statement.error()));
    std::vector<Row> rows;
    int step = SQLITE_DONE;
    while ((step = sqlite3_step(statement->get())) == SQLITE_ROW)
        rows.push_back(
            {column(statement->get(), 0), column(statement->get(), 1), column(statement->get(), 2)});
    if (step != SQLITE_DONE) return failed(database_.get(), "reading");
    return rows;
}

Status Store::write(const std::vector<Row>& rows) {
    if (rows.empty()) return {};
    if (Status begun = run(database_.get(), "BEGIN"); !begun) return begun;
    ScopeExit undo([this] { sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr); });
    auto put = prepare(database_.get(), "INSERT OR REPLACE INTO documents VALUES (?1, ?2, ?3)");
    auto erase = prepare(database_.get(), "DELETE FROM documents WHERE kind = ?1 AND key = ?2");
    if (!put) return fail(std::move(put.error()));
    if (!erase) return fail(std::move(erase.error()));
    for (const Row& row : rows) {
        sqlite3_stmt* statement = row.document ? put->get() : erase->get();
        sqlite3_reset(statement);
        const bool bound = bind(statement, 1, row.kind) && bind(statement, 2, row.key) &&
                           (!row.document || bind(statement, 3, *row.document));
        if (!bound || sqlite3_step(statement) != SQLITE_DONE) return failed(database_.get(), "writing");
    }
    // A finished statement holds no lock, an unfinished one would make COMMIT fail.
    put->reset();
    erase->reset();
    if (Status done = run(database_.get(), "COMMIT"); !done) return done;
    undo.dismiss();
    return {};
}

} // namespace berth::cluster
