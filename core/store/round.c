#include "core/store/db.h"

static void bind_three(struct db_query *query, const double values[3])
{
    for (int i = 0; i < 3; i++)
        db_bind_real(query, values[i]);
}

static void read_three(const struct db_query *query, int column, double values[3])
{
    for (int i = 0; i < 3; i++)
        values[i] = db_real(query, column + i);
}

enum error_code store_put_round(struct store *store, const char *run_id, const struct round *round,
                                struct error *err)
{
    CLEANUP_QUERY struct db_query query = {0};
    TRY(db_prepare(store,
                   "INSERT OR REPLACE INTO round VALUES"
                   " (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                   &query, err));
    db_bind_text(&query, run_id);
    db_bind_int(&query, round->number);
    db_bind_int(&query, round->final);
    db_bind_int(&query, round->full);
    bind_three(&query, round->delta_bytes);
    bind_three(&query, round->snapshot_s);
    bind_three(&query, round->copy_s);
    bind_three(&query, round->duration_s);
    db_bind_int(&query, round->planned_ms);
    db_bind_int(&query, round->started_ms);
    db_bind_int(&query, round->snapshot_done_ms);
    db_bind_int(&query, round->copy_started_ms);
    db_bind_int(&query, round->copy_done_ms);
    db_bind_int(&query, round->actual_delta_bytes);
    return db_run(&query, err);
}

static enum error_code read_round(const struct db_query *query, void *item, struct error *err)
{
    (void)err;
    struct round *round = item;
    *round = (struct round){
        .number = (int)db_int(query, 0),
        .final = db_int(query, 1) != 0,
        .full = db_int(query, 2) != 0,
        .planned_ms = db_int(query, 15),
        .started_ms = db_int(query, 16),
        .snapshot_done_ms = db_int(query, 17),
        .copy_started_ms = db_int(query, 18),
        .copy_done_ms = db_int(query, 19),
        .actual_delta_bytes = db_int(query, 20),
    };
    read_three(query, 3, round->delta_bytes);
    read_three(query, 6, round->snapshot_s);
    read_three(query, 9, round->copy_s);
    read_three(query, 12, round->duration_s);
    return ERR_NONE;
}

enum error_code store_get_rounds(struct store *store, const char *run_id, struct round **rounds,
                                 size_t *count, struct error *err)
{
    CLEANUP_QUERY struct db_query query = {0};
    TRY(db_prepare(store,
                   "SELECT number, final, is_full, delta_p05_bytes, delta_p50_bytes,"
                   " delta_p95_bytes, snapshot_p05_s, snapshot_p50_s, snapshot_p95_s, copy_p05_s,"
                   " copy_p50_s, copy_p95_s, duration_p05_s, duration_p50_s, duration_p95_s,"
                   " planned_ms, started_ms, snapshot_done_ms, copy_started_ms, copy_done_ms,"
                   " actual_delta_bytes FROM round WHERE run_id = ? ORDER BY number",
                   &query, err));
    db_bind_text(&query, run_id);
    return db_read_all(&query, read_round, sizeof(**rounds), (void **)rounds, count, err);
}
