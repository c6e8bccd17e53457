#include "tests/sim/physics.h"

#include <math.h>

#include <criterion/criterion.h>

#include "model/instant.h"
#include "tests/sim/ghost.h"

#define DRAWS 4000

/* Durations of many transfers of one size, each on a path of its own. */
static void draw_durations(int64_t bytes, double seconds[DRAWS])
{
    for (uint64_t i = 0; i < DRAWS; i++) {
        struct transfer transfer = {
            .pace = &nature_usual.pace, .path_key = i, .start_ms = 1795410000000, .bytes = bytes};
        seconds[i] = (double)physics_transfer_ms(&transfer, (struct dice){i * 7919}) / 1000;
    }
}

Test(physics, nothing_to_move_costs_minutes_still)
{
    static double seconds[DRAWS];
    int above_minute = 0;
    draw_durations(0, seconds);
    for (size_t i = 0; i < DRAWS; i++) {
        cr_assert_geq(seconds[i], 45);
        above_minute += seconds[i] > 60;
    }
    cr_expect_gt(above_minute, DRAWS / 2);
}

Test(physics, most_throughputs_lie_between_35_and_55_and_a_few_are_far_slower)
{
    static double seconds[DRAWS];
    const double bytes = 200e9;
    int slow = 0;
    draw_durations((int64_t)bytes, seconds);
    for (size_t i = 0; i < DRAWS; i++) {
        double rate = bytes / 1e6 / seconds[i];
        cr_assert_leq(rate, 55);
        slow += rate < 33;
    }
    cr_expect_gt(slow, DRAWS * 3 / 100);
    cr_expect_lt(slow, DRAWS * 8 / 100);
}

Test(physics, a_timed_copy_ends_in_its_time_unless_the_cap_forbids)
{
    for (uint64_t i = 0; i < 100; i++) {
        cr_expect_leq(physics_timed_copy_ms(1000000, 15, (struct dice){i}), 15 * MS_PER_MINUTE);
        cr_expect_geq(physics_timed_copy_ms(INT64_C(2) << 40, 15, (struct dice){i}),
                      INT64_C(4194304), "2 TiB at 500 MiB/s");
    }
}

#define MONDAY_NOON_MS INT64_C(1791806400000) /* 2026-10-12 12:00 UTC */
#define BLOCKS         INT64_C(4196000)

static double dirty_gb(struct ghost *ghost, int64_t from_ms, int64_t length_ms)
{
    CLEANUP_BLOCK_SET struct block_set blocks = {0};
    ghost_changes(ghost, from_ms, from_ms + length_ms, &blocks);
    cr_assert_eq(block_set_next(&blocks, BLOCKS), BLOCK_NONE, "no block beyond the workload");
    return (double)(block_set_count(&blocks) * SIM_BLOCK_BYTES) / 1e9;
}

Test(ghost, the_curve_of_distinct_blocks_is_concave)
{
    struct ghost *ghost =
        ghost_new(3, BLOCKS, MONDAY_NOON_MS - 30 * MS_PER_DAY, &nature_usual.volumes[0].habits);
    double minutes_5 = dirty_gb(ghost, MONDAY_NOON_MS, 5 * MS_PER_MINUTE);
    double hour = dirty_gb(ghost, MONDAY_NOON_MS, MS_PER_HOUR);
    double day = dirty_gb(ghost, MONDAY_NOON_MS, MS_PER_DAY);
    cr_expect_lt(hour, 12 * minutes_5);
    cr_expect_lt(day, 24 * hour);
    cr_expect(hour > 12 && hour < 60, "%.1f GB in an office hour", hour);
    cr_expect(day > 110 && day < 290, "%.1f GB in a day", day);
    ghost_free(ghost);
}

Test(ghost, the_same_interval_gives_the_same_blocks)
{
    struct ghost *ghost =
        ghost_new(3, 50000, MONDAY_NOON_MS - MS_PER_DAY, &nature_usual.volumes[0].habits);
    CLEANUP_BLOCK_SET struct block_set once = {0};
    CLEANUP_BLOCK_SET struct block_set twice = {0};
    ghost_changes(ghost, MONDAY_NOON_MS, MONDAY_NOON_MS + MS_PER_HOUR, &once);
    ghost_changes(ghost, MONDAY_NOON_MS, MONDAY_NOON_MS + MS_PER_HOUR, &twice);
    int64_t count = block_set_count(&once);
    block_set_unite(&once, &twice);
    cr_expect_gt(count, 0);
    cr_expect_eq(block_set_count(&once), count);
    cr_expect_eq(block_set_count(&twice), count);
    ghost_free(ghost);
}

Test(ghost, nights_and_weekends_are_quieter)
{
    struct ghost *ghost =
        ghost_new(3, BLOCKS, MONDAY_NOON_MS - 30 * MS_PER_DAY, &nature_usual.volumes[0].habits);
    double noon = 0;
    double night = 0;
    double sunday = 0;
    for (int64_t minute = MONDAY_NOON_MS / MS_PER_MINUTE, i = 0; i < 120; i++) {
        noon += ghost_write_bytes(ghost, minute + i);
        night += ghost_write_bytes(ghost, minute + INT64_C(720) + i);
        sunday += ghost_write_bytes(ghost, minute - INT64_C(1440) + i);
    }
    cr_expect_lt(night, noon * 0.6);
    cr_expect_lt(sunday, noon * 0.9);
    ghost_free(ghost);
}
