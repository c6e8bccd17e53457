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

enum error_code store_had_full_round(struct store *store, int64_t started_ms, bool *had,
                                     struct error *err)
{
    CLEANUP_QUERY struct db_query query = {0};
    TRY(db_prepare(store, "SELECT 1 FROM round WHERE started_ms = ? AND is_full", &query, err));
    db_bind_int(&query, started_ms);
    return db_step(&query, had, err);
}

static enum error_code read_promise(const struct db_query *query, void *item, struct error *err)
{
    (void)err;
    struct promise *promise = item;
    *promise = (struct promise){
        .series = db_int(query, 1) != 0,
        .own = db_int(query, 2) != 0,
        .actual_s = db_real(query, 6),
        .own_steps_s = db_real(query, 7),
    };
    db_text(query, 0, promise->run_id, sizeof(promise->run_id));
    read_three(query, 3, promise->told_s);
    return ERR_NONE;
}

/* A round without copies has no instants for them. */
enum error_code store_get_promises(struct store *store, const char *volume_ids, size_t most,
                                   struct promise **promises, size_t *count, struct error *err)
{
    CLEANUP_QUERY struct db_query query = {0};
    TRY(db_prepare(
        store,
        "WITH leg AS (SELECT run_id, final, duration_p05_s, duration_p50_s, duration_p95_s,"
        "  max(snapshot_done_ms, copy_done_ms) - started_ms AS took_ms,"
        "  snapshot_done_ms - started_ms + copy_done_ms - copy_started_ms AS transfer_ms"
        "  FROM round WHERE started_ms > 0 AND snapshot_done_ms > started_ms"
        "  AND (copy_started_ms = 0 OR copy_done_ms > copy_started_ms)),"
        " told AS ("
        "  SELECT r.id, r.created_ms, 1 AS series, r.drawn_p05_s AS p05, r.drawn_p50_s AS p50,"
        "  r.drawn_p95_s AS p95, (r.up_ms - r.down_ms) / 1000.0 AS actual,"
        "  ifnull((r.up_ms - r.down_ms - f.transfer_ms) / 1000.0, -1) AS own_steps"
        "  FROM run r LEFT JOIN leg f ON f.run_id = r.id AND f.final"
        "  WHERE r.state = 'done' AND r.down_ms > 0 AND r.up_ms > r.down_ms"
        "  UNION ALL"
        "  SELECT r.id, r.created_ms, 0, leg.duration_p05_s, leg.duration_p50_s,"
        "  leg.duration_p95_s, leg.took_ms / 1000.0, -1 FROM leg JOIN run r ON r.id = leg.run_id"
        "  WHERE NOT leg.final)"
        " SELECT id, series, EXISTS (SELECT 1 FROM object WHERE run_id = told.id"
        "  AND instr(?, volume_id) > 0), p05, p50, p95, actual, own_steps FROM told"
        " WHERE id IN (SELECT DISTINCT id FROM told ORDER BY created_ms DESC LIMIT ?)"
        " ORDER BY created_ms DESC, id, series DESC",
        &query, err));
    db_bind_text(&query, volume_ids);
    db_bind_int(&query, (int64_t)most);
    return db_read_all(&query, read_promise, sizeof(**promises), (void **)promises, count, err);
}
