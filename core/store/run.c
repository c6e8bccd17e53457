#include <string.h>

#include "core/store/db.h"
#include "model/strbuf.h"

enum column_kind { COLUMN_TEXT, COLUMN_INT64, COLUMN_INT, COLUMN_BOOL, COLUMN_REAL, COLUMN_STATE };

/* One column of the table `run` and the member of struct run that it holds. */
struct column {
    const char *name;
    enum column_kind kind;
    size_t offset;
    size_t size;
};

#define COLUMN(kind, member)                                                                       \
    {                                                                                              \
#        member, kind, offsetof(struct run, member), sizeof(((struct run *)NULL)->member)          \
    }

/* The id comes first: statements refer to it as ?1. */
static const struct column columns[] = {
    COLUMN(COLUMN_TEXT, id),
    COLUMN(COLUMN_STATE, state),
    COLUMN(COLUMN_INT, round),
    COLUMN(COLUMN_INT64, created_ms),
    COLUMN(COLUMN_INT64, finished_ms),
    COLUMN(COLUMN_TEXT, source_region),
    COLUMN(COLUMN_TEXT, source_instance),
    COLUMN(COLUMN_TEXT, target_region),
    COLUMN(COLUMN_TEXT, target_zone),
    COLUMN(COLUMN_TEXT, target_instance),
    COLUMN(COLUMN_TEXT, target_key),
    COLUMN(COLUMN_TEXT, source_account),
    COLUMN(COLUMN_TEXT, target_account),
    COLUMN(COLUMN_TEXT, target_profile),
    COLUMN(COLUMN_TEXT, target_role),
    COLUMN(COLUMN_TEXT, target_external_id),
    COLUMN(COLUMN_TEXT, via_region),
    COLUMN(COLUMN_TEXT, via_key),
    COLUMN(COLUMN_BOOL, fence),
    COLUMN(COLUMN_BOOL, backup),
    COLUMN(COLUMN_INT64, window_start_ms),
    COLUMN(COLUMN_INT64, window_end_ms),
    COLUMN(COLUMN_INT64, max_downtime_ms),
    COLUMN(COLUMN_REAL, confidence),
    COLUMN(COLUMN_REAL, first_p05_s),
    COLUMN(COLUMN_REAL, first_p50_s),
    COLUMN(COLUMN_REAL, first_p95_s),
    COLUMN(COLUMN_REAL, downtime_p05_s),
    COLUMN(COLUMN_REAL, downtime_p50_s),
    COLUMN(COLUMN_REAL, downtime_p95_s),
    COLUMN(COLUMN_REAL, miss_probability),
    COLUMN(COLUMN_REAL, drawn_p05_s),
    COLUMN(COLUMN_REAL, drawn_p50_s),
    COLUMN(COLUMN_REAL, drawn_p95_s),
    COLUMN(COLUMN_INT64, down_ms),
    COLUMN(COLUMN_INT64, cut_ms),
    COLUMN(COLUMN_INT64, up_ms),
    COLUMN(COLUMN_INT64, freeze_us),
    COLUMN(COLUMN_INT64, request_us),
    COLUMN(COLUMN_INT64, flush_us),
    COLUMN(COLUMN_INT64, thaw_us),
    COLUMN(COLUMN_INT64, round_trip_us),
    COLUMN(COLUMN_TEXT, consistency),
    COLUMN(COLUMN_TEXT, lsn),
    COLUMN(COLUMN_TEXT, failure),
};
#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

static void add_names(struct strbuf *sql)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        strbuf_printf(sql, "%s%s", i == 0 ? "" : ", ", columns[i].name);
}

static void add_marks(struct strbuf *sql)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        strbuf_puts(sql, i == 0 ? "?" : ", ?");
}

static void bind_column(struct db_query *query, const struct column *column, const void *member)
{
    switch (column->kind) {
    case COLUMN_TEXT:
        db_bind_text(query, member);
        return;
    case COLUMN_INT64:
        db_bind_int(query, *(const int64_t *)member);
        return;
    case COLUMN_INT:
        db_bind_int(query, *(const int *)member);
        return;
    case COLUMN_BOOL:
        db_bind_int(query, *(const bool *)member);
        return;
    case COLUMN_REAL:
        db_bind_real(query, *(const double *)member);
        return;
    case COLUMN_STATE:
        db_bind_text(query, machine_name(*(const enum machine_state *)member));
        return;
    }
}

static enum error_code read_state(const struct db_query *query, int number,
                                  enum machine_state *state, struct error *err)
{
    char name[32];
    db_text(query, number, name, sizeof(name));
    if (machine_parse(name, state, NULL) != ERR_NONE)
        return error_set(err, ERR_STORE, "a run is in the unknown state '%s'", name);
    return ERR_NONE;
}

static enum error_code read_column(const struct db_query *query, int number,
                                   const struct column *column, void *member, struct error *err)
{
    switch (column->kind) {
    case COLUMN_TEXT:
        db_text(query, number, member, column->size);
        return ERR_NONE;
    case COLUMN_INT64:
        *(int64_t *)member = db_int(query, number);
        return ERR_NONE;
    case COLUMN_INT:
        *(int *)member = (int)db_int(query, number);
        return ERR_NONE;
    case COLUMN_BOOL:
        *(bool *)member = db_int(query, number) != 0;
        return ERR_NONE;
    case COLUMN_REAL:
        *(double *)member = db_real(query, number);
        return ERR_NONE;
    case COLUMN_STATE:
        break;
    }
    return read_state(query, number, member, err);
}

static void bind_run(struct db_query *query, const struct run *run)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        bind_column(query, &columns[i], (const char *)run + columns[i].offset);
}

static enum error_code read_run(const struct db_query *query, struct run *run, struct error *err)
{
    struct run read = {0};
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        TRY(read_column(query, (int)i, &columns[i], (char *)&read + columns[i].offset, err));
    TRY(db_check_row(query, err));
    *run = read;
    return ERR_NONE;
}

/* The journal gets a line when the state or the round is another than in its newest line. */
static enum error_code write_journal(struct store *store, const struct run *run, int64_t now_ms,
                                     struct error *err)
{
    CLEANUP_QUERY struct db_query query = {0};
    TRY(db_prepare(store,
                   "INSERT INTO journal (run_id, state, round, entered_ms)"
                   " SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS (SELECT 1 FROM"
                   "  (SELECT state, round FROM journal WHERE run_id = ?1"
                   "   ORDER BY number DESC LIMIT 1) WHERE state = ?2 AND round = ?3)",
                   &query, err));
    db_bind_text(&query, run->id);
    db_bind_text(&query, machine_name(run->state));
    db_bind_int(&query, run->round);
    db_bind_int(&query, now_ms);
    return db_run(&query, err);
}

static enum error_code write_run(struct store *store, const struct run *run, int64_t now_ms,
                                 const struct strbuf *sql, struct error *err)
{
    CLEANUP_QUERY struct db_query query = {0};
    TRY(strbuf_check(sql, err));
    TRY(db_prepare(store, strbuf_text(sql), &query, err));
    bind_run(&query, run);
    TRY(db_run(&query, err));
    return write_journal(store, run, now_ms, err);
}

static enum error_code put_run(struct store *store, const struct run *run, int64_t now_ms,
                               const struct strbuf *sql, struct error *err)
{
    TRY(db_exec(store, "BEGIN IMMEDIATE", err));
    return db_end(store, write_run(store, run, now_ms, sql, err), err);
}

enum error_code store_add_run(struct store *store, const struct run *run, struct error *err)
{
    CLEANUP_STRBUF struct strbuf sql = {.max_bytes = 4096};
    strbuf_puts(&sql, "INSERT INTO run (");
    add_names(&sql);
    strbuf_puts(&sql, ") VALUES (");
    add_marks(&sql);
    strbuf_puts(&sql, ")");
    return put_run(store, run, run->created_ms, &sql, err);
}

enum error_code store_save_run(struct store *store, const struct run *run, int64_t now_ms,
                               struct error *err)
{
    CLEANUP_STRBUF struct strbuf sql = {.max_bytes = 4096};
    strbuf_puts(&sql, "UPDATE run SET (");
    add_names(&sql);
    strbuf_puts(&sql, ") = (");
    add_marks(&sql);
    strbuf_puts(&sql, ") WHERE id = ?1");
    return put_run(store, run, now_ms, &sql, err);
}

enum error_code store_get_run(struct store *store, const char *run_id, struct run *run,
                              struct error *err)
{
    CLEANUP_STRBUF struct strbuf sql = {.max_bytes = 4096};
    CLEANUP_QUERY struct db_query query = {0};
    bool row = false;
    bool newest = run_id == NULL || run_id[0] == '\0';
    strbuf_puts(&sql, "SELECT ");
    add_names(&sql);
    strbuf_puts(&sql, " FROM run WHERE ?1 = '' OR id = ?1"
                      " ORDER BY created_ms DESC, rowid DESC LIMIT 1");
    TRY(strbuf_check(&sql, err));
    TRY(db_prepare(store, strbuf_text(&sql), &query, err));
    db_bind_text(&query, newest ? "" : run_id);
    TRY(db_step(&query, &row, err));
    if (!row && newest)
        return error_set(err, ERR_NO_RUN, "there is no run yet");
    if (!row)
        return error_set(err, ERR_NO_RUN, "there is no run '%s'", run_id);
    return read_run(&query, run, err);
}

static enum error_code read_step(const struct db_query *query, void *item, struct error *err)
{
    struct journal_step *step = item;
    *step = (struct journal_step){.round = (int)db_int(query, 1), .entered_ms = db_int(query, 2)};
    return read_state(query, 0, &step->state, err);
}

enum error_code store_get_journal(struct store *store, const char *run_id,
                                  struct journal_step **steps, size_t *count, struct error *err)
{
    CLEANUP_QUERY struct db_query query = {0};
    TRY(db_prepare(store,
                   "SELECT state, round, entered_ms FROM journal WHERE run_id = ? ORDER BY number",
                   &query, err));
    db_bind_text(&query, run_id);
    return db_read_all(&query, read_step, sizeof(**steps), (void **)steps, count, err);
}

enum error_code store_put_text(struct store *store, const char *run_id, const char *name,
                               const char *text, struct error *err)
{
    CLEANUP_QUERY struct db_query query = {0};
    TRY(db_prepare(store, "INSERT OR REPLACE INTO run_text (run_id, name, text) VALUES (?,?,?)",
                   &query, err));
    db_bind_text(&query, run_id);
    db_bind_text(&query, name);
    db_bind_text(&query, text);
    return db_run(&query, err);
}

enum error_code store_get_text(struct store *store, const char *run_id, const char *name,
                               struct strbuf *text, struct error *err)
{
    CLEANUP_QUERY struct db_query query = {0};
    bool row = false;
    TRY(db_prepare(store, "SELECT text FROM run_text WHERE run_id = ? AND name = ?", &query, err));
    db_bind_text(&query, run_id);
    db_bind_text(&query, name);
    TRY(db_step(&query, &row, err));
    if (!row)
        return error_set(err, ERR_NOT_FOUND, "run '%s' has no '%s'", run_id, name);
    const unsigned char *found = sqlite3_column_text(query.statement, 0);
    TRY(db_check_row(&query, err));
    strbuf_puts(text, found == NULL ? "" : (const char *)found);
    return strbuf_check(text, err);
}
