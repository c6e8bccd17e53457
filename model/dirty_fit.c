#include "model/dirty_fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_errno.h>
#include <gsl/gsl_linalg.h>
#include <gsl/gsl_multifit.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

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
#define RECENT_COUNT     40
#define ROBUST_MIN_COUNT 8
#define ROBUST_ROUNDS    3
#define BISQUARE         4.685
#define OUTLIER_SCALES   5.0
/* Recorded volumes show this much more scatter than the fit says, and this much per log of time
 * outside the observed gaps. */
#define INFLATION       1.12
#define OUTSIDE_SCALE   0.12
#define REGULAR_SPREAD  0.35
#define MAX_MERGED_GAPS 1000u

struct row {
    const struct dirty_sample *sample; /* NULL for the guess that stands in for data */
    double terms[DIRTY_TERMS];
    double log_blocks;
    double weight;
};

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

static double line_at(const struct dirty_line *line, const double terms[DIRTY_TERMS])
{
    double value = 0;
    for (size_t i = 0; i < DIRTY_TERMS; i++)
        value += line->mean[i] * terms[i];
    return value;
}

/* Variance of a new value there, in units of noise squared. The covariance is symmetric. */
static double line_spread(const struct dirty_line *line, const double terms[DIRTY_TERMS])
{
    double spread = 1;
    for (size_t i = 0; i < DIRTY_TERMS; i++) {
        double others = 0;
        for (size_t k = i + 1; k < DIRTY_TERMS; k++)
            others += line->covariance[i][k] * terms[k];
        spread += terms[i] * (line->covariance[i][i] * terms[i] + 2 * others);
    }
    return spread > 0 ? spread : 0;
}

static enum error_code check_gsl(int status, struct error *err)
{
    if (status == GSL_SUCCESS)
        return ERR_NONE;
    enum error_code code = status == GSL_ENOMEM ? ERR_NO_MEMORY : ERR_INVALID;
    return error_set(err, code, "cannot fit the changed blocks: %s", gsl_strerror(status));
}

/* The weighted least-squares system, five prior rows last. */
struct system {
    gsl_matrix *terms;
    gsl_vector *weights;
    gsl_vector *values;
    gsl_multifit_linear_workspace *work;
};

static void system_done(struct system *system)
{
    gsl_matrix_free(system->terms);
    gsl_vector_free(system->weights);
    gsl_vector_free(system->values);
    gsl_multifit_linear_free(system->work);
}

static enum error_code system_init(struct system *system, size_t count, struct error *err)
{
    size_t total = count + DIRTY_TERMS;
    *system = (struct system){
        .terms = gsl_matrix_calloc(total, DIRTY_TERMS),
        .weights = gsl_vector_calloc(total),
        .values = gsl_vector_calloc(total),
        .work = gsl_multifit_linear_alloc(total, DIRTY_TERMS),
    };
    if (system->terms == NULL || system->weights == NULL || system->values == NULL ||
        system->work == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot fit %zu pairs of snapshots", count);
    return ERR_NONE;
}

/* The prior as five more observations: with P = V^-1 = L L', rows L' with right side L' m. */
static enum error_code add_prior_rows(struct system *system, const struct dirty_prior *prior,
                                      size_t first, struct error *err)
{
    double entries[DIRTY_TERMS][DIRTY_TERMS];
    memcpy(entries, prior->covariance, sizeof(entries));
    gsl_matrix_view precision = gsl_matrix_view_array(&entries[0][0], DIRTY_TERMS, DIRTY_TERMS);
    TRY(check_gsl(gsl_linalg_cholesky_decomp1(&precision.matrix), err));
    TRY(check_gsl(gsl_linalg_cholesky_invert(&precision.matrix), err));
    TRY(check_gsl(gsl_linalg_cholesky_decomp1(&precision.matrix), err));
    for (size_t i = 0; i < DIRTY_TERMS; i++) {
        double value = 0;
        for (size_t k = i; k < DIRTY_TERMS; k++) {
            double entry = gsl_matrix_get(&precision.matrix, k, i);
            gsl_matrix_set(system->terms, first + i, k, entry);
            value += entry * prior->mean[k];
        }
        gsl_vector_set(system->values, first + i, value);
        gsl_vector_set(system->weights, first + i, 1);
    }
    return ERR_NONE;
}

static enum error_code solve(struct system *system, const struct dirty_prior *prior,
                             double observed, struct dirty_line *line, struct error *err)
{
    double chisq = 0;
    gsl_vector_view mean = gsl_vector_view_array(line->mean, DIRTY_TERMS);
    gsl_matrix_view covariance =
        gsl_matrix_view_array(&line->covariance[0][0], DIRTY_TERMS, DIRTY_TERMS);
    TRY(check_gsl(gsl_multifit_wlinear(system->terms, system->weights, system->values, &mean.vector,
                                       &covariance.matrix, &chisq, system->work),
                  err));
    double shape = prior->shape + observed / 2;
    line->noise = sqrt((prior->rate + chisq / 2) / shape);
    line->dof = 2 * shape;
    return ERR_NONE;
}

/* Bisquare weights from the residuals of the present line; residuals[] is scratch. */
static void reweigh(struct system *system, const struct row *rows, size_t count,
                    const struct dirty_line *line, double *residuals)
{
    for (size_t i = 0; i < count; i++)
        residuals[i] = fabs(rows[i].log_blocks - line_at(line, rows[i].terms));
    gsl_sort(residuals, 1, count);
    double scale = fmax(1.4826 * gsl_stats_median_from_sorted_data(residuals, 1, count), 0.03);
    for (size_t i = 0; i < count; i++) {
        double off = (rows[i].log_blocks - line_at(line, rows[i].terms)) / (BISQUARE * scale);
        double keep = fabs(off) < 1 ? (1 - off * off) * (1 - off * off) : 0;
        gsl_vector_set(system->weights, i, rows[i].weight * fmax(keep, 1e-3));
    }
}

/* Rows of little weight still widen the interval: half of their squares stays in the noise. */
static void widen(const struct dirty_prior *prior, const struct row *rows, size_t count,
                  struct dirty_line *line)
{
    double squares = 0;
    for (size_t i = 0; i < count; i++) {
        double residual = rows[i].log_blocks - line_at(line, rows[i].terms);
        squares += residual * residual;
    }
    double shape = line->dof / 2;
    double rate = line->noise * line->noise * shape;
    line->noise = sqrt(fmax(rate, (rate + prior->rate + squares / 2) / 2) / shape);
}

static enum error_code solve_robustly(struct system *system, const struct dirty_prior *prior,
                                      const struct row *rows, size_t count, struct dirty_line *line,
                                      struct error *err)
{
    double *residuals = calloc(count, sizeof(*residuals));
    if (residuals == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot fit %zu pairs of snapshots", count);
    enum error_code code = ERR_NONE;
    for (int i = 0; i < ROBUST_ROUNDS && code == ERR_NONE; i++) {
        reweigh(system, rows, count, line, residuals);
        code = solve(system, prior, (double)count, line, err);
    }
    free(residuals);
    if (code == ERR_NONE)
        widen(prior, rows, count, line);
    return code;
}

static enum error_code fit_line(const struct dirty_prior *prior, const struct row *rows,
                                size_t count, struct dirty_line *line, struct error *err)
{
    CLEANUP(system_done) struct system system = {0};
    struct dirty_line made = {0};
    TRY(system_init(&system, count, err));
    double observed = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < DIRTY_TERMS; k++)
            gsl_matrix_set(system.terms, i, k, rows[i].terms[k]);
        gsl_vector_set(system.values, i, rows[i].log_blocks);
        gsl_vector_set(system.weights, i, rows[i].weight);
        observed += rows[i].sample != NULL;
    }
    TRY(add_prior_rows(&system, prior, count, err));
    TRY(solve(&system, prior, observed, &made, err));
    if (count >= ROBUST_MIN_COUNT)
        TRY(solve_robustly(&system, prior, rows, count, &made, err));
    if (!isfinite(made.noise) || !isfinite(made.mean[0]))
        return error_set(err, ERR_INVALID, "cannot fit the changed blocks: not a number");
    *line = made;
    return ERR_NONE;
}

static struct row row_of(const struct dirty_sample *sample, const struct write_rate *writes)
{
    struct write_amount amount = write_rate_between(writes, sample->start_ms, sample->end_ms);
    double elapsed_s = (double)(sample->end_ms - sample->start_ms) / 1000;
    struct row row = {.sample = sample, .weight = 1};
    row.log_blocks = log_floor((double)sample->changed_bytes / BLOCK_BYTES, 0.5);
    fill_terms(row.terms, amount.bytes, amount.ops, log(elapsed_s / TICK_S), 0);
    return row;
}

/* Collects the possible pairs that are neighbours, or those that are not; rows[] has room. */
static size_t collect(const struct dirty_source *source, bool neighbours, struct row *rows)
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
static void weigh_unions(struct row *rows, size_t count, size_t neighbour_count)
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
static struct row coming_hour(const struct dirty_source *source, double *written)
{
    struct write_amount hour =
        write_rate_between(source->writes, source->now_ms, source->now_ms + MS_PER_HOUR);
    struct row row = {.weight = 1};
    *written = hour.ops + hour.bytes / BLOCK_BYTES;
    fill_terms(row.terms, hour.bytes, hour.ops, log(12), 0);
    return row;
}

/* Stands in for data: a share of what an hour writes, or of the volume. */
static struct row guess(const struct dirty_source *source, double volume_blocks)
{
    const struct dirty_prior *prior = source->prior;
    double volume = volume_blocks > 0 ? volume_blocks : BLIND_BLOCKS;
    double written = 0;
    struct row row = coming_hour(source, &written);
    bool known = source->writes->known;
    double blocks = known ? exp(prior->log_hour_ratio) * written : BLIND_HOURLY_RATIO * volume;
    double scale = known ? prior->hour_scale : BLIND_SCALE;
    row.log_blocks = log_floor(fmin(blocks, volume), 0.5);
    row.weight = prior->rate / prior->shape / (scale * scale);
    return row;
}

static void set_bounds(const struct row *rows, size_t count, struct dirty_fit *fit)
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

static void name_outliers(const struct row *rows, const struct dirty_fit *fit,
                          struct set_aside *aside)
{
    for (size_t i = 0; i < fit->sample_count; i++) {
        double residual = rows[i].log_blocks - line_at(&fit->all, rows[i].terms);
        if (rows[i].sample != NULL && fabs(residual) > OUTLIER_SCALES * fit->neighbours.noise)
            set_aside_add(aside, rows[i].sample->id, rows[i].sample->end_ms, SET_ASIDE_OUTLIER);
    }
}

/* Neighbours lie first in rows[], oldest first. The median follows the newest ones, with the merged
 * pairs made of them; the scale needs all. */
static enum error_code fit_rows(const struct dirty_prior *prior, struct row *rows,
                                size_t neighbour_count, size_t union_count, struct dirty_fit *fit,
                                struct error *err)
{
    size_t count = neighbour_count + union_count;
    size_t first = neighbour_count > RECENT_COUNT ? neighbour_count - RECENT_COUNT : 0;
    weigh_unions(rows, count, neighbour_count);
    set_bounds(rows + first, count - first, fit);
    TRY(fit_line(prior, rows + first, count - first, &fit->all, err));
    return fit_line(prior, rows, neighbour_count, &fit->neighbours, err);
}

static int compare_rows(const void *left, const void *right)
{
    const struct row *a = left;
    const struct row *b = right;
    int64_t one = a->sample->end_ms;
    int64_t other = b->sample->end_ms;
    return (one > other) - (one < other);
}

/* Keeps the merged pairs that begin at start_ms or later; returns how many. */
static size_t keep_since(struct row *rows, size_t count, int64_t start_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].sample->start_ms >= start_ms)
            rows[kept++] = rows[i];
    }
    return kept;
}

/* Merged pairs without any neighbours say nothing of the scatter and are not used. */
static enum error_code learn(const struct dirty_source *source, struct row *rows,
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
    const struct row *oldest = count > RECENT_COUNT ? &rows[count - RECENT_COUNT] : &rows[0];
    size_t union_count = collect(source, false, rows + count);
    fit->union_count = keep_since(rows + count, union_count, oldest->sample->start_ms);
    return fit_rows(source->prior, rows, count, fit->union_count, fit, err);
}

static double log_hour_ratio(const struct dirty_source *source, const struct dirty_fit *fit)
{
    double written = 0;
    struct row row = coming_hour(source, &written);
    return line_at(&fit->all, row.terms) - log_floor(written, 1);
}

enum error_code dirty_fit_learn(const struct dirty_source *source, struct dirty_fit *fit,
                                struct set_aside *aside, struct error *err)
{
    const struct volume_history *history = source->history;
    struct row *rows = calloc(history->dirty_count + 1, sizeof(*rows));
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
        .log_blocks = line_at(&fit->all, inside->terms),
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
    return typical_of(fit, &inside, line_spread(&fit->all, inside.terms));
}

struct dirty_answer dirty_fit_ask(const struct dirty_fit *fit, const struct dirty_query *query)
{
    struct inside inside = inside_of(fit, query);
    double all = line_spread(&fit->all, inside.terms);
    double neighbours = line_spread(&fit->neighbours, inside.terms);
    struct dirty_answer answer = typical_of(fit, &inside, all);
    answer.scale = scale_of(fmax(fit->all.noise * fit->all.noise * all,
                                 fit->neighbours.noise * fit->neighbours.noise * neighbours),
                            &inside);
    return answer;
}
