#include <string.h>

#include "core/store/db.h"
#include "model/strbuf.h"

#define RUN_COLUMNS                                                                                                               \
    "id, state, round, created_ms, finished_ms, source_region, source_instance, target_region,"                                   \
    " target_zone, target_instance, target_key, fence, backup, window_start_ms, window_end_ms,"                                   \
    " max_downtime_ms, confidence, downtime_p05_s, downtime_p50_s, downtime_p95_s,"                                               \
    " miss_probability, first_p05_s, first_p50_s, first_p95_s, down_ms, cut_ms, up_ms, freeze_us, request_us, flush_us, thaw_us," \
    " consistency, lsn, failure"

static void bind_run(struct db_query *query, const struct run *run)
{
    db_bind_text(query, run->id);
    db_bind_text(query, machine_name(run->state));
    db_bind_int(query, run->round);
    db_bind_int(query, run->created_ms);
    db_bind_int(query, run->finished_ms);
    db_bind_text(query, run->source_region);
    db_bind_text(query, run->source_instance);
    db_bind_text(query, run->target_region);
    db_bind_text(query, run->target_zone);
    db_bind_text(query, run->target_instance);
    db_bind_text(query, run->target_key);
    db_bind_int(query, run->fence);
    db_bind_int(query, run->backup);
    db_bind_int(query, run->window_start_ms);
    db_bind_int(query, run->window_end_ms);
    db_bind_int(query, run->max_downtime_ms);
    db_bind_real(query, run->confidence);
    db_bind_real(query, run->downtime_p05_s);
    db_bind_real(query, run->downtime_p50_s);
    db_bind_real(query, run->downtime_p95_s);
    db_bind_real(query, run->miss_probability);
    db_bind_real(query, run->first_p05_s);
    db_bind_real(query, run->first_p50_s);
    db_bind_real(query, run->first_p95_s);
    db_bind_int(query, run->down_ms);
    db_bind_int(query, run->cut_ms);
    db_bind_int(query, run->up_ms);
    db_bind_int(query, run->freeze_us);
    db_bind_int(query, run->request_us);
    db_bind_int(query, run->flush_us);
    db_bind_int(query, run->thaw_us);
    db_bind_text(query, run->consistency);
    db_bind_text(query, run->lsn);
    db_bind_text(query, run->failure);
}

static enum error_code read_run(const struct db_query *query, struct run *run, struct error *err)
{
    char state[32];
    struct run read = {0};
    db_text(query, 0, read.id, sizeof(read.id));
    db_text(query, 1, state, sizeof(state));
    read.round = (int)db_int(query, 2);
    read.created_ms = db_int(query, 3);
    read.finished_ms = db_int(query, 4);
    db_text(query, 5, read.source_region, sizeof(read.source_region));
    db_text(query, 6, read.source_instance, sizeof(read.source_instance));
    db_text(query, 7, read.target_region, sizeof(read.target_region));
    db_text(query, 8, read.target_zone, sizeof(read.target_zone));
    db_text(query, 9, read.target_instance, sizeof(read.target_instance));
    db_text(query, 10, read.target_key, sizeof(read.target_key));
    read.fence = db_int(query, 11) != 0;
    read.backup = db_int(query, 12) != 0;
    read.window_start_ms = db_int(query, 13);
    read.window_end_ms = db_int(query, 14);
    read.max_downtime_ms = db_int(query, 15);
    read.confidence = db_real(query, 16);
    read.downtime_p05_s = db_real(query, 17);
    read.downtime_p50_s = db_real(query, 18);
    read.downtime_p95_s = db_real(query, 19);
    read.miss_probability = db_real(query, 20);
    read.first_p05_s = db_real(query, 21);
    read.first_p50_s = db_real(query, 22);
    read.first_p95_s = db_real(query, 23);
    read.down_ms = db_int(query, 24);
    read.cut_ms = db_int(query, 25);
    read.up_ms = db_int(query, 26);
    read.freeze_us = db_int(query, 27);
    read.request_us = db_int(query, 28);
    read.flush_us = db_int(query, 29);
    read.thaw_us = db_int(query, 30);
    db_text(query, 31, read.consistency, sizeof(read.consistency));
    db_text(query, 32, read.lsn, sizeof(read.lsn));
    db_text(query, 33, read.failure, sizeof(read.failure));
    if (machine_parse(state, &read.state, err) != ERR_NONE)
        return error_set(err, ERR_STORE, "run '%s' is in the unknown state '%s'", read.id, state);
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
                                 const char *sql, struct error *err)
{
    CLEANUP_QUERY struct db_query query = {0};
    TRY(db_prepare(store, sql, &query, err));
    bind_run(&query, run);
    TRY(db_run(&query, err));
    return write_journal(store, run, now_ms, err);
}

static enum error_code put_run(struct store *store, const struct run *run, int64_t now_ms,
                               const char *sql, struct error *err)
{
    TRY(db_exec(store, "BEGIN IMMEDIATE", err));
    return db_end(store, write_run(store, run, now_ms, sql, err), err);
}

#define RUN_VALUES "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"

enum error_code store_add_run(struct store *store, const struct run *run, struct error *err)
{
    return put_run(store, run, run->created_ms,
                   "INSERT INTO run (" RUN_COLUMNS ") VALUES " RUN_VALUES, err);
}

enum error_code store_save_run(struct store *store, const struct run *run, int64_t now_ms,
                               struct error *err)
{
    return put_run(store, run, now_ms,
                   "UPDATE run SET (" RUN_COLUMNS ") = " RUN_VALUES " WHERE id = ?1", err);
}

enum error_code store_get_run(struct store *store, const char *run_id, struct run *run,
                              struct error *err)
{
    CLEANUP_QUERY struct db_query query = {0};
    bool row = false;
    bool newest = run_id == NULL || run_id[0] == '\0';
    TRY(db_prepare(store,
                   "SELECT " RUN_COLUMNS " FROM run WHERE ?1 = '' OR id = ?1"
                   " ORDER BY created_ms DESC, rowid DESC LIMIT 1",
                   &query, err));
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
    char state[32];
    *step = (struct journal_step){.round = (int)db_int(query, 1), .entered_ms = db_int(query, 2)};
    db_text(query, 0, state, sizeof(state));
    return machine_parse(state, &step->state, err);
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
    strbuf_puts(text, (const char *)sqlite3_column_text(query.statement, 0));
    return strbuf_check(text, err);
}
