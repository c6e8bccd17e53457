#include "model/write_rate.h"

#include <math.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "tests/model/made_history.h"

#define HOUR_MS INT64_C(3600000)

static void learn(const struct volume_history *history, struct write_rate *rate,
                  struct set_aside *aside)
{
    struct error err = {0};
    cr_assert_eq(write_rate_learn(history, MADE_NOW_MS, rate, aside, &err), ERR_NONE, "%s",
                 err.message);
}

/* Truth of made_history: mean rate, swinging by half over the day, most at 06:00 UTC. */
static double true_bytes(int64_t from_ms, int64_t to_ms)
{
    double sum = 0;
    for (int64_t at_ms = from_ms; at_ms < to_ms; at_ms += 60000) {
        double hour = fmod((double)at_ms / 3.6e6, 24);
        sum += seed_truth.write_bytes_per_s * (1 + 0.5 * sin(hour * M_PI / 12)) * 60;
    }
    return sum;
}

Test(write_rate, knows_the_past_and_foresees_the_rhythm)
{
    struct made_history made;
    struct set_aside aside = {0};
    CLEANUP_WRITE_RATE struct write_rate rate = {0};
    made_history_init(&made, &seed_truth, 11, 0, 3600, 10, 0);
    learn(&made.history, &rate, &aside);
    cr_expect(rate.known && rate.ops_known);
    for (int64_t hours = -48; hours < 120; hours += 3) {
        int64_t from_ms = MADE_NOW_MS + hours * HOUR_MS;
        double want = true_bytes(from_ms, from_ms + 3 * HOUR_MS);
        struct write_amount got = write_rate_between(&rate, from_ms, from_ms + 3 * HOUR_MS);
        cr_expect_lt(fabs(log(got.bytes / want)), 0.12, "%d h: %g not %g", (int)hours, got.bytes,
                     want);
        cr_expect_float_eq(got.ops, got.bytes / 8192, 0.05 * got.ops);
        if (hours > 0)
            cr_expect_eq(got.forecast_ratio, 1);
    }
    made_history_done(&made);
}

Test(write_rate, intervals_add_up)
{
    struct made_history made;
    struct set_aside aside = {0};
    CLEANUP_WRITE_RATE struct write_rate rate = {0};
    made_history_init(&made, &seed_truth, 12, 0, 3600, 3, 0);
    learn(&made.history, &rate, &aside);
    int64_t from_ms = MADE_NOW_MS - 7 * HOUR_MS - 12345;
    int64_t middle_ms = MADE_NOW_MS + 98765;
    int64_t to_ms = MADE_NOW_MS + 400 * HOUR_MS;
    double whole = write_rate_between(&rate, from_ms, to_ms).bytes;
    double parts = write_rate_between(&rate, from_ms, middle_ms).bytes +
                   write_rate_between(&rate, middle_ms, to_ms).bytes;
    cr_expect_float_eq(whole, parts, 1e-6 * whole);
    cr_expect_eq(write_rate_between(&rate, to_ms, from_ms).bytes, 0);
    made_history_done(&made);
}

Test(write_rate, partial_last_periods_are_forecast_not_believed)
{
    struct made_history made;
    struct set_aside aside = {0};
    CLEANUP_WRITE_RATE struct write_rate rate = {0};
    made_history_init(&made, &seed_truth, 13, 0, 3600, 3, 0);
    for (size_t i = 1; i <= 2; i++)
        made.writes[made.history.write_count - i].bytes /= 50;
    learn(&made.history, &rate, &aside);
    cr_expect_eq(rate.known_until_ms, MADE_NOW_MS - 600000);
    double want = true_bytes(MADE_NOW_MS - 600000, MADE_NOW_MS);
    double got = write_rate_between(&rate, MADE_NOW_MS - 600000, MADE_NOW_MS).bytes;
    cr_expect_lt(fabs(log(got / want)), 0.3);
    made_history_done(&made);
}

Test(write_rate, counted_up_to_now_is_believed_up_to_now)
{
    struct write_sample rows[600];
    for (size_t i = 0; i < 600; i++) {
        rows[i] = (struct write_sample){.start_ms = MADE_NOW_MS - (int64_t)(600 - i) * 300000,
                                        .length_ms = 300000,
                                        .bytes = i == 599 ? 9000 : 1000,
                                        .ops = 1};
    }
    struct volume_history history = {.writes = rows, .write_count = 600};
    struct write_rate late = {0};
    struct write_rate current = {0};
    struct set_aside aside = {0};
    learn(&history, &late, &aside);
    history.writes_current = true;
    learn(&history, &current, &aside);
    int64_t last_ms = MADE_NOW_MS - 300000;
    cr_expect_float_eq(write_rate_between(&current, last_ms, MADE_NOW_MS).bytes, 9000, 1);
    cr_expect_lt(write_rate_between(&late, last_ms, MADE_NOW_MS).bytes, 2000);
    write_rate_done(&late);
    write_rate_done(&current);
}

Test(write_rate, bad_rows_are_set_aside_and_shuffled_rows_are_fine)
{
    struct made_history made;
    struct set_aside aside = {0};
    CLEANUP_WRITE_RATE struct write_rate rate = {0};
    CLEANUP_WRITE_RATE struct write_rate clean = {0};
    made_history_init(&made, &seed_truth, 14, 0, 3600, 3, 0);
    learn(&made.history, &clean, &aside);
    size_t count = made.history.write_count;
    struct write_sample *rows = calloc(count + 4, sizeof(*rows));
    for (size_t i = 0; i < count; i++)
        rows[i] = made.writes[count - 1 - i];
    rows[count] = rows[7];
    rows[count + 1] = (struct write_sample){MADE_NOW_MS - 3000, -4, 1, 1};
    rows[count + 2] = (struct write_sample){-1, 300000, 1, 1};
    rows[count + 3] = (struct write_sample){MADE_NOW_MS - 3000000, 300000, INT64_MAX, 1};
    made.history.writes = rows;
    made.history.write_count = count + 4;
    aside = (struct set_aside){0};
    learn(&made.history, &rate, &aside);
    cr_expect_eq(aside.total_count, 4);
    double want = write_rate_between(&clean, MADE_NOW_MS - HOUR_MS, MADE_NOW_MS + HOUR_MS).bytes;
    double got = write_rate_between(&rate, MADE_NOW_MS - HOUR_MS, MADE_NOW_MS + HOUR_MS).bytes;
    cr_expect_float_eq(got, want, 1e-6 * want);
    free(rows);
    made_history_done(&made);
}

Test(write_rate, without_measurements_a_constant_stands_in)
{
    struct volume_history history = {0};
    struct set_aside aside = {0};
    CLEANUP_WRITE_RATE struct write_rate rate = {0};
    learn(&history, &rate, &aside);
    cr_expect_not(rate.known);
    double hour = write_rate_between(&rate, MADE_NOW_MS, MADE_NOW_MS + HOUR_MS).bytes;
    double before = write_rate_between(&rate, MADE_NOW_MS - HOUR_MS, MADE_NOW_MS).bytes;
    cr_expect_gt(hour, 0);
    cr_expect_float_eq(hour, before, 1e-6 * hour);
}
