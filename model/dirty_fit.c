#include "model/dirty_fit.h"

#include <math.h>
#include <stdlib.h>

#include "model/instant.h"

#define TICK_S 300.0

/* Log of the least bytes that count, in blocks: a 128th of one. */
#define LEAST_LOG_BYTES (-7 * M_LN2)
/* The bend is measured from here: an hour, in log ticks. */
#define BEND_AT 2.5
/* Where neither pairs nor writes are known: share of the volume per hour, a factor of five. */
#define BLIND_HOURLY_RATIO 0.01
#define BLIND_SCALE        1.0
#define BLIND_BLOCKS       204800.0 /* 100 GiB, where not even the volume's size is known */

/* So many neighbours, and the merged pairs made of them, set the median. */
#define RECENT_COUNT   40
#define OUTLIER_SCALES 5.0
/* Recorded volumes show this much more scatter than the fit says, and this much per log of time
 * outside the observed gaps. */
#define INFLATION       1.12
#define OUTSIDE_SCALE   0.12
#define REGULAR_SPREAD  0.35
#define MAX_MERGED_GAPS 1000u

static double log_floor(double value, double floor)
{
    return log(fmax(value, floor));
}

/* log_shrink: by how much bytes and ops are to be less than given. */
static void fill_terms(double terms[DIRTY_TERMS], double bytes, double ops, double log_ticks,
                       double log_shrink)
{
    terms[0] = 1;
    terms[1] = fmax(log(bytes / BLOCK_BYTES) - log_shrink, LEAST_LOG_BYTES);
    terms[2] = fmax(log(ops) - log_shrink, 0);
    terms[3] = log_ticks;
    terms[4] = (log_ticks - BEND_AT) * (log_ticks - BEND_AT);
}

static struct dirty_row row_of(const struct dirty_sample *sample, const struct write_rate *writes)
{
    struct write_amount amount = write_rate_between(writes, sample->start_ms, sample->end_ms);
    double elapsed_s = (double)(sample->end_ms - sample->start_ms) / 1000;
    struct dirty_row row = {.sample = sample, .weight = 1};
    row.log_blocks = log_floor((double)sample->changed_bytes / BLOCK_BYTES, 0.5);
    fill_terms(row.terms, amount.bytes, amount.ops, log(elapsed_s / TICK_S), 0);
    return row;
}

/* Collects the possible pairs that are neighbours, or those that are not; rows[] has room. */
static size_t collect(const struct dirty_source *source, bool neighbours, struct dirty_row *rows)
{
    const struct volume_history *history = source->history;
    size_t count = 0;
    for (size_t i = 0; i < history->dirty_count; i++) {
        const struct dirty_sample *sample = &history->dirties[i];
        if ((sample->merged_count <= 1) == neighbours &&
            sample_check_dirty(history, i, source->now_ms) == SET_ASIDE_NONE)
            rows[count++] = row_of(sample, source->writes);
    }
    return count;
}

static void name_impossible(const struct volume_history *history, int64_t now_ms,
                            struct set_aside *aside)
{
    for (size_t i = 0; i < history->dirty_count; i++) {
        enum set_aside_reason reason = sample_check_dirty(history, i, now_ms);
        if (reason != SET_ASIDE_NONE)
            set_aside_add(aside, history->dirties[i].id, history->dirties[i].end_ms, reason);
    }
}

/* Merged pairs overlap and are not independent. They teach the bend, which a regular schedule
 * cannot show by itself; where the gaps differ anyway they count for little. */
static void weigh_unions(struct dirty_row *rows, size_t count, size_t neighbour_count)
{
    double sum = 0;
    double squares = 0;
    for (size_t i = 0; i < neighbour_count; i++) {
        sum += rows[i].terms[3];
        squares += rows[i].terms[3] * rows[i].terms[3];
    }
    double n = fmax((double)neighbour_count, 1);
    double spread = sqrt(fmax(squares / n - sum / n * (sum / n), 0));
    double power = spread < REGULAR_SPREAD ? -0.5 : -1.5;
    for (size_t i = neighbour_count; i < count; i++) {
        unsigned merged = rows[i].sample->merged_count;
        rows[i].weight = pow(merged < MAX_MERGED_GAPS ? merged : MAX_MERGED_GAPS, power);
    }
}

/* An hour from now, before its blocks are known. */
static struct dirty_row coming_hour(const struct dirty_source *source, double *written)
{
    struct write_amount hour =
        write_rate_between(source->writes, source->now_ms, source->now_ms + MS_PER_HOUR);
    struct dirty_row row = {.weight = 1};
    *written = hour.ops + hour.bytes / BLOCK_BYTES;
    fill_terms(row.terms, hour.bytes, hour.ops, log(12), 0);
    return row;
}

/* Stands in for data: a share of what an hour writes, or of the volume. */
static struct dirty_row guess(const struct dirty_source *source, double volume_blocks)
{
    const struct dirty_prior *prior = source->prior;
    double volume = volume_blocks > 0 ? volume_blocks : BLIND_BLOCKS;
    double written = 0;
    struct dirty_row row = coming_hour(source, &written);
    bool known = source->writes->known;
    double blocks = known ? exp(prior->log_hour_ratio) * written : BLIND_HOURLY_RATIO * volume;
    double scale = known ? prior->hour_scale : BLIND_SCALE;
    row.log_blocks = log_floor(fmin(blocks, volume), 0.5);
    row.weight = prior->rate / prior->shape / (scale * scale);
    return row;
}

static void set_bounds(const struct dirty_row *rows, size_t count, struct dirty_fit *fit)
{
    fit->log_tick_min = rows[0].terms[3];
    fit->log_tick_max = rows[0].terms[3];
    fit->bound_ratio = 1;
    for (size_t i = 0; i < count; i++) {
        fit->log_tick_min = fmin(fit->log_tick_min, rows[i].terms[3]);
        fit->log_tick_max = fmax(fit->log_tick_max, rows[i].terms[3]);
        double written = exp(rows[i].terms[1]) + exp(rows[i].terms[2]);
        fit->bound_ratio = fmax(fit->bound_ratio, exp(rows[i].log_blocks) / written);
    }
}

static void name_outliers(const struct dirty_row *rows, const struct dirty_fit *fit,
                          struct set_aside *aside)
{
    for (size_t i = 0; i < fit->sample_count; i++) {
        double residual = rows[i].log_blocks - dirty_line_at(&fit->all, rows[i].terms);
        if (rows[i].sample != NULL && fabs(residual) > OUTLIER_SCALES * fit->neighbours.noise)
            set_aside_add(aside, rows[i].sample->id, rows[i].sample->end_ms, SET_ASIDE_OUTLIER);
    }
}

/* Neighbours lie first in rows[], oldest first. The median follows the newest ones, with the merged
 * pairs made of them; the scale needs all. */
static enum error_code fit_rows(const struct dirty_prior *prior, struct dirty_row *rows,
                                size_t neighbour_count, size_t union_count, struct dirty_fit *fit,
                                struct error *err)
{
    size_t count = neighbour_count + union_count;
    size_t first = neighbour_count > RECENT_COUNT ? neighbour_count - RECENT_COUNT : 0;
    weigh_unions(rows, count, neighbour_count);
    set_bounds(rows + first, count - first, fit);
    TRY(dirty_line_fit(prior, rows + first, count - first, &fit->all, err));
    return dirty_line_fit(prior, rows, neighbour_count, &fit->neighbours, err);
}

static int compare_rows(const void *left, const void *right)
{
    const struct dirty_row *a = left;
    const struct dirty_row *b = right;
    int64_t one = a->sample->end_ms;
    int64_t other = b->sample->end_ms;
    return (one > other) - (one < other);
}

/* Keeps the merged pairs that begin at start_ms or later; returns how many. */
static size_t keep_since(struct dirty_row *rows, size_t count, int64_t start_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].sample->start_ms >= start_ms)
            rows[kept++] = rows[i];
    }
    return kept;
}

/* Merged pairs without any neighbours say nothing of the scatter and are not used. */
static enum error_code learn(const struct dirty_source *source, struct dirty_row *rows,
                             struct dirty_fit *fit, struct error *err)
{
    size_t count = collect(source, true, rows);
    fit->sample_count = count;
    fit->prior_only = count == 0;
    if (fit->prior_only) {
        rows[0] = guess(source, fit->volume_blocks);
        return fit_rows(source->prior, rows, 1, 0, fit, err);
    }
    qsort(rows, count, sizeof(*rows), compare_rows);
    const struct dirty_row *oldest = count > RECENT_COUNT ? &rows[count - RECENT_COUNT] : &rows[0];
    size_t union_count = collect(source, false, rows + count);
    fit->union_count = keep_since(rows + count, union_count, oldest->sample->start_ms);
    return fit_rows(source->prior, rows, count, fit->union_count, fit, err);
}

static double log_hour_ratio(const struct dirty_source *source, const struct dirty_fit *fit)
{
    double written = 0;
    struct dirty_row row = coming_hour(source, &written);
    return dirty_line_at(&fit->all, row.terms) - log_floor(written, 1);
}

enum error_code dirty_fit_learn(const struct dirty_source *source, struct dirty_fit *fit,
                                struct set_aside *aside, struct error *err)
{
    const struct volume_history *history = source->history;
    struct dirty_row *rows = calloc(history->dirty_count + 1, sizeof(*rows));
    if (rows == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu pairs", history->dirty_count);
    struct dirty_fit made = {
        .writes_known = source->writes->known && source->writes->ops_known,
        .volume_blocks = (double)history->volume_bytes / BLOCK_BYTES,
    };
    name_impossible(history, source->now_ms, aside);
    enum error_code code = learn(source, rows, &made, err);
    if (code == ERR_NONE) {
        name_outliers(rows, &made, aside);
        made.log_hour_ratio = log_hour_ratio(source, &made);
        *fit = made;
    }
    free(rows);
    return code;
}

double dirty_fit_cap_blocks(const struct dirty_fit *fit, const struct dirty_query *query)
{
    double cap = HUGE_VAL;
    if (fit->volume_blocks > 0)
        cap = fit->volume_blocks;
    if (fit->writes_known)
        cap = fmin(cap, fit->bound_ratio * (query->write_ops + query->write_bytes / BLOCK_BYTES));
    return fmax(cap, 1);
}

static double exponent_at(const struct dirty_fit *fit, double log_ticks)
{
    const double *mean = fit->all.mean;
    double exponent = mean[1] + mean[2] + mean[3] + 2 * mean[4] * (log_ticks - BEND_AT);
    return fmin(fmax(exponent, 0.1), 1);
}

double dirty_fit_growth(const struct dirty_fit *fit, double elapsed_s)
{
    return exponent_at(fit, log(elapsed_s / TICK_S));
}

/* The growth at the edge of the observed gaps, within what footprints of real workloads do. */
static double edge_exponent(const struct dirty_fit *fit, double log_ticks, bool below)
{
    double exponent = exponent_at(fit, log_ticks);
    return below ? fmax(exponent, 0.5) : fmin(exponent, 0.9);
}

/* A query moved to the edge of the observed gaps, at the same rates. */
struct inside {
    double outside; /* how far it was moved, in log ticks */
    double terms[DIRTY_TERMS];
};

static struct inside inside_of(const struct dirty_fit *fit, const struct dirty_query *query)
{
    struct inside inside;
    double log_ticks = log(query->elapsed_s / TICK_S);
    double edge = fmin(fmax(log_ticks, fit->log_tick_min), fit->log_tick_max);
    inside.outside = log_ticks - edge;
    fill_terms(inside.terms, query->write_bytes, query->write_ops, edge, inside.outside);
    return inside;
}

static double scale_of(double variance, const struct inside *inside)
{
    double far = OUTSIDE_SCALE * inside->outside;
    return INFLATION * sqrt(variance + far * far);
}

static struct dirty_answer typical_of(const struct dirty_fit *fit, const struct inside *inside,
                                      double all_spread)
{
    double noise = fmax(fit->all.noise, fit->neighbours.noise);
    struct dirty_answer answer = {
        .log_blocks = dirty_line_at(&fit->all, inside->terms),
        .typical_scale = scale_of(noise * noise * all_spread, inside),
    };
    if (inside->outside != 0)
        answer.log_blocks +=
            inside->outside * edge_exponent(fit, inside->terms[3], inside->outside < 0);
    return answer;
}

struct dirty_answer dirty_fit_ask_typical(const struct dirty_fit *fit,
                                          const struct dirty_query *query)
{
    struct inside inside = inside_of(fit, query);
    return typical_of(fit, &inside, dirty_line_spread(&fit->all, inside.terms));
}

struct dirty_answer dirty_fit_ask(const struct dirty_fit *fit, const struct dirty_query *query)
{
    struct inside inside = inside_of(fit, query);
    double all = dirty_line_spread(&fit->all, inside.terms);
    double neighbours = dirty_line_spread(&fit->neighbours, inside.terms);
    struct dirty_answer answer = typical_of(fit, &inside, all);
    answer.scale = scale_of(fmax(fit->all.noise * fit->all.noise * all,
                                 fit->neighbours.noise * fit->neighbours.noise * neighbours),
                            &inside);
    return answer;
}
