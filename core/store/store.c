#include "core/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/store/db.h"

/* One step per version of the tables; never edit one that was released, add the next. */
static const char *const migrations[] = {
    "CREATE TABLE run ("
    " id TEXT PRIMARY KEY, state TEXT NOT NULL, round INTEGER NOT NULL,"
    " created_ms INTEGER NOT NULL, finished_ms INTEGER NOT NULL,"
    " source_region TEXT NOT NULL, source_instance TEXT NOT NULL,"
    " target_region TEXT NOT NULL, target_zone TEXT NOT NULL, target_instance TEXT NOT NULL,"
    " target_key TEXT NOT NULL, fence INTEGER NOT NULL, backup INTEGER NOT NULL,"
    " window_start_ms INTEGER NOT NULL, window_end_ms INTEGER NOT NULL,"
    " max_downtime_ms INTEGER NOT NULL, confidence REAL NOT NULL,"
    " downtime_p05_s REAL NOT NULL, downtime_p50_s REAL NOT NULL, downtime_p95_s REAL NOT NULL,"
    " miss_probability REAL NOT NULL, first_p05_s REAL NOT NULL, first_p50_s REAL NOT NULL,"
    " first_p95_s REAL NOT NULL, down_ms INTEGER NOT NULL, cut_ms INTEGER NOT NULL,"
    " up_ms INTEGER NOT NULL, freeze_us INTEGER NOT NULL, request_us INTEGER NOT NULL,"
    " flush_us INTEGER NOT NULL, thaw_us INTEGER NOT NULL, consistency TEXT NOT NULL,"
    " lsn TEXT NOT NULL, failure TEXT NOT NULL) STRICT;"
    "CREATE TABLE journal ("
    " number INTEGER PRIMARY KEY, run_id TEXT NOT NULL REFERENCES run(id), state TEXT NOT NULL,"
    " round INTEGER NOT NULL, entered_ms INTEGER NOT NULL) STRICT;"
    "CREATE TABLE run_text ("
    " run_id TEXT NOT NULL REFERENCES run(id), name TEXT NOT NULL, text TEXT NOT NULL,"
    " PRIMARY KEY (run_id, name)) STRICT;"
    "CREATE TABLE round ("
    " run_id TEXT NOT NULL REFERENCES run(id), number INTEGER NOT NULL, final INTEGER NOT NULL,"
    " is_full INTEGER NOT NULL, delta_p05_bytes REAL NOT NULL, delta_p50_bytes REAL NOT NULL,"
    " delta_p95_bytes REAL NOT NULL, snapshot_p05_s REAL NOT NULL, snapshot_p50_s REAL NOT NULL,"
    " snapshot_p95_s REAL NOT NULL, copy_p05_s REAL NOT NULL, copy_p50_s REAL NOT NULL,"
    " copy_p95_s REAL NOT NULL, duration_p05_s REAL NOT NULL, duration_p50_s REAL NOT NULL,"
    " duration_p95_s REAL NOT NULL, planned_ms INTEGER NOT NULL, started_ms INTEGER NOT NULL,"
    " snapshot_done_ms INTEGER NOT NULL, copy_started_ms INTEGER NOT NULL,"
    " copy_done_ms INTEGER NOT NULL, actual_delta_bytes INTEGER NOT NULL,"
    " PRIMARY KEY (run_id, number)) STRICT;"
    "CREATE TABLE object ("
    " number INTEGER PRIMARY KEY, run_id TEXT NOT NULL REFERENCES run(id), kind INTEGER NOT NULL,"
    " state INTEGER NOT NULL, round INTEGER NOT NULL, token TEXT NOT NULL,"
    " volume_id TEXT NOT NULL, from_id TEXT NOT NULL, id TEXT NOT NULL, region TEXT NOT NULL,"
    " device TEXT NOT NULL, intended_ms INTEGER NOT NULL, started_ms INTEGER NOT NULL,"
    " done_ms INTEGER NOT NULL) STRICT;"
    "CREATE INDEX object_of_run ON object(run_id);"
    "CREATE TABLE duration ("
    " volume_id TEXT NOT NULL, id TEXT NOT NULL, kind INTEGER NOT NULL,"
    " target_region TEXT NOT NULL, is_full INTEGER NOT NULL, pending INTEGER NOT NULL,"
    " started_ms INTEGER NOT NULL, duration_ms INTEGER NOT NULL, delta_bytes INTEGER NOT NULL,"
    " PRIMARY KEY (volume_id, kind, id)) STRICT;"
    "CREATE TABLE dirty ("
    " volume_id TEXT NOT NULL, id TEXT NOT NULL, start_ms INTEGER NOT NULL,"
    " end_ms INTEGER NOT NULL, changed_bytes INTEGER NOT NULL, merged_count INTEGER NOT NULL,"
    " PRIMARY KEY (volume_id, id, start_ms)) STRICT;"
    "CREATE TABLE writes ("
    " volume_id TEXT NOT NULL, start_ms INTEGER NOT NULL, length_ms INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL, ops INTEGER NOT NULL, PRIMARY KEY (volume_id, start_ms)) STRICT;",
    /* Until then nothing was corrected: what was told is what was drawn. */
    "ALTER TABLE run ADD COLUMN drawn_p05_s REAL NOT NULL DEFAULT 0;"
    "ALTER TABLE run ADD COLUMN drawn_p50_s REAL NOT NULL DEFAULT 0;"
    "ALTER TABLE run ADD COLUMN drawn_p95_s REAL NOT NULL DEFAULT 0;"
    "UPDATE run SET drawn_p05_s = first_p05_s, drawn_p50_s = first_p50_s,"
    " drawn_p95_s = first_p95_s;",
    "CREATE TABLE reading ("
    " volume_id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, origin TEXT NOT NULL,"
    " bytes INTEGER NOT NULL, ops INTEGER NOT NULL) STRICT;"
    "CREATE TABLE counted ("
    " volume_id TEXT NOT NULL, start_ms INTEGER NOT NULL, length_ms INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL, ops INTEGER NOT NULL, PRIMARY KEY (volume_id, start_ms)) STRICT;",
    "ALTER TABLE run ADD COLUMN source_account TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE run ADD COLUMN target_account TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE run ADD COLUMN via_region TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE run ADD COLUMN via_key TEXT NOT NULL DEFAULT '';",
    "CREATE INDEX duration_by_time ON duration(kind, started_ms);",
    "ALTER TABLE run ADD COLUMN round_trip_us INTEGER NOT NULL DEFAULT 0;",
    "ALTER TABLE run ADD COLUMN target_profile TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE run ADD COLUMN target_role TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE run ADD COLUMN target_external_id TEXT NOT NULL DEFAULT '';",
};
#define VERSION ((int)(sizeof(migrations) / sizeof(migrations[0])))

static enum error_code read_version(struct store *store, int *version, struct error *err)
{
    CLEANUP_QUERY struct db_query query = {0};
    bool row = false;
    TRY(db_prepare(store, "PRAGMA user_version", &query, err));
    TRY(db_step(&query, &row, err));
    *version = row ? (int)db_int(&query, 0) : 0;
    if (*version > VERSION) {
        return error_set(err, ERR_STORE,
                         "the store in '%s' is of version %d, newer than this ebshift knows (%d)",
                         store->directory, *version, VERSION);
    }
    return ERR_NONE;
}

/* Asked again inside the transaction, because another process may have been quicker. */
static enum error_code migrate_one(struct store *store, int version, struct error *err)
{
    char pragma[48];
    int present = 0;
    TRY(read_version(store, &present, err));
    if (present > version)
        return ERR_NONE;
    (void)snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %d", version + 1);
    TRY(db_exec(store, migrations[version], err));
    return db_exec(store, pragma, err);
}

static enum error_code migrate_from(struct store *store, int version, struct error *err)
{
    for (int i = version; i < VERSION; i++) {
        TRY(db_exec(store, "BEGIN IMMEDIATE", err));
        TRY(db_end(store, migrate_one(store, i, err), err));
    }
    return ERR_NONE;
}

static enum error_code open_database(struct store *store, const char *path, int flags,
                                     struct error *err)
{
    if (sqlite3_open_v2(path, &store->db, flags, NULL) != SQLITE_OK) {
        return error_set(err, ERR_STORE, "cannot open the store '%s': %s", path,
                         store->db == NULL ? "out of memory" : sqlite3_errmsg(store->db));
    }
    (void)sqlite3_busy_timeout(store->db, 5000);
    return db_exec(store, "PRAGMA foreign_keys = ON", err);
}

#define PATH_SIZE (sizeof(((struct store *)NULL)->directory) + 16)

static void path_in(const struct store *store, const char *name, char path[PATH_SIZE])
{
    (void)snprintf(path, PATH_SIZE, "%s/%s", store->directory, name);
}

/* Bytes of a file of the store, -1 if it is not there. */
static int64_t size_of(const struct store *store, const char *name)
{
    char path[PATH_SIZE];
    struct stat facts;
    path_in(store, name, path);
    return stat(path, &facts) == 0 ? (int64_t)facts.st_size : -1;
}

/* SQLite takes a file that is empty or gone for a new database and throws the log of the old one
 * away: a run under way would be forgotten. The lock is only ever made beside a whole database. */
static enum error_code check_not_lost(const struct store *store, struct error *err)
{
    bool lived = size_of(store, "lock") >= 0 || size_of(store, "ebshift.db-wal") > 0;
    if (size_of(store, "ebshift.db") > 0 || !lived)
        return ERR_NONE;
    return error_set(err, ERR_STORE,
                     "the store in '%s' has lost its ebshift.db; put a copy back, or name another "
                     "directory (what a run made carries the tag 'ebshift:run')",
                     store->directory);
}

static enum error_code new_store(const char *directory, struct store **store, struct error *err)
{
    struct store *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot open the store");
    made->lock_fd = -1;
    made->data_fd = -1;
    if (strlen(directory) >= sizeof(made->directory)) {
        free(made);
        return error_set(err, ERR_CONFIG, "store path '%s' is too long", directory);
    }
    (void)snprintf(made->directory, sizeof(made->directory), "%s", directory);
    *store = made;
    return ERR_NONE;
}

static enum error_code sync_directory(const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    int failure = errno;
    if (fd >= 0)
        (void)close(fd);
    if (synced)
        return ERR_NONE;
    return error_set(err, ERR_STORE, "cannot make '%s' durable: %s", path,
                     strerrordesc_np(failure));
}

/* Makes the last element of the path only: a mistyped parent shall be an error, not a tree. */
static enum error_code make_directory(const struct store *store, struct error *err)
{
    char parent[PATH_SIZE];
    path_in(store, "..", parent);
    if (mkdir(store->directory, 0700) == 0)
        return sync_directory(parent, err);
    if (errno == EEXIST)
        return ERR_NONE;
    return error_set(err, ERR_STORE, "cannot make the store directory '%s': %s", store->directory,
                     strerrordesc_np(errno));
}

/* A torn page would else come to light in the middle of a night, or never. */
static enum error_code check_whole(struct store *store, struct error *err)
{
    CLEANUP_QUERY struct db_query query = {0};
    bool row = false;
    char found[160] = "";
    TRY(db_prepare(store, "PRAGMA quick_check(1)", &query, err));
    TRY(db_step(&query, &row, err));
    if (row)
        db_text(&query, 0, found, sizeof(found));
    return strcmp(found, "ok") == 0 ? ERR_NONE : db_damaged(store->db, found, err);
}

static enum error_code prepare_tables(struct store *store, struct error *err)
{
    int version = 0;
    char path[PATH_SIZE];
    path_in(store, "ebshift.db", path);
    TRY(check_not_lost(store, err));
    TRY(open_database(store, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err));
    TRY(db_exec(store, "PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL", err));
    TRY(read_version(store, &version, err));
    TRY(check_whole(store, err));
    TRY(migrate_from(store, version, err));
    return sync_directory(store->directory, err);
}

/* SQLite does not wait when two openers switch a new file to WAL at once, so openers queue at the
 * directory. */
static enum error_code open_writable(struct store *store, struct error *err)
{
    TRY(make_directory(store, err));
    int fd = open(store->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX) != 0) {
        if (fd >= 0)
            (void)close(fd);
        return error_set(err, ERR_STORE, "cannot open the store directory '%s': %s",
                         store->directory, strerrordesc_np(errno));
    }
    enum error_code code = prepare_tables(store, err);
    (void)close(fd);
    return code;
}

enum error_code store_open(const char *directory, struct store **store, struct error *err)
{
    CLEANUP_STORE struct store *opened = NULL;
    TRY(new_store(directory, &opened, err));
    TRY(open_writable(opened, err));
    *store = opened;
    opened = NULL;
    return ERR_NONE;
}

/* A database in WAL mode is shared through a file beside it. Where that cannot be made, nobody can
 * be writing, and the file itself is all there is, unless a log was left behind. */
static enum error_code open_unshared(struct store *store, struct error *err)
{
    char address[3 * PATH_SIZE + 32];
    if (size_of(store, "ebshift.db-wal") > 0) {
        return error_set(err, ERR_STORE,
                         "the newest part of the store in '%s' is in ebshift.db-wal, which only a "
                         "writer can merge: look as its owner, or at a copy that can be written",
                         store->directory);
    }
    size_t length = (size_t)snprintf(address, sizeof(address), "file:");
    for (const char *c = store->directory; *c != '\0'; c++) {
        bool plain = strchr("%?#", *c) == NULL;
        length += (size_t)snprintf(address + length, sizeof(address) - length,
                                   plain ? "%c" : "%%%02x", (unsigned char)*c);
    }
    (void)snprintf(address + length, sizeof(address) - length, "/ebshift.db?immutable=1");
    (void)sqlite3_close(store->db);
    store->db = NULL;
    return open_database(store, address, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err);
}

static enum error_code open_to_read(struct store *store, int *version, struct error *err)
{
    char path[PATH_SIZE];
    path_in(store, "ebshift.db", path);
    TRY(open_database(store, path, SQLITE_OPEN_READONLY, err));
    enum error_code code = read_version(store, version, err);
    int failure = sqlite3_errcode(store->db);
    if (code == ERR_NONE || (failure != SQLITE_CANTOPEN && failure != SQLITE_READONLY))
        return code;
    TRY(open_unshared(store, err));
    return read_version(store, version, err);
}

static enum error_code find_database(const struct store *store, struct error *err)
{
    char path[PATH_SIZE];
    path_in(store, "ebshift.db", path);
    if (access(path, R_OK) != 0 && errno != ENOENT && errno != ENOTDIR) {
        return error_set(err, ERR_STORE, "cannot read the store '%s': %s", path,
                         strerrordesc_np(errno));
    }
    TRY(check_not_lost(store, err));
    if (size_of(store, "ebshift.db") <= 0)
        return error_set(err, ERR_NO_RUN, "no store in '%s' yet", store->directory);
    return ERR_NONE;
}

enum error_code store_open_readonly(const char *directory, struct store **store, struct error *err)
{
    CLEANUP_STORE struct store *opened = NULL;
    int version = 0;
    TRY(new_store(directory, &opened, err));
    TRY(find_database(opened, err));
    TRY(open_to_read(opened, &version, err));
    if (version < VERSION) {
        return error_set(err, ERR_STORE,
                         "the store in '%s' is older than this ebshift; run a "
                         "changing verb once",
                         directory);
    }
    *store = opened;
    opened = NULL;
    return ERR_NONE;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    (void)sqlite3_close(store->db);
    if (store->data_fd >= 0)
        (void)close(store->data_fd);
    if (store->lock_fd >= 0)
        (void)close(store->lock_fd);
    free(store);
}

void store_closep(struct store **store)
{
    store_close(*store);
    *store = NULL;
}
