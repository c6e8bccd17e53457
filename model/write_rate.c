#include "model/write_rate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/instant.h"
#include "model/rhythm.h"

#define TICK_MS        (5 * MS_PER_MINUTE)
#define TICKS_PER_SLOT 6
/* How far the curve reaches back and ahead. */
#define PAST_MS   (70 * MS_PER_DAY)
#define FUTURE_MS (10 * MS_PER_DAY)
/* CloudWatch shows the newest periods late or in part. */
#define LAG_MS (10 * MS_PER_MINUTE)
/* Where operations are not measured: the size of one, that of a typical database write. */
#define BYTES_PER_OP 16384.0
/* Where nothing is measured, a constant rate keeps elapsed time as the only teacher. */
#define STAND_IN_BYTES_PER_TICK (300.0 * 1048576)

void write_rate_done(struct write_rate *rate)
{
    free(rate->totals);
    *rate = (struct write_rate){0};
}

/* The measured ticks while they are collected. */
struct ticks {
    int64_t first_ms;
    size_t count;       /* whole curve */
    size_t known_count; /* measured part */
    double *bytes;
    double *ops;
    double *covered_ms;
};

static void ticks_done(struct ticks *ticks)
{
    free(ticks->bytes);
    free(ticks->ops);
    free(ticks->covered_ms);
}

static int64_t floor_to(int64_t at_ms, int64_t step_ms)
{
    return at_ms - at_ms % step_ms;
}

static int64_t ceil_to(int64_t at_ms, int64_t step_ms)
{
    return floor_to(at_ms + step_ms - 1, step_ms);
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

/* Copies the possible rows, oldest first and one per start, to *out (caller frees). */
static enum error_code sorted_writes(const struct volume_history *history, int64_t now_ms,
                                     struct set_aside *aside, struct write_sample **out,
                                     size_t *out_count, struct error *err)
{
    struct write_sample *rows = calloc(history->write_count + 1, sizeof(*rows));
    if (rows == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu write periods", history->write_count);
    size_t count = 0;
    for (size_t i = 0; i < history->write_count; i++) {
        const struct write_sample *row = &history->writes[i];
        enum set_aside_reason reason = sample_check_write(row, now_ms);
        if (reason != SET_ASIDE_NONE) {
            set_aside_add(aside, "write", row->start_ms, reason);
        } else if (row->start_ms > now_ms - PAST_MS) {
            rows[count++] = *row;
        }
    }
    if (!in_order(rows, count))
        qsort(rows, count, sizeof(*rows), compare_writes);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && rows[i].start_ms == rows[kept - 1].start_ms) {
            set_aside_add(aside, "write", rows[i].start_ms, SET_ASIDE_DUPLICATE);
        } else {
            rows[kept++] = rows[i];
        }
    }
    *out = rows;
    *out_count = kept;
    return ERR_NONE;
}

static double *new_doubles(size_t count)
{
    return calloc(count, sizeof(double));
}

static enum error_code ticks_init(struct ticks *ticks, int64_t first_ms, int64_t known_until_ms,
                                  int64_t now_ms, struct error *err)
{
    int64_t end_ms = ceil_to(now_ms + FUTURE_MS, TICK_MS);
    *ticks = (struct ticks){
        .first_ms = first_ms,
        .count = (size_t)((end_ms - first_ms) / TICK_MS),
        .known_count = (size_t)((known_until_ms - first_ms) / TICK_MS),
    };
    ticks->bytes = new_doubles(ticks->count);
    ticks->ops = new_doubles(ticks->count);
    ticks->covered_ms = new_doubles(ticks->count);
    if (ticks->bytes == NULL || ticks->ops == NULL || ticks->covered_ms == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu write ticks", ticks->count);
    return ERR_NONE;
}

/* Spreads one period over its ticks, by time. */
static void ticks_add(struct ticks *ticks, const struct write_sample *row)
{
    double ops = row->ops >= 0 ? (double)row->ops : (double)row->bytes / BYTES_PER_OP;
    int64_t end_ms = row->start_ms + row->length_ms;
    int64_t at_ms = row->start_ms > ticks->first_ms ? row->start_ms : ticks->first_ms;
    while (at_ms < end_ms) {
        size_t tick = (size_t)((at_ms - ticks->first_ms) / TICK_MS);
        if (tick >= ticks->known_count)
            return;
        int64_t next_ms = ticks->first_ms + (int64_t)(tick + 1) * TICK_MS;
        double part_ms = (double)((next_ms < end_ms ? next_ms : end_ms) - at_ms);
        ticks->bytes[tick] += (double)row->bytes * part_ms / (double)row->length_ms;
        ticks->ops[tick] += ops * part_ms / (double)row->length_ms;
        ticks->covered_ms[tick] += part_ms;
        at_ms = next_ms;
    }
}

static bool is_covered(const struct ticks *ticks, size_t tick)
{
    return ticks->covered_ms[tick] >= 0.5 * (double)TICK_MS;
}

/* Holes get what their time of day brings on other days, else the mean of all. */
static void fill_holes(const struct ticks *ticks, double *values)
{
    double sums[RHYTHM_DAY_SLOTS + 1] = {0};
    double counts[RHYTHM_DAY_SLOTS + 1] = {0};
    for (size_t i = 0; i < ticks->known_count; i++) {
        if (!is_covered(ticks, i))
            continue;
        values[i] *= fmax((double)TICK_MS / ticks->covered_ms[i], 1.0);
        size_t slot = i / TICKS_PER_SLOT % RHYTHM_DAY_SLOTS;
        sums[slot] += values[i];
        counts[slot] += 1;
        sums[RHYTHM_DAY_SLOTS] += values[i];
        counts[RHYTHM_DAY_SLOTS] += 1;
    }
    for (size_t i = 0; i < ticks->known_count; i++) {
        size_t slot = i / TICKS_PER_SLOT % RHYTHM_DAY_SLOTS;
        size_t source = counts[slot] > 0 ? slot : RHYTHM_DAY_SLOTS;
        if (!is_covered(ticks, i) && counts[source] > 0)
            values[i] = sums[source] / counts[source];
    }
}

/* Fills the ticks after the measured part; slots[] has room for the whole curve. Returns the scale
 * of the log error. */
static double extend(const struct ticks *ticks, double *values, double *slots)
{
    size_t past_count = ticks->known_count / TICKS_PER_SLOT;
    size_t all_count = ticks->count / TICKS_PER_SLOT + 1;
    for (size_t i = 0; i < past_count * TICKS_PER_SLOT; i++)
        slots[i / TICKS_PER_SLOT] += values[i];
    int64_t first_slot = ticks->first_ms / (TICK_MS * TICKS_PER_SLOT);
    rhythm_forecast(slots, past_count, first_slot, slots + past_count, all_count - past_count);
    for (size_t i = ticks->known_count; i < ticks->count; i++)
        values[i] = slots[i / TICKS_PER_SLOT] / TICKS_PER_SLOT;
    return rhythm_log_noise(slots, past_count);
}

static enum error_code extend_both(const struct ticks *ticks, double *log_noise, struct error *err)
{
    size_t slot_count = ticks->count / TICKS_PER_SLOT + 1;
    double *slots = new_doubles(2 * slot_count);
    if (slots == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu half hours", slot_count);
    *log_noise = extend(ticks, ticks->bytes, slots);
    extend(ticks, ticks->ops, slots + slot_count);
    free(slots);
    return ERR_NONE;
}

static enum error_code rate_init(struct write_rate *rate, const struct ticks *ticks,
                                 struct error *err)
{
    struct write_rate made = {.first_ms = ticks->first_ms, .tick_count = ticks->count};
    made.totals = calloc(ticks->count + 1, sizeof(*made.totals));
    if (made.totals == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu write ticks", ticks->count);
    for (size_t i = 0; i < ticks->count; i++) {
        made.totals[i + 1].bytes = made.totals[i].bytes + ticks->bytes[i];
        made.totals[i + 1].ops = made.totals[i].ops + ticks->ops[i];
    }
    made.known_bytes = made.totals[ticks->known_count].bytes;
    made.known_until_ms = ticks->first_ms + (int64_t)ticks->known_count * TICK_MS;
    made.day_count = (size_t)((made.known_until_ms - made.first_ms) / MS_PER_DAY);
    *rate = made;
    return ERR_NONE;
}

static enum error_code stand_in(struct write_rate *rate, int64_t now_ms, struct error *err)
{
    double bytes = STAND_IN_BYTES_PER_TICK;
    double ops = bytes / BYTES_PER_OP;
    struct ticks ticks = {
        .first_ms = floor_to(now_ms, TICK_MS), .count = 1, .bytes = &bytes, .ops = &ops};
    TRY(rate_init(rate, &ticks, err));
    rate->log_noise = 0;
    return ERR_NONE;
}

/* End of what can be believed: the newest period, but not what may be late. */
static int64_t believed_until(const struct write_sample *rows, size_t count, int64_t settled_ms)
{
    int64_t end_ms = rows[count - 1].start_ms + rows[count - 1].length_ms;
    return floor_to(end_ms < settled_ms ? end_ms : settled_ms, TICK_MS);
}

static bool all_have_ops(const struct write_sample *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].ops < 0)
            return false;
    }
    return true;
}

/* lag_ms: how late the newest periods may be. */
static enum error_code curve_of(const struct write_sample *rows, size_t count, int64_t now_ms,
                                int64_t lag_ms, struct write_rate *rate, struct error *err)
{
    int64_t settled_ms = now_ms - lag_ms;
    int64_t slot_ms = TICK_MS * TICKS_PER_SLOT;
    int64_t first_ms = count > 0 ? floor_to(rows[0].start_ms, slot_ms) : now_ms;
    if (count == 0 || believed_until(rows, count, settled_ms) <= first_ms)
        return stand_in(rate, now_ms, err);

    CLEANUP(ticks_done) struct ticks ticks = {0};
    TRY(ticks_init(&ticks, first_ms, believed_until(rows, count, settled_ms), now_ms, err));
    for (size_t i = 0; i < count; i++)
        ticks_add(&ticks, &rows[i]);
    fill_holes(&ticks, ticks.bytes);
    fill_holes(&ticks, ticks.ops);
    double log_noise = 0;
    TRY(extend_both(&ticks, &log_noise, err));
    TRY(rate_init(rate, &ticks, err));
    rate->known = true;
    rate->ops_known = all_have_ops(rows, count);
    rate->log_noise = log_noise;
    return ERR_NONE;
}

enum error_code write_rate_learn(const struct volume_history *history, int64_t now_ms,
                                 struct write_rate *rate, struct set_aside *aside,
                                 struct error *err)
{
    struct write_sample *rows = NULL;
    size_t count = 0;
    TRY(sorted_writes(history, now_ms, aside, &rows, &count, err));
    int64_t lag_ms = history->writes_current ? 0 : LAG_MS;
    enum error_code code = curve_of(rows, count, now_ms, lag_ms, rate, err);
    free(rows);
    return code;
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
    double tick = (double)(at_ms - rate->first_ms) / (double)TICK_MS;
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
