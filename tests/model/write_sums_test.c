#include "model/write_sums.h"

#include <sys/param.h>

#include <criterion/criterion.h>

#include "model/write_rate.h"
#include "tests/model/made_history.h"

static struct made_history made;

static void make(void)
{
    made_history_init(&made, &seed_truth, 3, 2, 3600, 20, 0);
}

static void drop(void)
{
    made_history_done(&made);
}

TestSuite(write_sums, .init = make, .fini = drop);

static struct write_amount next_day(const struct volume_history *history)
{
    CLEANUP_WRITE_RATE struct write_rate rate = {0};
    struct set_aside aside = {0};
    struct error err = {0};
    cr_assert_eq(write_rate_learn(history, MADE_NOW_MS, &rate, &aside, &err), ERR_NONE);
    cr_expect_eq(aside.total_count, 0);
    return write_rate_between(&rate, MADE_NOW_MS - MS_PER_DAY, MADE_NOW_MS + MS_PER_DAY);
}

/* Adds rows [first, end) of the made history; returns how many were set aside. */
static size_t add(struct write_sums *sums, size_t first, size_t end)
{
    struct set_aside aside = {0};
    struct error err = {0};
    cr_assert_eq(write_sums_add(sums, made.writes + first, end - first, MADE_NOW_MS, &aside, &err),
                 ERR_NONE);
    return aside.total_count;
}

Test(write_sums, added_piece_by_piece_foretell_what_all_periods_do)
{
    CLEANUP_WRITE_SUMS struct write_sums sums = {0};
    struct write_amount expected = next_day(&made.history);
    for (size_t i = 0; i < made.history.write_count; i += 100)
        cr_expect_eq(add(&sums, i, MIN(i + 100, made.history.write_count)), 0);
    made.history.sums = &sums;
    made.history.write_count = 0;
    struct write_amount found = next_day(&made.history);
    cr_expect_eq(found.bytes, expected.bytes);
    cr_expect_eq(found.ops, expected.ops);
    cr_expect_eq(found.forecast_ratio, expected.forecast_ratio);
}

Test(write_sums, count_no_period_twice)
{
    CLEANUP_WRITE_SUMS struct write_sums sums = {0};
    cr_expect_eq(add(&sums, 0, 500), 0);
    double bytes = sums.ticks[499].bytes;
    cr_expect_eq(add(&sums, 490, 510), 10);
    cr_expect_eq(sums.ticks[499].bytes, bytes);
    cr_expect_eq(sums.covered_ms[509], 300000);
}

Test(write_sums, forget_what_is_older_than_the_model_looks_back)
{
    CLEANUP_WRITE_SUMS struct write_sums sums = {0};
    struct set_aside aside = {0};
    struct error err = {0};
    /* One period a day over two years, as they come. */
    for (int64_t day = 0; day < 730; day++) {
        struct write_sample row = {.start_ms = MADE_NOW_MS + day * MS_PER_DAY,
                                   .length_ms = 300000,
                                   .bytes = 300,
                                   .ops = 3};
        cr_assert_eq(write_sums_add(&sums, &row, 1, row.start_ms + 300000, &aside, &err), ERR_NONE);
        cr_assert_leq(sums.tick_count, 80 * 288);
    }
    cr_expect_geq(sums.tick_count, 69 * 288);
    cr_expect_eq(sums.first_ms % WRITE_SLOT_MS, 0);
    size_t newest = sums.tick_count - 1;
    cr_expect_eq(sums.first_ms + (int64_t)newest * WRITE_TICK_MS, MADE_NOW_MS + 729 * MS_PER_DAY);
    cr_expect_eq(sums.ticks[newest].bytes, 300);
    cr_expect_eq(sums.ticks[newest - 288].bytes, 300);
    cr_expect_eq(sums.ticks[newest - 287].bytes, 0);
}

Test(write_sums, survive_a_silence_longer_than_they_reach)
{
    CLEANUP_WRITE_SUMS struct write_sums sums = {0};
    struct set_aside aside = {0};
    struct error err = {0};
    struct write_sample rows[] = {
        {.start_ms = MADE_NOW_MS - 400 * MS_PER_DAY, .length_ms = 300000, .bytes = 1, .ops = 1},
        {.start_ms = MADE_NOW_MS, .length_ms = MS_PER_DAY, .bytes = 288, .ops = -1},
    };
    cr_assert_eq(write_sums_add(&sums, &rows[0], 1, rows[0].start_ms, &aside, &err), ERR_NONE);
    cr_assert_eq(write_sums_add(&sums, &rows[1], 1, rows[1].start_ms, &aside, &err), ERR_NONE);
    double bytes = 0;
    for (size_t i = 0; i < sums.tick_count; i++)
        bytes += sums.ticks[i].bytes;
    cr_expect_float_eq(bytes, 288, 1e-9);
    cr_expect(sums.ops_missing);
    cr_expect_eq(aside.total_count, 0);
}
