#include "model/write_rate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "model/instant.h"
#include "model/rhythm.h"

/* How far the curve reaches ahead. */
#define FUTURE_MS (10 * MS_PER_DAY)
/* CloudWatch shows the newest periods late or in part. */
#define LAG_MS (10 * MS_PER_MINUTE)
/* Where nothing is measured, a constant rate keeps elapsed time as the only teacher. */
#define STAND_IN_BYTES_PER_TICK (300.0 * 1048576)
#define STAND_IN_OPS_PER_TICK   (STAND_IN_BYTES_PER_TICK / 16384)

void write_rate_done(struct write_rate *rate)
{
    free(rate->totals);
    *rate = (struct write_rate){0};
}

static int64_t floor_to(int64_t at_ms, int64_t step_ms)
{
    return at_ms - at_ms % step_ms;
}

static int64_t ceil_to(int64_t at_ms, int64_t step_ms)
{
    return floor_to(at_ms + step_ms - 1, step_ms);
}

/* The curve while it is made: ticks of their own, not yet totals. */
struct curve {
    int64_t first_ms;
    size_t count;       /* whole curve */
    size_t known_count; /* measured part */
    const uint32_t *covered_ms;
    struct write_total *ticks;
};

static bool is_covered(const struct curve *curve, size_t tick)
{
    return curve->covered_ms[tick] >= WRITE_TICK_MS / 2;
}

/* What a tick that was seen in part would have been. Returns whether all were seen. */
static bool complete_parts(const struct curve *curve)
{
    bool all = true;
    for (size_t i = 0; i < curve->known_count; i++) {
        uint32_t covered_ms = curve->covered_ms[i];
        if (covered_ms >= WRITE_TICK_MS)
            continue;
        all = false;
        if (is_covered(curve, i)) {
            curve->ticks[i].bytes *= (double)WRITE_TICK_MS / covered_ms;
            curve->ticks[i].ops *= (double)WRITE_TICK_MS / covered_ms;
        }
    }
    return all;
}

struct mean {
    struct write_total sum;
    double count;
};

static void mean_add(struct mean *mean, const struct write_total *tick)
{
    mean->sum.bytes += tick->bytes;
    mean->sum.ops += tick->ops;
    mean->count += 1;
}

/* Holes get what their time of day brings on other days, else the mean of all. */
static void fill_holes(const struct curve *curve)
{
    struct mean means[RHYTHM_DAY_SLOTS] = {{.count = 0}};
    struct mean all = {.count = 0};
    for (size_t i = 0; i < curve->known_count; i++) {
        if (is_covered(curve, i)) {
            mean_add(&means[i / TICKS_PER_SLOT % RHYTHM_DAY_SLOTS], &curve->ticks[i]);
            mean_add(&all, &curve->ticks[i]);
        }
    }
    for (size_t i = 0; i < curve->known_count; i++) {
        const struct mean *mean = &means[i / TICKS_PER_SLOT % RHYTHM_DAY_SLOTS];
        if (mean->count == 0)
            mean = &all;
        if (!is_covered(curve, i) && mean->count > 0) {
            curve->ticks[i].bytes = mean->sum.bytes / mean->count;
            curve->ticks[i].ops = mean->sum.ops / mean->count;
        }
    }
}

/* Fills the ticks after the measured part. bytes[] and ops[] have room for the half hours of the
 * whole curve, and are zero. Returns the scale of the log error. */
static double extend(const struct curve *curve, double *bytes, double *ops)
{
    size_t past_count = curve->known_count / TICKS_PER_SLOT;
    size_t ahead_count = curve->count / TICKS_PER_SLOT + 1 - past_count;
    int64_t first_slot = curve->first_ms / WRITE_SLOT_MS;
    for (size_t i = 0; i < past_count * TICKS_PER_SLOT; i++) {
        bytes[i / TICKS_PER_SLOT] += curve->ticks[i].bytes;
        ops[i / TICKS_PER_SLOT] += curve->ticks[i].ops;
    }
    rhythm_forecast(bytes, past_count, first_slot, bytes + past_count, ahead_count);
    rhythm_forecast(ops, past_count, first_slot, ops + past_count, ahead_count);
    for (size_t i = curve->known_count; i < curve->count; i++) {
        curve->ticks[i].bytes = bytes[i / TICKS_PER_SLOT] / (double)TICKS_PER_SLOT;
        curve->ticks[i].ops = ops[i / TICKS_PER_SLOT] / (double)TICKS_PER_SLOT;
    }
    return rhythm_log_noise(bytes, past_count);
}

static enum error_code extend_both(const struct curve *curve, double *log_noise, struct error *err)
{
    size_t slot_count = curve->count / TICKS_PER_SLOT + 1;
    double *slots = calloc(2 * slot_count, sizeof(*slots));
    if (slots == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu half hours", slot_count);
    *log_noise = extend(curve, slots, slots + slot_count);
    free(slots);
    return ERR_NONE;
}

/* Sums the ticks of *curve, which lie from rate->totals[1] on, up to totals. */
static void sum_up(const struct curve *curve, struct write_rate *rate)
{
    struct write_total *totals = rate->totals;
    for (size_t i = 1; i <= curve->count; i++) {
        totals[i].bytes += totals[i - 1].bytes;
        totals[i].ops += totals[i - 1].ops;
    }
    rate->first_ms = curve->first_ms;
    rate->tick_count = curve->count;
    rate->known_bytes = totals[curve->known_count].bytes;
    rate->known_until_ms = curve->first_ms + (int64_t)curve->known_count * WRITE_TICK_MS;
    rate->day_count = (size_t)((rate->known_until_ms - rate->first_ms) / MS_PER_DAY);
}

/* Room for the ticks of *curve, with a zero before them. */
static enum error_code totals_init(struct curve *curve, struct write_rate *rate, struct error *err)
{
    rate->totals = calloc(curve->count + 1, sizeof(*rate->totals));
    if (rate->totals == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu write ticks", curve->count);
    curve->ticks = rate->totals + 1;
    return ERR_NONE;
}

static enum error_code stand_in(struct write_rate *rate, int64_t now_ms, struct error *err)
{
    struct curve curve = {.first_ms = floor_to(now_ms, WRITE_TICK_MS), .count = 1};
    TRY(totals_init(&curve, rate, err));
    curve.ticks[0] =
        (struct write_total){.bytes = STAND_IN_BYTES_PER_TICK, .ops = STAND_IN_OPS_PER_TICK};
    sum_up(&curve, rate);
    return ERR_NONE;
}

static enum error_code measured(const struct write_sums *sums, struct curve *curve,
                                struct write_rate *rate, struct error *err)
{
    TRY(totals_init(curve, rate, err));
    size_t skipped = (size_t)((curve->first_ms - sums->first_ms) / WRITE_TICK_MS);
    memcpy(curve->ticks, sums->ticks + skipped, curve->known_count * sizeof(*curve->ticks));
    curve->covered_ms = sums->covered_ms + skipped;
    if (!complete_parts(curve))
        fill_holes(curve);
    TRY(extend_both(curve, &rate->log_noise, err));
    sum_up(curve, rate);
    rate->known = true;
    rate->ops_known = !sums->ops_missing;
    return ERR_NONE;
}

/* lag_ms: how late the newest periods may be. */
static enum error_code curve_of(const struct write_sums *sums, int64_t now_ms, int64_t lag_ms,
                                struct write_rate *rate, struct error *err)
{
    int64_t oldest_ms = ceil_to(MAX(now_ms - WRITE_PAST_MS, 0), WRITE_SLOT_MS);
    int64_t first_ms = MAX(sums->first_ms, oldest_ms);
    /* The end of what can be believed: the newest period, but not what may be late. */
    int64_t known_ms = floor_to(MIN(sums->end_ms, MAX(now_ms - lag_ms, 0)), WRITE_TICK_MS);
    if (known_ms <= first_ms)
        return stand_in(rate, now_ms, err);
    int64_t end_ms = ceil_to(now_ms + FUTURE_MS, WRITE_TICK_MS);
    struct curve curve = {
        .first_ms = first_ms,
        .count = (size_t)((end_ms - first_ms) / WRITE_TICK_MS),
        .known_count = (size_t)((known_ms - first_ms) / WRITE_TICK_MS),
    };
    return measured(sums, &curve, rate, err);
}

static int compare_writes(const void *left, const void *right)
{
    const struct write_sample *a = left;
    const struct write_sample *b = right;
    return (a->start_ms > b->start_ms) - (a->start_ms < b->start_ms);
}

/* Stores give them so; sorting weeks of periods costs as much as fitting them. */
static bool in_order(const struct write_sample *rows, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (rows[i].start_ms < rows[i - 1].start_ms)
            return false;
    }
    return true;
}

static enum error_code sums_of(const struct volume_history *history, int64_t now_ms,
                               struct write_sums *sums, struct set_aside *aside, struct error *err)
{
    size_t count = history->write_count;
    if (in_order(history->writes, count))
        return write_sums_add(sums, history->writes, count, now_ms, aside, err);
    struct write_sample *sorted = calloc(count, sizeof(*sorted));
    if (sorted == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu write periods", count);
    memcpy(sorted, history->writes, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), compare_writes);
    enum error_code code = write_sums_add(sums, sorted, count, now_ms, aside, err);
    free(sorted);
    return code;
}

enum error_code write_rate_learn(const struct volume_history *history, int64_t now_ms,
                                 struct write_rate *rate, struct set_aside *aside,
                                 struct error *err)
{
    CLEANUP_WRITE_SUMS struct write_sums own = {0};
    CLEANUP_WRITE_RATE struct write_rate made = {0};
    const struct write_sums *sums = history->sums;
    if (sums == NULL) {
        TRY(sums_of(history, now_ms, &own, aside, err));
        sums = &own;
    }
    TRY(curve_of(sums, now_ms, history->writes_current ? 0 : LAG_MS, &made, err));
    *rate = made;
    made = (struct write_rate){0};
    return ERR_NONE;
}

/* Outside of the curve its mean goes on. */
static struct write_total total_outside(const struct write_rate *rate, double tick)
{
    const struct write_total *all = &rate->totals[rate->tick_count];
    double count = (double)rate->tick_count;
    double share = tick <= 0 ? tick / count : 1 + (tick - count) / count;
    return (struct write_total){.bytes = share * all->bytes, .ops = share * all->ops};
}

/* Running total at an instant, between tick borders by time. */
static struct write_total total_at(const struct write_rate *rate, int64_t at_ms)
{
    double tick = (double)(at_ms - rate->first_ms) / (double)WRITE_TICK_MS;
    if (tick <= 0 || tick >= (double)rate->tick_count)
        return total_outside(rate, tick);
    const struct write_total *before = &rate->totals[(size_t)tick];
    double part = tick - (double)(size_t)tick;
    return (struct write_total){
        .bytes = before[0].bytes + part * (before[1].bytes - before[0].bytes),
        .ops = before[0].ops + part * (before[1].ops - before[0].ops),
    };
}

struct write_amount write_rate_between(const struct write_rate *rate, int64_t from_ms,
                                       int64_t to_ms)
{
    if (to_ms <= from_ms || rate->tick_count == 0)
        return (struct write_amount){0};
    struct write_total start = total_at(rate, from_ms);
    struct write_total end = total_at(rate, to_ms);
    struct write_amount amount = {.bytes = end.bytes - start.bytes, .ops = end.ops - start.ops};
    double ahead = end.bytes - fmin(fmax(rate->known_bytes, start.bytes), end.bytes);
    amount.forecast_ratio = amount.bytes > 0 ? ahead / amount.bytes : 1;
    return amount;
}
