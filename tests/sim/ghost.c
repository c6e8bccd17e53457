#include "tests/sim/ghost.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/instant.h"
#include "tests/sim/dice.h"

/* Blocks fall into classes by how often they are touched in one busy hour. The spread over five
 * orders of magnitude makes the curve of distinct blocks concave at every time scale, where one or
 * two classes would make it saturate at once. Shares are of a volume of 4.2 million blocks. */
struct heat {
    double share;
    double touches_per_busy_hour;
};
static const struct heat heats[] = {
    {0.0009, 60}, {0.0018, 6}, {0.0055, 1}, {0.0275, 0.15}, {0.09, 0.02}, {0.8743, 0.0006},
};
#define HEAT_COUNT (sizeof(heats) / sizeof(heats[0]))

#define GRANULE_BLOCKS     8 /* neighbours share their heat, as the pages of one table do */
#define OPS_PER_TOUCH      12.0
#define BYTES_PER_OP       20480.0
#define BATCH_BYTES_PER_OP 262144.0

struct ghost {
    uint64_t seed;
    int64_t block_count;
    int64_t origin_min;
    struct habits habits;
    double touches_per_busy_hour; /* of all blocks */
    uint8_t *heat_of;             /* one per granule */
    double blocks_of[HEAT_COUNT];
    double *busy_before; /* busy hours from origin to the start of minute i */
    int64_t busy_count;
};

/* The always hot ones are as many everywhere. */
static double share_of(size_t heat, double warmth)
{
    return heats[heat].touches_per_busy_hour > 1 ? heats[heat].share : warmth * heats[heat].share;
}

static uint8_t draw_heat(uint64_t seed, int64_t granule, double warmth)
{
    struct dice dice = {dice_hash(seed, (uint64_t)granule)};
    double left = dice_uniform(&dice);
    for (size_t i = 0; i + 1 < HEAT_COUNT; i++) {
        left -= share_of(i, warmth);
        if (left < 0)
            return (uint8_t)i;
    }
    return (uint8_t)(HEAT_COUNT - 1);
}

struct ghost *ghost_new(uint64_t seed, int64_t block_count, int64_t origin_ms,
                        const struct habits *habits)
{
    struct ghost *ghost = calloc(1, sizeof(*ghost));
    assert(ghost != NULL);
    *ghost = (struct ghost){
        .seed = seed,
        .block_count = block_count,
        .origin_min = origin_ms / MS_PER_MINUTE,
        .habits = *habits,
    };
    int64_t granules = block_count / GRANULE_BLOCKS + 1;
    ghost->heat_of = calloc((size_t)granules, sizeof(*ghost->heat_of));
    assert(ghost->heat_of != NULL);
    for (int64_t i = 0; i < granules; i++) {
        uint8_t heat = draw_heat(dice_hash(seed, 1), i, habits->warmth);
        ghost->heat_of[i] = heat;
        ghost->blocks_of[heat] += GRANULE_BLOCKS;
        ghost->touches_per_busy_hour += GRANULE_BLOCKS * heats[heat].touches_per_busy_hour;
    }
    return ghost;
}

void ghost_free(struct ghost *ghost)
{
    if (ghost == NULL)
        return;
    free(ghost->heat_of);
    free(ghost->busy_before);
    free(ghost);
}

static bool is_weekend(int64_t minute)
{
    /* 1 January 1970 was a Thursday. */
    int64_t weekday = (minute / 1440 + 3) % 7;
    return weekday >= 5;
}

/* How busy a minute is; 1 is a usual office hour. */
static double business(const struct ghost *ghost, int64_t minute)
{
    const struct habits *habits = &ghost->habits;
    double hour = (double)((minute - habits->shift_min) % 1440) / 60;
    double day = habits->night + (1 - habits->night) /
                                     ((1 + exp(-(hour - 8) * 1.6)) * (1 + exp((hour - 19) * 1.2)));
    double week = is_weekend(minute) ? habits->weekend : 1.0;
    struct dice hour_dice = {dice_hash(ghost->seed ^ 2, (uint64_t)(minute / 60))};
    double burst = dice_uniform(&hour_dice) < 0.015 ? 1.5 + 1.5 * dice_uniform(&hour_dice) : 1.0;
    double slow = exp(0.18 * dice_drift(ghost->seed ^ 3, minute, 90, 0.8));
    struct dice minute_dice = {dice_hash(ghost->seed ^ 4, (uint64_t)minute)};
    return habits->liveliness * day * week * burst * slow * dice_lognormal(&minute_dice, 0.96, 0.3);
}

/* Busy hours from the origin to an instant. */
static double busy_hours_until(struct ghost *ghost, int64_t instant_ms)
{
    int64_t minute = instant_ms / MS_PER_MINUTE - ghost->origin_min;
    if (minute < 0)
        return 0;
    if (minute + 2 > ghost->busy_count) {
        int64_t count = minute + 2 + 4096;
        double *grown = reallocarray(ghost->busy_before, (size_t)count, sizeof(double));
        assert(grown != NULL);
        for (int64_t i = ghost->busy_count; i < count; i++)
            grown[i] = i == 0 ? 0 : grown[i - 1] + business(ghost, ghost->origin_min + i - 1) / 60;
        ghost->busy_before = grown;
        ghost->busy_count = count;
    }
    double part = (double)(instant_ms % MS_PER_MINUTE) / (double)MS_PER_MINUTE;
    return (1 - part) * ghost->busy_before[minute] + part * ghost->busy_before[minute + 1];
}

/* The run of blocks that the batch of a day rewrites. */
static int64_t batch_start_block(const struct ghost *ghost, int64_t day)
{
    return (int64_t)(dice_hash(ghost->seed ^ 5, (uint64_t)day) % (uint64_t)ghost->block_count);
}

static int64_t batch_block_count(const struct ghost *ghost, int64_t day)
{
    struct dice dice = {dice_hash(ghost->seed ^ 6, (uint64_t)day)};
    double count =
        dice_lognormal(&dice, ghost->habits.batch_share, 0.35) * (double)ghost->block_count;
    return (int64_t)(is_weekend(day * 1440) ? 2 * count : count);
}

/* How far the batch of its day has come at an instant, 0 to 1. */
static double batch_done(const struct ghost *ghost, int64_t day, int64_t instant_ms)
{
    int64_t start_ms = day * MS_PER_DAY + ghost->habits.batch_start_min * MS_PER_MINUTE;
    double done =
        (double)(instant_ms - start_ms) / (double)(ghost->habits.batch_length_min * MS_PER_MINUTE);
    return done < 0 ? 0 : done > 1 ? 1 : done;
}

static void add_batches(const struct ghost *ghost, int64_t from_ms, int64_t to_ms,
                        struct block_set *blocks)
{
    for (int64_t day = from_ms / MS_PER_DAY; day <= to_ms / MS_PER_DAY; day++) {
        double count = (double)batch_block_count(ghost, day);
        int64_t start = batch_start_block(ghost, day);
        int64_t first = (int64_t)(count * batch_done(ghost, day, from_ms));
        int64_t end = (int64_t)(count * batch_done(ghost, day, to_ms));
        for (int64_t i = first; i < end; i++)
            block_set_add(blocks, (start + i) % ghost->block_count);
    }
}

/* A touch is memoryless, so a block's chance to be dirty depends only on how busy the time was. */
static void add_touched(const struct ghost *ghost, uint64_t key, double busy_hours,
                        struct block_set *blocks)
{
    uint64_t limits[HEAT_COUNT];
    for (size_t i = 0; i < HEAT_COUNT; i++) {
        double chance = 1 - exp(-heats[i].touches_per_busy_hour * busy_hours);
        limits[i] = (uint64_t)(chance * 4294967296.0);
    }
    block_set_reserve(blocks, ghost->block_count);
    struct dice dice = {key};
    uint64_t draw = 0;
    /* Two blocks share a draw of 64 bits: this loop is where the time goes. */
    for (int64_t i = 0; i < ghost->block_count; i++) {
        draw = i % 2 == 0 ? dice_next(&dice) : draw >> 32;
        if ((draw & UINT32_MAX) < limits[ghost->heat_of[i / GRANULE_BLOCKS]])
            blocks->words[(size_t)i / 64] |= UINT64_C(1) << ((uint64_t)i % 64);
    }
}

void ghost_changes(struct ghost *ghost, int64_t from_ms, int64_t to_ms, struct block_set *blocks)
{
    if (to_ms <= from_ms)
        return;
    double busy_hours = busy_hours_until(ghost, to_ms) - busy_hours_until(ghost, from_ms);
    add_touched(ghost, dice_hash(ghost->seed ^ 7, (uint64_t)from_ms), busy_hours, blocks);
    add_batches(ghost, from_ms, to_ms, blocks);
}

/* The run of a batch lies anywhere, so it meets as many touched blocks as there are elsewhere. */
double ghost_mean_changes(struct ghost *ghost, int64_t from_ms, int64_t to_ms)
{
    if (to_ms <= from_ms)
        return 0;
    double busy_hours = busy_hours_until(ghost, to_ms) - busy_hours_until(ghost, from_ms);
    double touched = 0;
    double untouched = 1;
    for (size_t i = 0; i < HEAT_COUNT; i++)
        touched += ghost->blocks_of[i] * -expm1(-heats[i].touches_per_busy_hour * busy_hours);
    untouched -= touched / (double)ghost->block_count;
    for (int64_t day = from_ms / MS_PER_DAY; day <= to_ms / MS_PER_DAY; day++) {
        double part = batch_done(ghost, day, to_ms) - batch_done(ghost, day, from_ms);
        touched += untouched * part * (double)batch_block_count(ghost, day);
    }
    return touched;
}

static double touches_in(struct ghost *ghost, int64_t minute)
{
    int64_t from_ms = minute * MS_PER_MINUTE;
    double busy =
        busy_hours_until(ghost, from_ms + MS_PER_MINUTE) - busy_hours_until(ghost, from_ms);
    return busy * ghost->touches_per_busy_hour;
}

static double batch_bytes(const struct ghost *ghost, int64_t minute)
{
    int64_t from_ms = minute * MS_PER_MINUTE;
    int64_t day = from_ms / MS_PER_DAY;
    double part = batch_done(ghost, day, from_ms + MS_PER_MINUTE) - batch_done(ghost, day, from_ms);
    return part * (double)(batch_block_count(ghost, day) * SIM_BLOCK_BYTES);
}

/* Noise of one minute's metric around its mean. */
static double wobble(const struct ghost *ghost, uint64_t which, int64_t minute)
{
    struct dice dice = {dice_hash(ghost->seed ^ which, (uint64_t)minute)};
    return dice_lognormal(&dice, 1, 0.12);
}

double ghost_write_bytes(struct ghost *ghost, int64_t minute)
{
    double random = touches_in(ghost, minute) * OPS_PER_TOUCH * BYTES_PER_OP;
    return floor(random * wobble(ghost, 8, minute) + batch_bytes(ghost, minute));
}

double ghost_write_ops(struct ghost *ghost, int64_t minute)
{
    double random = touches_in(ghost, minute) * OPS_PER_TOUCH;
    return floor(random * wobble(ghost, 9, minute) +
                 batch_bytes(ghost, minute) / BATCH_BYTES_PER_OP);
}

double ghost_read_bytes(struct ghost *ghost, int64_t minute)
{
    return floor(2.6 * touches_in(ghost, minute) * OPS_PER_TOUCH * 16384 *
                     wobble(ghost, 10, minute) +
                 batch_bytes(ghost, minute));
}

double ghost_read_ops(struct ghost *ghost, int64_t minute)
{
    return floor(2.6 * touches_in(ghost, minute) * OPS_PER_TOUCH * wobble(ghost, 11, minute) +
                 batch_bytes(ghost, minute) / BATCH_BYTES_PER_OP);
}
