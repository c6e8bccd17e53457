#include "core/engine/counting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "model/instant.h"

/* A tick of the model, long after the epoch. */
#define TICK_MS  (5 * MS_PER_MINUTE)
#define START_MS (INT64_C(5908032) * TICK_MS)

static int64_t now_of(void *self)
{
    return *(int64_t *)self;
}

static enum error_code sleep_of(void *self, int64_t instant_ms, struct error *err)
{
    (void)err;
    int64_t *now_ms = self;
    *now_ms = instant_ms > *now_ms ? instant_ms : *now_ms;
    return ERR_NONE;
}

/* Writes a thousand bytes a second by one operation each; the second volume is elsewhere. */
static enum error_code read_of(void *self, const char *volume_id, struct counter_reading *reading,
                               struct error *err)
{
    if (strcmp(volume_id, "vol-here") != 0)
        return error_set(err, ERR_NOT_FOUND, "not here");
    int64_t seconds = *(int64_t *)self / 1000;
    *reading = (struct counter_reading){.origin = "boot", .bytes = 1000 * seconds, .ops = seconds};
    return ERR_NONE;
}

static void say_nothing(void *self, enum log_level level, int64_t at_ms, const char *message)
{
    (void)self;
    (void)level;
    (void)at_ms;
    (void)message;
}

static char dir[] = "/tmp/ebshift-counting-XXXXXX";

static void tear_down(struct store *store)
{
    static const char *const names[] = {"ebshift.db", "ebshift.db-wal", "ebshift.db-shm"};
    store_close(store);
    for (size_t i = 0; i < 3; i++) {
        char path[64];
        (void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(dir);
}

Test(counting, a_long_wait_is_followed_tick_by_tick)
{
    struct error err;
    struct store *store = NULL;
    static struct config config = {.volume_count = 2, .volumes = {"vol-here", "vol-elsewhere"}};
    int64_t now_ms = START_MS + 1000;
    struct clock clock = {.now_ms = now_of, .sleep_until = sleep_of, .self = &now_ms};
    struct counter counter = {.self = &now_ms, .read = read_of};
    struct log log = {.take = say_nothing};
    struct volume_rows rows = {0};
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(store_open(dir, &store, &err), ERR_NONE, "%s", err.message);
    struct counting counting = {
        .counter = &counter, .config = &config, .store = store, .clock = &clock, .log = &log};
    cr_assert_eq(counting_sleep_until(&counting, START_MS + 7 * TICK_MS + 30000, &err), ERR_NONE);
    cr_expect_eq(now_ms, START_MS + 7 * TICK_MS + 30000, "and sleeps to the end");
    cr_assert_eq(store_get_volume_rows(store, "vol-here", "", &rows, &err), ERR_NONE);
    cr_assert_eq(rows.write_count, 6, "%zu periods between seven readings", rows.write_count);
    cr_expect_eq(rows.writes[5].bytes, 300000);
    cr_expect_eq(rows.writes[5].ops, 300);
    cr_expect(counting_is_current(rows.writes, rows.write_count, now_ms));
    cr_expect_not(counting_is_current(rows.writes, rows.write_count, now_ms + 2 * TICK_MS));
    cr_expect_not(counting_is_current(rows.writes + 5, 1, now_ms), "five minutes of ten");
    volume_rows_done(&rows);
    tear_down(store);
}

Test(counting, without_counters_it_only_sleeps)
{
    struct error err;
    int64_t now_ms = START_MS;
    struct clock clock = {.now_ms = now_of, .sleep_until = sleep_of, .self = &now_ms};
    struct counting counting = {.clock = &clock};
    cr_expect_eq(counting_read(&counting, &err), ERR_NONE);
    cr_expect_eq(counting_sleep_until(&counting, START_MS + 1234567, &err), ERR_NONE);
    cr_expect_eq(now_ms, START_MS + 1234567);
}
