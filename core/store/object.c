#include "core/store/db.h"

static void bind_object(struct db_query *query, const struct object *object)
{
    db_bind_int(query, object->kind);
    db_bind_int(query, object->state);
    db_bind_int(query, object->round);
    db_bind_text(query, object->token);
    db_bind_text(query, object->volume_id);
    db_bind_text(query, object->from_id);
    db_bind_text(query, object->id);
    db_bind_text(query, object->region);
    db_bind_text(query, object->device);
    db_bind_int(query, object->intended_ms);
    db_bind_int(query, object->started_ms);
    db_bind_int(query, object->done_ms);
}

enum error_code store_add_object(struct store *store, const char *run_id, struct object *object,
                                 struct error *err)
{
    CLEANUP_QUERY struct db_query query = {0};
    TRY(db_prepare(store,
                   "INSERT INTO object (run_id, kind, state, round, token, volume_id, from_id, id,"
                   " region, device, intended_ms, started_ms, done_ms)"
                   " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
                   &query, err));
    db_bind_text(&query, run_id);
    bind_object(&query, object);
    TRY(db_run(&query, err));
    object->number = sqlite3_last_insert_rowid(store->db);
    return ERR_NONE;
}

enum error_code store_save_object(struct store *store, const struct object *object,
                                  struct error *err)
{
    CLEANUP_QUERY struct db_query query = {0};
    TRY(db_prepare(store,
                   "UPDATE object SET (kind, state, round, token, volume_id, from_id, id, region,"
                   " device, intended_ms, started_ms, done_ms) = (?,?,?,?,?,?,?,?,?,?,?,?)"
                   " WHERE number = ?",
                   &query, err));
    bind_object(&query, object);
    db_bind_int(&query, object->number);
    return db_run(&query, err);
}

#define SELECT_OBJECT                                                                              \
    "SELECT number, kind, state, round, token, volume_id, from_id, id, region, device,"            \
    " intended_ms, started_ms, done_ms FROM object"

static enum error_code read_object(const struct db_query *query, void *item, struct error *err)
{
    struct object *object = item;
    int kind = 0;
    int state = 0;
    TRY(db_enum(query, 1, OBJECT_SECOND_RELAY, &kind, err));
    TRY(db_enum(query, 2, OBJECT_DELETED, &state, err));
    *object = (struct object){
        .number = db_int(query, 0),
        .kind = (enum object_kind)kind,
        .state = (enum object_state)state,
        .round = (int)db_int(query, 3),
        .intended_ms = db_int(query, 10),
        .started_ms = db_int(query, 11),
        .done_ms = db_int(query, 12),
    };
    db_text(query, 4, object->token, sizeof(object->token));
    db_text(query, 5, object->volume_id, sizeof(object->volume_id));
    db_text(query, 6, object->from_id, sizeof(object->from_id));
    db_text(query, 7, object->id, sizeof(object->id));
    db_text(query, 8, object->region, sizeof(object->region));
    db_text(query, 9, object->device, sizeof(object->device));
    return ERR_NONE;
}

enum error_code store_get_objects(struct store *store, const char *run_id, struct object **objects,
                                  size_t *count, struct error *err)
{
    CLEANUP_QUERY struct db_query query = {0};
    TRY(db_prepare(store,
                   SELECT_OBJECT " WHERE run_id = ?"
                                 " ORDER BY number",
                   &query, err));
    db_bind_text(&query, run_id);
    return db_read_all(&query, read_object, sizeof(**objects), (void **)objects, count, err);
}

enum error_code store_get_copies(struct store *store, const struct copy_series *series,
                                 struct object **copies, size_t *count, struct error *err)
{
    CLEANUP_QUERY struct db_query query = {0};
    TRY(db_prepare(store,
                   SELECT_OBJECT " WHERE volume_id = ? AND kind = ? AND region = ? AND id <> ''"
                                 " AND (state <> ? OR done_ms > 0)"
                                 " AND run_id IN (SELECT id FROM run WHERE target_account = ?)"
                                 " ORDER BY number",
                   &query, err));
    db_bind_text(&query, series->volume_id);
    db_bind_int(&query, series->kind);
    db_bind_text(&query, series->region);
    db_bind_int(&query, OBJECT_LOST);
    db_bind_text(&query, series->target_account);
    return db_read_all(&query, read_object, sizeof(**copies), (void **)copies, count, err);
}
