/* db.h: SQLite with this program's errors and ownership.
 *
 * A statement is prepared, bound and stepped through these few calls; the files of the store hold
 * the SQL and no SQLite. */
#ifndef CORE_STORE_DB_H
#define CORE_STORE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "core/store.h"
#include "model/error.h"

struct store {
    sqlite3 *db;
    int lock_fd; /* -1 without the lock */
    int data_fd; /* of the database, for the lock; -1 without. Not closed before `db`: that would take
                  * SQLite's own locks away */
    char directory[256];
};

/* Turns the last failure of the database into *err. Returns ERR_STORE, ERR_NO_MEMORY, or ERR_LOCKED
 * if another program kept it locked. */
enum error_code db_fail(sqlite3 *db, const char *doing, struct error *err);

/* Tells that the database is damaged, what was found, and what to do. Returns ERR_STORE. */
enum error_code db_damaged(sqlite3 *db, const char *found, struct error *err);

/* A statement; finalised by db_done(). */
struct db_query {
    sqlite3 *db;
    sqlite3_stmt *statement;
    int bound;
};

/* Finalises the statement. Harmless on an empty one. */
void db_done(struct db_query *query);
#define CLEANUP_QUERY CLEANUP(db_done)

/* Compiles one statement. Errors: ERR_STORE. Owns: *query, hand back with db_done(). */
MUST_CHECK enum error_code db_prepare(struct store *store, const char *sql, struct db_query *query,
                                      struct error *err);
/* Bind the next parameter. A failure shows at the next db_step(). Texts are borrowed until then. */
void db_bind_text(struct db_query *query, const char *text);
void db_bind_int(struct db_query *query, int64_t value);
void db_bind_real(struct db_query *query, double value);
/* Steps; *row says whether there is one to read. */
MUST_CHECK enum error_code db_step(struct db_query *query, bool *row, struct error *err);
/* Runs a statement that returns no row, and makes it ready to be bound again. */
MUST_CHECK enum error_code db_run(struct db_query *query, struct error *err);

/* Read a column of the present row. */
void db_text(const struct db_query *query, int column, char *text, size_t size);
int64_t db_int(const struct db_query *query, int column);
double db_real(const struct db_query *query, int column);
/* The same for an enumeration from 0 to `last`. Errors: ERR_STORE for any other number, as somebody
 * else has written it. */
MUST_CHECK enum error_code db_enum(const struct db_query *query, int column, int last, int *value,
                                   struct error *err);
/* To be called after a row was read. Errors: ERR_NO_MEMORY if a text could not be fetched, which
 * reads as ""; ERR_STORE for a number that nobody has written: beyond 2^55, or 4e15 if it is a real one. */
MUST_CHECK enum error_code db_check_row(const struct db_query *query, struct error *err);

/* Runs fixed SQL without parameters. */
MUST_CHECK enum error_code db_exec(struct store *store, const char *sql, struct error *err);

/* Ends a transaction begun with db_exec("BEGIN IMMEDIATE"): commits if code is ERR_NONE, else rolls
 * back. Returns `code`, or the failure of the commit. */
MUST_CHECK enum error_code db_end(struct store *store, enum error_code code, struct error *err);

/* Reads the present row into an item of an array. */
typedef enum error_code db_read_item(const struct db_query *query, void *item, struct error *err);

/* Reads all rows into a new heap array; on failure nothing is handed out. */
MUST_CHECK enum error_code db_read_all(struct db_query *query, db_read_item *read,
                                       size_t item_bytes, void **items, size_t *count,
                                       struct error *err);

#endif
