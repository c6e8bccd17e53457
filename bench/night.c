#include "bench/night.h"

#include <math.h>
#include <stdlib.h>

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

/* What a made night is like. A tick is five minutes. */
#define HOUR_TICKS     ((size_t)12)
#define LEAD_TICKS     72.0
#define PAST_ROUNDS    ((size_t)30)
#define OVERHEAD_TICKS 0.4
#define LATEST_PART    0.45 /* of the trace; the fence is not before */
#define AFTER_TICKS    ((size_t)400)
/* The trace goes on so long behind the fence, for those who may cut later. */
#define LEAST_AFTER     60.0
#define LEAST_TICKS     ((size_t)1152)
#define DRIFT_SCALE     0.25
#define DRIFT_MEMORY    12.0
#define HALF_HOUR_TICKS ((size_t)6)
#define HALF_HOUR_SCALE 0.2
#define OUTLIER_CHANCE  0.05
#define OUTLIER_LEAST   2.0
#define OUTLIER_MOST    4.0
/* A snapshot of the past is over before the next ones matter. */
#define LONGEST_PAST 20.0

void night_done(struct night *night)
{
    free(night->luck);
    *night = (struct night){0};
}

double night_duration(const struct night *night, double blocks, double tick)
{
    double index = fmin((double)night->luck_count - 1, fmax(floor(tick) - night->luck_from, 0));
    return (night->overhead + night->per_block * blocks) * night->luck[(size_t)index];
}

struct episode_round night_round(const struct night *night, double start, double end, double blocks,
                                 double duration)
{
    return (struct episode_round){
        .start = start,
        .end = end,
        .write_bytes = trace_bytes(night->trace, (size_t)start, (size_t)end),
        .write_ops = trace_ops(night->trace, (size_t)start, (size_t)end),
        .changed_blocks = blocks,
        .duration = duration,
    };
}

static double number(const struct jval *object, const char *key)
{
    return jval_real(jval_get(object, key));
}

static enum error_code make_luck(struct night *night, size_t count, struct error *err)
{
    night->luck = calloc(count, sizeof(*night->luck));
    if (night->luck == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu ticks", count);
    night->luck_count = count;
    return ERR_NONE;
}

static enum error_code read_past(struct night *night, const struct jval *row, struct error *err)
{
    const struct jval *starts = jval_get(row, "starts");
    const struct jval *blocks = jval_get(row, "changed_blocks");
    const struct jval *durations = jval_get(row, "duration_ticks");
    size_t count = jval_count(blocks);
    if (count == 0 || count > NIGHT_PAST_MAX || jval_count(starts) != count + 1 ||
        jval_count(durations) != count)
        return error_set(err, ERR_INVALID, "an episode has no past");
    for (size_t i = 0; i < count; i++) {
        night->past[i] =
            night_round(night, jval_real(jval_at(starts, i)), jval_real(jval_at(starts, i + 1)),
                        jval_real(jval_at(blocks, i)), jval_real(jval_at(durations, i)));
    }
    night->past_count = count;
    return ERR_NONE;
}

enum error_code night_read(struct night *night, const struct jval *row, const struct trace *trace,
                           struct error *err)
{
    const struct jval *luck = jval_get(row, "e");
    CLEANUP_NIGHT struct night made = {
        .trace = trace,
        .load = number(row, "rho"),
        .begin = number(row, "t0"),
        .fence = number(row, "tw"),
        .overhead = number(row, "overhead_ticks"),
        .per_block = number(row, "ticks_per_block"),
        .luck_from = number(row, "e_from"),
    };
    if (jval_count(luck) == 0)
        return error_set(err, ERR_INVALID, "an episode has no luck");
    TRY(make_luck(&made, jval_count(luck), err));
    for (size_t i = 0; i < made.luck_count; i++)
        made.luck[i] = jval_real(jval_at(luck, i));
    TRY(read_past(&made, row, err));
    *night = made;
    made = (struct night){0};
    return ERR_NONE;
}

static void draw_luck(struct night *night, gsl_rng *rng)
{
    double keep = exp(-1 / DRIFT_MEMORY);
    double drift = gsl_ran_gaussian_ziggurat(rng, 1);
    double half_hour = 1;
    for (size_t i = 0; i < night->luck_count; i++) {
        if (i % HALF_HOUR_TICKS == 0) {
            half_hour = exp(gsl_ran_gaussian_ziggurat(rng, HALF_HOUR_SCALE));
            if (gsl_rng_uniform(rng) < OUTLIER_CHANCE)
                half_hour *= gsl_ran_flat(rng, OUTLIER_LEAST, OUTLIER_MOST);
        }
        night->luck[i] = exp(DRIFT_SCALE * drift) * half_hour;
        drift = keep * drift + gsl_ran_gaussian_ziggurat(rng, sqrt(1 - keep * keep));
    }
}

/* Median of the blocks that change in an hour. */
static enum error_code median_hour(const struct trace *trace, double *blocks, struct error *err)
{
    size_t count = trace->tick_count / HOUR_TICKS - 2;
    double *hours = calloc(count, sizeof(*hours));
    if (hours == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu hours", count);
    for (size_t i = 0; i < count; i++) {
        double start = (double)((i + 1) * HOUR_TICKS);
        hours[i] = trace_changed(trace, start, start + HOUR_TICKS);
    }
    gsl_sort(hours, 1, count);
    *blocks = gsl_stats_median_from_sorted_data(hours, 1, count);
    free(hours);
    return ERR_NONE;
}

static void make_past(struct night *night)
{
    double first = night->begin - (double)(HOUR_TICKS * PAST_ROUNDS);
    for (size_t i = 0; i < PAST_ROUNDS; i++) {
        double start = first + (double)(HOUR_TICKS * i);
        double end = start + HOUR_TICKS;
        double blocks = trace_changed(night->trace, start, end);
        night->past[i] = night_round(night, start, end, blocks, night_duration(night, blocks, end));
    }
    night->past_count = PAST_ROUNDS;
    struct episode_round *last = &night->past[PAST_ROUNDS - 1];
    last->duration = fmin(last->duration, LONGEST_PAST);
}

enum error_code night_make(struct night *night, const struct trace *trace, double load,
                           unsigned long seed, struct error *err)
{
    CLEANUP_NIGHT struct night made = {.trace = trace, .load = load, .overhead = OVERHEAD_TICKS};
    double hour_blocks = 0;
    if (trace->tick_count < LEAST_TICKS)
        return error_set(err, ERR_INVALID, "a trace of %zu ticks is short", trace->tick_count);
    TRY(median_hour(trace, &hour_blocks, err));
    made.per_block = load * HOUR_TICKS / hour_blocks;
    TRY(make_luck(&made, trace->tick_count + AFTER_TICKS, err));
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    if (rng == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold a random number generator");
    gsl_rng_set(rng, seed);
    double count = (double)trace->tick_count;
    made.fence = floor(gsl_ran_flat(rng, LATEST_PART * count + LEAD_TICKS, count - LEAST_AFTER));
    made.begin = made.fence - LEAD_TICKS;
    draw_luck(&made, rng);
    gsl_rng_free(rng);
    make_past(&made);
    *night = made;
    made = (struct night){0};
    return ERR_NONE;
}
