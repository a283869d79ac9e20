// SQLite: schema, pragmas, statements, and its errors in the words of this program.
#include "agent/state/database.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace berth::state {

namespace {

constexpr int kSchemaVersion = 1;

constexpr const char* kSchema = R"(
    BEGIN IMMEDIATE;
    CREATE TABLE tasks (arn TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    PRAGMA user_version = 1;
    COMMIT;
)";

// The lock file keeps other agents out, so SQLite can hold its own lock, which saves the WAL's shared memory.
constexpr const char* kPragmas = R"(
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA journal_size_limit = 4194304;
    PRAGMA temp_store = MEMORY;
    PRAGMA trusted_schema = OFF;
)";

// The file must be there, private and durable in its directory before SQLite writes to it.
Status create_file(const fs::path& file) {
    const auto created = open_file(file, O_RDWR | O_CREAT, 0600);
    if (!created) return fail(created.error(), "state store");
    const auto directory = open_file(file.parent_path(), O_RDONLY | O_DIRECTORY);
    if (!directory) return fail(directory.error(), "state store");
    if (::fsync(directory->get()) != 0)
        return fail_errno(errno, "state store: fsync {}", file.parent_path().native());
    return {};
}

} // namespace

Result<Database> Database::open(const fs::path& file) {
    if (auto created = create_file(file); !created) return std::unexpected(std::move(created.error()));
    sqlite3* raw = nullptr;
    const int code =
        sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, nullptr);
    Database database(Handle(raw), file);
    if (raw == nullptr) return fail(ErrorCode::no_space, "state store {}: no memory", file.native());
    if (code != SQLITE_OK) return database.failure("cannot be opened");
    for (auto step : {&Database::configure, &Database::check, &Database::migrate, &Database::prepare_changes})
        if (auto done = (database.*step)(); !done) return std::unexpected(std::move(done.error()));
    return database;
}

Status Database::configure() {
    sqlite3_extended_result_codes(handle_.get(), 1);
    sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    if (auto done = run(kPragmas); !done) return done;
    return {};
}

Status Database::check() {
    const auto statement = prepare("PRAGMA quick_check(1)");
    if (!statement) return std::unexpected(statement.error());
    if (sqlite3_step(statement->get()) != SQLITE_ROW) return failure("cannot be checked");
    const auto* text = sqlite3_column_text(statement->get(), 0);
    const std::string_view verdict = text == nullptr ? "" : reinterpret_cast<const char*>(text);
    if (verdict == "ok") return {};
    return fail(ErrorCode::invalid,
                "state store {} is damaged ({}). Nothing was changed; restore it from a copy, or move it "
                "away to begin "
                "with an empty state (containers that run now are then removed)",
                file_.native(), verdict);
}

Result<int> Database::schema_version() const {
    const auto statement = prepare("PRAGMA user_version");
    if (!statement) return std::unexpected(statement.error());
    if (sqlite3_step(statement->get()) != SQLITE_ROW) return failure("cannot be read");
    return sqlite3_column_int(statement->get(), 0);
}

Status Database::migrate() {
    const auto version = schema_version();
    if (!version) return std::unexpected(version.error());
    if (*version > kSchemaVersion)
        return fail(ErrorCode::invalid,
                    "state store {} was written by a newer version (schema {}, this one knows {}): install "
                    "that version "
                    "again or move the file away",
                    file_.native(), *version, kSchemaVersion);
    if (*version == kSchemaVersion) return {};
    auto created = run(kSchema);
    if (!created) roll_back();
    return created;
}

Status Database::prepare_changes() {
    for (const auto& [statement, sql] : {std::pair(&put_task_, "INSERT OR REPLACE INTO tasks VALUES (?, ?)"),
                                         std::pair(&delete_task_, "DELETE FROM tasks WHERE arn = ?"),
                                         std::pair(&put_fact_, "INSERT OR REPLACE INTO facts VALUES (?, ?)"),
                                         std::pair(&delete_fact_, "DELETE FROM facts WHERE name = ?")}) {
        auto prepared = prepare(sql);
        if (!prepared) return std::unexpected(std::move(prepared.error()));
        *statement = std::move(*prepared);
    }
    return {};
}

Result<Contents> Database::load() const {
    Contents contents;
    if (auto done = load_into("SELECT arn, json FROM tasks", contents.tasks); !done)
        return std::unexpected(std::move(done.error()));
    if (auto done = load_into("SELECT name, value FROM facts", contents.facts); !done)
        return std::unexpected(std::move(done.error()));
    return contents;
}

Status Database::load_into(const char* sql, std::map<std::string, std::string>& out) const {
    const auto statement = prepare(sql);
    if (!statement) return std::unexpected(statement.error());
    const auto column = [&](int index) {
        const auto* text = sqlite3_column_text(statement->get(), index);
        const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement->get(), index));
        return text == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(text), size);
    };
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(statement->get())) == SQLITE_ROW) out.insert_or_assign(column(0), column(1));
    if (code != SQLITE_DONE) return failure("cannot be read");
    return {};
}

Status Database::begin() { return run("BEGIN IMMEDIATE"); }
Status Database::commit() { return run("COMMIT"); }

void Database::roll_back() {
    // After some errors SQLite has rolled back by itself; there is nothing to do about an error here either.
    if (sqlite3_get_autocommit(handle_.get()) == 0) (void)run("ROLLBACK");
}

Status Database::apply(const Changes& changes) {
    for (const auto& [arn, json] : changes.tasks)
        if (auto done = put_or_delete(put_task_, delete_task_, arn, json); !done) return done;
    for (const auto& [name, value] : changes.facts)
        if (auto done = put_or_delete(put_fact_, delete_fact_, name, value); !done) return done;
    return {};
}

Status Database::put_or_delete(const Statement& put, const Statement& remove, const std::string& key,
                               const std::optional<std::string>& value) const {
    auto* statement = value ? put.get() : remove.get();
    const auto bind = [&](int index, const std::string& text) {
        return sqlite3_bind_text64(statement, index, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
    };
    int code = bind(1, key);
    if (code == SQLITE_OK && value) code = bind(2, *value);
    if (code == SQLITE_OK) code = sqlite3_step(statement);
    Status result;
    if (code != SQLITE_DONE) result = failure("cannot be written");
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return result;
}

Status Database::run(const char* sql) const {
    if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK)
        return failure("cannot be written");
    return {};
}

Result<Database::Statement> Database::prepare(const char* sql) const {
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v2(handle_.get(), sql, -1, &raw, nullptr) != SQLITE_OK)
        return failure("cannot be read");
    return Statement(raw);
}

std::unexpected<Error> Database::failure(std::string_view doing) const {
    const int code = sqlite3_errcode(handle_.get());
    const int system = sqlite3_system_errno(handle_.get());
    const auto text =
        fmt::format("state store {} {}: {}", file_.native(), doing, sqlite3_errmsg(handle_.get()));
    switch (code & 0xff) {
    case SQLITE_FULL:
        return fail(ErrorCode::no_space, "{}: free space on its file system; what waits is written then",
                    text);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return fail(ErrorCode::invalid,
                    "{}. Nothing was changed; restore the file from a copy, or move it away to begin with an "
                    "empty state "
                    "(containers that run now are then removed)",
                    text);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        if (system != 0) return fail_errno(system, "{}", text);
        [[fallthrough]];
    default: return fail(ErrorCode::io, "{}", text);
    }
}

} // namespace berth::state
