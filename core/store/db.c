#include "core/store/db.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum error_code db_damaged(sqlite3 *db, const char *found, struct error *err)
{
    return error_set(err, ERR_STORE,
                     "the store '%s' is damaged (%s); keep it and put a copy back (what a run made "
                     "carries the tag 'ebshift:run')",
                     sqlite3_db_filename(db, "main"), found);
}

enum error_code db_fail(sqlite3 *db, const char *doing, struct error *err)
{
    switch (sqlite3_errcode(db)) {
    case SQLITE_NOMEM:
        return error_set(err, ERR_NO_MEMORY, "cannot %s: out of memory", doing);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return db_damaged(db, sqlite3_errmsg(db), err);
    case SQLITE_BUSY:
        return error_set(err, ERR_LOCKED, "another program has locked the store '%s'",
                         sqlite3_db_filename(db, "main"));
    default:
        return error_set(err, ERR_STORE, "cannot %s '%s': %s", doing,
                         sqlite3_db_filename(db, "main"), sqlite3_errmsg(db));
    }
}

void db_done(struct db_query *query)
{
    (void)sqlite3_finalize(query->statement);
    *query = (struct db_query){0};
}

enum error_code db_prepare(struct store *store, const char *sql, struct db_query *query,
                           struct error *err)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) != SQLITE_OK)
        return db_fail(store->db, "read the store", err);
    *query = (struct db_query){.db = store->db, .statement = statement};
    return ERR_NONE;
}

void db_bind_text(struct db_query *query, const char *text)
{
    (void)sqlite3_bind_text(query->statement, ++query->bound, text, -1, SQLITE_STATIC);
}

void db_bind_int(struct db_query *query, int64_t value)
{
    (void)sqlite3_bind_int64(query->statement, ++query->bound, value);
}

void db_bind_real(struct db_query *query, double value)
{
    (void)sqlite3_bind_double(query->statement, ++query->bound, value);
}

enum error_code db_step(struct db_query *query, bool *row, struct error *err)
{
    if (query->bound != sqlite3_bind_parameter_count(query->statement)) {
        return error_set(err, ERR_STORE, "statement with %d of %d values", query->bound,
                         sqlite3_bind_parameter_count(query->statement));
    }
    int result = sqlite3_step(query->statement);
    if (result != SQLITE_ROW && result != SQLITE_DONE)
        return db_fail(query->db, "write the store", err);
    *row = result == SQLITE_ROW;
    return ERR_NONE;
}

enum error_code db_run(struct db_query *query, struct error *err)
{
    bool row = false;
    TRY(db_step(query, &row, err));
    (void)sqlite3_reset(query->statement);
    query->bound = 0;
    return ERR_NONE;
}

void db_text(const struct db_query *query, int column, char *text, size_t size)
{
    const unsigned char *value = sqlite3_column_text(query->statement, column);
    (void)snprintf(text, size, "%s", value == NULL ? "" : (const char *)value);
}

int64_t db_int(const struct db_query *query, int column)
{
    return sqlite3_column_int64(query->statement, column);
}

double db_real(const struct db_query *query, int column)
{
    return sqlite3_column_double(query->statement, column);
}

enum error_code db_enum(const struct db_query *query, int column, int last, int *value,
                        struct error *err)
{
    int64_t read = db_int(query, column);
    if (read < 0 || read > last)
        return db_damaged(query->db, sqlite3_column_name(query->statement, column), err);
    *value = (int)read;
    return ERR_NONE;
}

/* Instants, bytes and counts stay far below, so that sums of a few do not overflow; seconds are
 * turned into milliseconds. */
#define LARGEST      (INT64_C(1) << 55)
#define LARGEST_REAL 4e15

static bool is_number_of_ours(const struct db_query *query, int column)
{
    switch (sqlite3_column_type(query->statement, column)) {
    case SQLITE_INTEGER:
        return db_int(query, column) >= -LARGEST && db_int(query, column) <= LARGEST;
    case SQLITE_FLOAT:
        return fabs(db_real(query, column)) <= LARGEST_REAL; /* false for NaN */
    default:
        return true;
    }
}

enum error_code db_check_row(const struct db_query *query, struct error *err)
{
    if (sqlite3_errcode(query->db) == SQLITE_NOMEM)
        return db_fail(query->db, "read the store", err);
    for (int i = 0; i < sqlite3_column_count(query->statement); i++) {
        if (!is_number_of_ours(query, i))
            return db_damaged(query->db, sqlite3_column_name(query->statement, i), err);
    }
    return ERR_NONE;
}

enum error_code db_exec(struct store *store, const char *sql, struct error *err)
{
    if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return db_fail(store->db, "write the store", err);
    return ERR_NONE;
}

enum error_code db_end(struct store *store, enum error_code code, struct error *err)
{
    if (code == ERR_NONE)
        code = db_exec(store, "COMMIT", err);
    if (code != ERR_NONE)
        (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return code;
}

/* Room is a power of two, so it is used up exactly when the count is one. */
static enum error_code grow(void **items, size_t count, size_t item_bytes, struct error *err)
{
    if (count != 0 && (count & (count - 1)) != 0)
        return ERR_NONE;
    void *grown = reallocarray(*items, count == 0 ? 1 : count * 2, item_bytes);
    if (grown == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu rows", count);
    *items = grown;
    return ERR_NONE;
}

static enum error_code read_rows(struct db_query *query, db_read_item *read, size_t item_bytes,
                                 void **items, size_t *count, struct error *err)
{
    bool row = false;
    TRY(db_step(query, &row, err));
    for (; row; (*count)++) {
        TRY(grow(items, *count, item_bytes, err));
        TRY(read(query, (char *)*items + *count * item_bytes, err));
        TRY(db_check_row(query, err));
        TRY(db_step(query, &row, err));
    }
    return ERR_NONE;
}

enum error_code db_read_all(struct db_query *query, db_read_item *read, size_t item_bytes,
                            void **items, size_t *count, struct error *err)
{
    void *found = NULL;
    size_t found_count = 0;
    enum error_code code = read_rows(query, read, item_bytes, &found, &found_count, err);
    if (code != ERR_NONE) {
        free(found);
        return code;
    }
    *items = found;
    *count = found_count;
    return ERR_NONE;
}
