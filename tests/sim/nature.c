#include "tests/sim/nature.h"

#include <math.h>

#include "model/instant.h"
#include "tests/sim/dice.h"

#define BLOCKS_PER_GIB  2048
#define MINUTES_PER_DAY 1440
#define PAST_SNAPSHOTS  100           /* at most so many, more or less */
#define FULL_AT_MOST_S  (15.0 * 3600) /* a first snapshot, or a first copy */
#define LUCK_MS         (15 * MS_PER_MINUTE)
#define BYTES_PER_GIB   1073741824.0

const struct nature nature_usual = {
    .pace =
        {
            .least_mb_per_s = 42.5,
            .most_mb_per_s = 46,
            .floor_mb_per_s = 35,
            .ceiling_mb_per_s = 55,
            .drift = 0.055,
            .noise = 0.05,
            .snapshot_cost_s = 82,
            .copy_cost_s = 95,
            .least_cost_s = 45,
            .cost_spread = 0.28,
            .slow_chance = 0.05,
            .slow_most = 5,
        },
    /* All of 2.2 TiB but a tail that was never written. */
    .volumes = {{2252,
                 4196000,
                 {.liveliness = 1,
                  .warmth = 1,
                  .night = 0.20,
                  .weekend = 0.5,
                  .batch_start_min = 130,
                  .batch_length_min = 40,
                  .batch_share = 0.008}}},
    .volume_count = 1,
    .history_days = 60,
    .every_min = MINUTES_PER_DAY,
    .maintained = true,
};

static double between(struct dice *dice, double least, double most)
{
    return least + (most - least) * dice_uniform(dice);
}

/* Every factor between is as likely as every other. */
static double about(struct dice *dice, double least, double most)
{
    return exp(between(dice, log(least), log(most)));
}

/* Public measurements of full snapshots lie between 33 and 56 MB/s; of increments nobody says more
 * than that they differ by three times either way, and that even tiny ones take minutes. */
static struct pace draw_pace(struct dice *dice)
{
    double usual = about(dice, 22, 100);
    struct pace pace = {
        .least_mb_per_s = 0.85 * usual,
        .most_mb_per_s = 1.15 * usual,
        .floor_mb_per_s = 0.4 * usual,
        .ceiling_mb_per_s = 2 * usual,
        .drift = between(dice, 0.03, 0.25),
        .noise = between(dice, 0.03, 0.20),
        .snapshot_cost_s = about(dice, 45, 200),
        .cost_spread = between(dice, 0.1, 0.45),
        .slow_chance = between(dice, 0.01, 0.10),
        .slow_most = between(dice, 3, 7),
        .luck_ms = LUCK_MS,
    };
    pace.least_cost_s = 0.55 * pace.snapshot_cost_s;
    pace.copy_cost_s = pace.snapshot_cost_s * about(dice, 0.7, 2);
    return pace;
}

/* Some databases serve machines that never rest, some offices that sleep, in any time zone. */
static struct habits draw_habits(struct dice *dice, int64_t shift_min)
{
    return (struct habits){
        .liveliness = about(dice, 0.3, 12),
        .warmth = about(dice, 0.4, 2.5),
        .night = about(dice, 0.08, 0.9),
        .weekend = between(dice, 0.3, 1),
        .shift_min = shift_min,
        .batch_start_min = (int64_t)between(dice, 0, MINUTES_PER_DAY - 120),
        .batch_length_min = (int64_t)about(dice, 15, 110),
        .batch_share = dice_uniform(dice) < 0.2 ? 0 : about(dice, 0.001, 0.02),
    };
}

/* A set whose first copy would take longer than the days before its window is nobody's plan. */
static void draw_volumes(struct dice *dice, struct nature *nature)
{
    double pick = dice_uniform(dice);
    double most_gib = FULL_AT_MOST_S * nature->pace.least_mb_per_s * 1e6 / BYTES_PER_GIB;
    int64_t shift_min = (int64_t)between(dice, 0, MINUTES_PER_DAY);
    nature->volume_count = pick < 0.65 ? 1 : pick < 0.88 ? 2 : 3;
    for (size_t i = 0; i < nature->volume_count; i++) {
        struct nature_volume *volume = &nature->volumes[i];
        double gib = about(dice, i == 0 ? 150 : 40, i == 0 ? 2200 : 600);
        volume->size_gib = (int64_t)fmin(gib, most_gib);
        volume->written_blocks =
            (int64_t)(between(dice, 0.55, 1) * (double)(volume->size_gib * BLOCKS_PER_GIB));
        volume->habits = draw_habits(dice, shift_min);
    }
}

/* Often enough for its age, and never more than it is worth to keep. */
static void draw_past(struct dice *dice, struct nature *nature)
{
    static const int64_t schedules_min[] = {60, 240, 480, 720, 1440};
    size_t pick = (size_t)between(dice, 0, 5);
    nature->history_days = (int64_t)(about(dice, 3, 61));
    while (pick < 4 &&
           nature->history_days * MINUTES_PER_DAY / schedules_min[pick] > PAST_SNAPSHOTS)
        pick++;
    nature->every_min = schedules_min[pick];
    nature->maintained = nature->every_min == MINUTES_PER_DAY && dice_uniform(dice) < 0.3;
}

struct nature nature_of(uint64_t seed)
{
    struct dice dice = {dice_hash(seed, 51)};
    struct nature nature = {.pace = draw_pace(&dice)};
    draw_volumes(&dice, &nature);
    draw_past(&dice, &nature);
    return nature;
}
