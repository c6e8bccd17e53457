#include <stdlib.h>

#include "core/store/db.h"

/* Runs `put` once per row, as one transaction. */
#define PUT_ALL(store, sql, put, volume_id, rows, count, err)                                      \
    do {                                                                                           \
        CLEANUP_QUERY struct db_query query = {0};                                                 \
        TRY(db_prepare(store, sql, &query, err));                                                  \
        TRY(db_exec(store, "BEGIN IMMEDIATE", err));                                               \
        enum error_code code = ERR_NONE;                                                           \
        for (size_t i = 0; i < (count) && code == ERR_NONE; i++) {                                 \
            put(&query, volume_id, &(rows)[i]);                                                    \
            code = db_run(&query, err);                                                            \
        }                                                                                          \
        return db_end(store, code, err);                                                           \
    } while (0)

static void put_duration(struct db_query *query, const char *volume_id,
                         const struct store_duration *row)
{
    db_bind_text(query, volume_id);
    db_bind_text(query, row->sample.id);
    db_bind_int(query, row->sample.kind);
    db_bind_text(query, row->target_region);
    db_bind_int(query, row->sample.full);
    db_bind_int(query, row->sample.pending);
    db_bind_int(query, row->sample.started_ms);
    db_bind_int(query, row->sample.duration_ms);
    db_bind_int(query, row->sample.delta_bytes);
}

/* A size that was known once is not forgotten because this time nobody asked for it. */
enum error_code store_put_durations(struct store *store, const char *volume_id,
                                    const struct store_duration *rows, size_t count,
                                    struct error *err)
{
    PUT_ALL(store,
            "INSERT INTO duration (volume_id, id, kind, target_region, is_full, pending,"
            " started_ms, duration_ms, delta_bytes) VALUES (?,?,?,?,?,?,?,?,?)"
            " ON CONFLICT DO UPDATE SET pending = excluded.pending, is_full = excluded.is_full,"
            " started_ms = excluded.started_ms, duration_ms = excluded.duration_ms,"
            " delta_bytes = max(delta_bytes, excluded.delta_bytes)",
            put_duration, volume_id, rows, count, err);
}

static void put_dirty(struct db_query *query, const char *volume_id, const struct dirty_sample *row)
{
    db_bind_text(query, volume_id);
    db_bind_text(query, row->id);
    db_bind_int(query, row->start_ms);
    db_bind_int(query, row->end_ms);
    db_bind_int(query, row->changed_bytes);
    db_bind_int(query, row->merged_count);
}

enum error_code store_put_dirties(struct store *store, const char *volume_id,
                                  const struct dirty_sample *rows, size_t count, struct error *err)
{
    PUT_ALL(store,
            "INSERT OR REPLACE INTO dirty (volume_id, id, start_ms, end_ms, changed_bytes,"
            " merged_count) VALUES (?,?,?,?,?,?)",
            put_dirty, volume_id, rows, count, err);
}

static void put_write(struct db_query *query, const char *volume_id, const struct write_sample *row)
{
    db_bind_text(query, volume_id);
    db_bind_int(query, row->start_ms);
    db_bind_int(query, row->length_ms);
    db_bind_int(query, row->bytes);
    db_bind_int(query, row->ops);
}

enum error_code store_put_writes(struct store *store, const char *volume_id,
                                 const struct write_sample *rows, size_t count, struct error *err)
{
    PUT_ALL(store,
            "INSERT OR REPLACE INTO writes (volume_id, start_ms, length_ms, bytes, ops)"
            " VALUES (?,?,?,?,?)",
            put_write, volume_id, rows, count, err);
}

static void bind_reading(struct db_query *query, const char *volume_id, int64_t at_ms,
                         const struct counter_reading *reading)
{
    db_bind_text(query, volume_id);
    db_bind_int(query, at_ms);
    db_bind_text(query, reading->origin);
    db_bind_int(query, reading->bytes);
    db_bind_int(query, reading->ops);
}

static enum error_code count_since(struct store *store, const char *volume_id, int64_t at_ms,
                                   const struct counter_reading *reading, struct error *err)
{
    CLEANUP_QUERY struct db_query query = {0};
    TRY(db_prepare(store,
                   "INSERT OR REPLACE INTO counted"
                   " SELECT volume_id, at_ms, ?2 - at_ms, ?4 - bytes, ?5 - ops FROM reading"
                   " WHERE volume_id = ?1 AND origin = ?3 AND at_ms BETWEEN ?2 - ?6 AND ?2 - 1"
                   " AND bytes <= ?4 AND ops <= ?5",
                   &query, err));
    bind_reading(&query, volume_id, at_ms, reading);
    db_bind_int(&query, COUNTED_MAX_MS);
    return db_run(&query, err);
}

static enum error_code keep_reading(struct store *store, const char *volume_id, int64_t at_ms,
                                    const struct counter_reading *reading, struct error *err)
{
    CLEANUP_QUERY struct db_query query = {0};
    TRY(count_since(store, volume_id, at_ms, reading, err));
    TRY(db_prepare(store,
                   "INSERT OR REPLACE INTO reading (volume_id, at_ms, origin, bytes, ops)"
                   " VALUES (?,?,?,?,?)",
                   &query, err));
    bind_reading(&query, volume_id, at_ms, reading);
    return db_run(&query, err);
}

enum error_code store_put_reading(struct store *store, const char *volume_id, int64_t at_ms,
                                  const struct counter_reading *reading, struct error *err)
{
    TRY(db_exec(store, "BEGIN IMMEDIATE", err));
    return db_end(store, keep_reading(store, volume_id, at_ms, reading, err), err);
}

static enum error_code read_duration(const struct db_query *query, void *item, struct error *err)
{
    struct duration_sample *row = item;
    int kind = 0;
    TRY(db_enum(query, 1, TRANSFER_COPY, &kind, err));
    *row = (struct duration_sample){
        .kind = (enum transfer_kind)kind,
        .full = db_int(query, 2) != 0,
        .pending = db_int(query, 3) != 0,
        .started_ms = db_int(query, 4),
        .duration_ms = db_int(query, 5),
        .delta_bytes = db_int(query, 6),
        .queued = (unsigned)db_int(query, 7),
        .set_bytes = db_int(query, 8),
    };
    db_text(query, 0, row->id, sizeof(row->id));
    return ERR_NONE;
}

/* Beside each the transfers of its kind, of any volume, that were running when it started; those of
 * a set start together and count one another. None is looked for that began two days before. And for
 * a snapshot the most that one of its set carried: they begin and complete in the same second. */
static enum error_code get_durations(struct store *store, const char *volume_id,
                                     const char *target_region, struct volume_rows *rows,
                                     struct error *err)
{
    CLEANUP_QUERY struct db_query query = {0};
    TRY(db_prepare(store,
                   "SELECT id, kind, is_full, pending, started_ms, duration_ms, delta_bytes,"
                   " (SELECT count(*) FROM duration other WHERE other.kind = duration.kind"
                   "  AND other.started_ms BETWEEN duration.started_ms - 172800000"
                   "  AND duration.started_ms"
                   "  AND other.started_ms + other.duration_ms > duration.started_ms"
                   "  AND (other.volume_id, other.id) <> (duration.volume_id, duration.id)),"
                   " (SELECT ifnull(max(other.delta_bytes), 0) FROM duration other"
                   "  WHERE duration.kind = 0 AND other.kind = 0"
                   "  AND other.started_ms = duration.started_ms"
                   "  AND abs(other.duration_ms - duration.duration_ms) <= 1000"
                   "  AND other.volume_id <> duration.volume_id)"
                   " FROM duration WHERE volume_id = ? AND target_region IN ('', ?)"
                   " ORDER BY started_ms",
                   &query, err));
    db_bind_text(&query, volume_id);
    db_bind_text(&query, target_region);
    return db_read_all(&query, read_duration, sizeof(*rows->durations), (void **)&rows->durations,
                       &rows->duration_count, err);
}

static enum error_code read_dirty(const struct db_query *query, void *item, struct error *err)
{
    (void)err;
    struct dirty_sample *row = item;
    *row = (struct dirty_sample){
        .start_ms = db_int(query, 1),
        .end_ms = db_int(query, 2),
        .changed_bytes = db_int(query, 3),
        .merged_count = (unsigned)db_int(query, 4),
    };
    db_text(query, 0, row->id, sizeof(row->id));
    return ERR_NONE;
}

static enum error_code get_dirties(struct store *store, const char *volume_id,
                                   struct volume_rows *rows, struct error *err)
{
    CLEANUP_QUERY struct db_query query = {0};
    TRY(db_prepare(store,
                   "SELECT id, start_ms, end_ms, changed_bytes, merged_count FROM dirty"
                   " WHERE volume_id = ? ORDER BY end_ms, start_ms DESC",
                   &query, err));
    db_bind_text(&query, volume_id);
    return db_read_all(&query, read_dirty, sizeof(*rows->dirties), (void **)&rows->dirties,
                       &rows->dirty_count, err);
}

static enum error_code read_write(const struct db_query *query, void *item, struct error *err)
{
    (void)err;
    *(struct write_sample *)item = (struct write_sample){
        .start_ms = db_int(query, 0),
        .length_ms = db_int(query, 1),
        .bytes = db_int(query, 2),
        .ops = db_int(query, 3),
    };
    return ERR_NONE;
}

static enum error_code get_writes(struct store *store, const char *volume_id,
                                  struct volume_rows *rows, struct error *err)
{
    CLEANUP_QUERY struct db_query query = {0};
    TRY(db_prepare(store,
                   "SELECT start_ms, length_ms, bytes, ops FROM writes WHERE volume_id = ?1"
                   " UNION ALL"
                   " SELECT start_ms, length_ms, bytes, ops FROM counted WHERE volume_id = ?1"
                   " AND start_ms >= ifnull((SELECT max(start_ms + length_ms) FROM writes"
                   " WHERE volume_id = ?1), 0) ORDER BY start_ms",
                   &query, err));
    db_bind_text(&query, volume_id);
    return db_read_all(&query, read_write, sizeof(*rows->writes), (void **)&rows->writes,
                       &rows->write_count, err);
}

enum error_code store_get_volume_rows(struct store *store, const char *volume_id,
                                      const char *target_region, struct volume_rows *rows,
                                      struct error *err)
{
    CLEANUP_VOLUME_ROWS struct volume_rows read = {0};
    TRY(get_durations(store, volume_id, target_region, &read, err));
    TRY(get_dirties(store, volume_id, &read, err));
    TRY(get_writes(store, volume_id, &read, err));
    *rows = read;
    read = (struct volume_rows){0};
    return ERR_NONE;
}

void volume_rows_done(struct volume_rows *rows)
{
    free(rows->durations);
    free(rows->dirties);
    free(rows->writes);
    *rows = (struct volume_rows){0};
}

struct volume_history volume_rows_history(const struct volume_rows *rows, const char *volume_id)
{
    return (struct volume_history){
        .volume_id = volume_id,
        .durations = rows->durations,
        .duration_count = rows->duration_count,
        .dirties = rows->dirties,
        .dirty_count = rows->dirty_count,
        .writes = rows->writes,
        .write_count = rows->write_count,
    };
}

static enum error_code read_volume(const struct db_query *query, void *item, struct error *err)
{
    (void)err;
    struct stored_volume *volume = item;
    db_text(query, 0, volume->id, sizeof(volume->id));
    return ERR_NONE;
}

enum error_code store_get_volumes(struct store *store, size_t least, size_t most,
                                  struct stored_volume **volumes, size_t *count, struct error *err)
{
    CLEANUP_QUERY struct db_query query = {0};
    TRY(db_prepare(store,
                   "SELECT volume_id FROM duration WHERE kind = ? AND pending = 0"
                   " GROUP BY volume_id HAVING count(*) >= ?"
                   " ORDER BY max(started_ms) DESC, volume_id LIMIT ?",
                   &query, err));
    db_bind_int(&query, TRANSFER_SNAPSHOT);
    db_bind_int(&query, (int64_t)least);
    db_bind_int(&query, (int64_t)most);
    return db_read_all(&query, read_volume, sizeof(**volumes), (void **)volumes, count, err);
}

enum error_code store_writes_end(struct store *store, const char *volume_id, int64_t *end_ms,
                                 struct error *err)
{
    CLEANUP_QUERY struct db_query query = {0};
    bool row = false;
    TRY(db_prepare(store,
                   "SELECT coalesce(max(start_ms + length_ms), 0) FROM writes WHERE volume_id = ?",
                   &query, err));
    db_bind_text(&query, volume_id);
    TRY(db_step(&query, &row, err));
    TRY(db_check_row(&query, err));
    *end_ms = db_int(&query, 0);
    return ERR_NONE;
}
