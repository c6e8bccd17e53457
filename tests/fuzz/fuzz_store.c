/* fuzz_store.c: any values in the rows of the store: read back or refused, then shown. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/render_run.h"
#include "core/store/db.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RUN    "r-1"
#define VOLUME "vol-1"

/* What is left of the input. */
struct input {
    const uint8_t *data;
    size_t size;
};

static uint8_t take_byte(struct input *input)
{
    if (input->size == 0)
        return 0;
    input->size--;
    return *input->data++;
}

/* A value of any type that STRICT tables take; it decides by itself. */
static void bind_value(struct db_query *query, struct input *input, int column)
{
    uint8_t kind = take_byte(input);
    int64_t number = 0;
    double real = 0;
    size_t length = kind >> 2;
    if (length > input->size)
        length = input->size;
    switch (kind & 3) {
    case 0:
        (void)sqlite3_bind_int64(query->statement, column, kind >> 2);
        return;
    case 1:
        memcpy(&number, input->data, length < 8 ? length : 8);
        (void)sqlite3_bind_int64(query->statement, column, number);
        break;
    case 2:
        memcpy(&real, input->data, length < 8 ? length : 8);
        (void)sqlite3_bind_double(query->statement, column, real);
        break;
    default:
        (void)sqlite3_bind_text(query->statement, column, (const char *)input->data, (int)length,
                                SQLITE_TRANSIENT);
        break;
    }
    input->data += length;
    input->size -= length;
}

static const struct {
    const char *sql;
    const char *key; /* the first value, so that the row is found */
} tables[] = {
    {"UPDATE run SET (state, round, created_ms, finished_ms, window_start_ms, window_end_ms,"
     " confidence, downtime_p50_s, down_ms, up_ms, freeze_us, failure) ="
     " (?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13) WHERE id = ?1",
     RUN},
    {"INSERT INTO journal (run_id, state, round, entered_ms) VALUES (?,?,?,?)", RUN},
    {"INSERT OR REPLACE INTO round SELECT ?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?", RUN},
    {"INSERT INTO object (run_id, kind, state, round, token, volume_id, from_id, id, region,"
     " device, intended_ms, started_ms, done_ms) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
     RUN},
    {"INSERT OR REPLACE INTO duration VALUES (?,?,?,?,?,?,?,?,?)", VOLUME},
    {"INSERT OR REPLACE INTO dirty VALUES (?,?,?,?,?,?)", VOLUME},
    {"INSERT OR REPLACE INTO writes VALUES (?,?,?,?,?)", VOLUME},
    {"INSERT OR REPLACE INTO run_text VALUES (?,?,?)", RUN},
};

static void write_row(struct store *store, struct input *input)
{
    CLEANUP_QUERY struct db_query query = {0};
    size_t table = take_byte(input) % (sizeof(tables) / sizeof(tables[0]));
    enum error_code code = db_prepare(store, tables[table].sql, &query, NULL);
    assert(code == ERR_NONE);
    int count = sqlite3_bind_parameter_count(query.statement);
    (void)sqlite3_bind_text(query.statement, 1, tables[table].key, -1, SQLITE_STATIC);
    for (int column = 2; column <= count; column++)
        bind_value(&query, input, column);
    (void)sqlite3_step(query.statement); /* a type that the column refuses is refused */
}

static void read_rows(struct store *store, FILE *out)
{
    CLEANUP_RUN_VIEW struct run_view view = {0};
    CLEANUP_VOLUME_ROWS struct volume_rows rows = {0};
    struct error err = {0};
    int64_t end_ms = 0;
    (void)!store_get_volume_rows(store, VOLUME, "eu-west-1", &rows, &err);
    (void)!store_writes_end(store, VOLUME, &end_ms, &err);
    if (run_view_load(store, RUN, &view, &err) != ERR_NONE)
        return;
    render_run_text(&view, INT64_C(1786096800000), out);
    render_run_json(&view, INT64_C(1786096800000), "status", out);
}

static struct store *open_once(void)
{
    static struct store *store;
    char folder[64];
    struct error err = {0};
    if (store != NULL)
        return store;
    (void)snprintf(folder, sizeof(folder), "%s/ebshift-fuzz-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    const char *made = mkdtemp(folder);
    assert(made != NULL);
    enum error_code code = store_open(folder, &store, &err);
    const struct run run = {.id = RUN};
    if (code == ERR_NONE)
        code = store_add_run(store, &run, &err);
    assert(code == ERR_NONE);
    /* The files live on without their names, as long as the program does. */
    static const char *const names[] = {"ebshift.db", "ebshift.db-wal", "ebshift.db-shm"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[96];
        (void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(folder);
    return store;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *nowhere;
    struct store *store = open_once();
    struct input input = {.data = data, .size = size};
    if (nowhere == NULL)
        nowhere = fopen("/dev/null", "we");
    enum error_code begun = db_exec(store, "BEGIN", NULL);
    assert(begun == ERR_NONE && nowhere != NULL);
    for (int row = 0; row < 16 && input.size > 0; row++)
        write_row(store, &input);
    read_rows(store, nowhere);
    (void)!db_end(store, ERR_STATE, NULL);
    return 0;
}
