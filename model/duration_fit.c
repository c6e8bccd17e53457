#include "model/duration_fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/duration_line.h"

/* Full ones scatter less from volume to volume (33 to 56 MB/s were reported). */
#define FULL_PRIOR_SCALE 0.35
#define FULL_NOISE       0.25

#define LEVEL_MIN_COUNT 8
/* Residual beyond which a row is named an outlier; its weight is then below a sixth. */
#define OUTLIER_SCALES 5.0
/* Recorded transfers scatter this much more per log of size outside the sizes that taught. */
#define OUTSIDE_RATIO 0.25

/* What a fit is made from: the rows of one kind, and the line through them. */
struct lesson {
    struct duration_row *rows;
    size_t count;
    struct duration_line line;
};

/* One step ahead: how badly a drift followed with this gain would have foretold the residuals. */
static double level_cost(const struct lesson *lesson, double gain, double *level)
{
    double limit = 2 * lesson->line.noise;
    double cost = 0;
    *level = 0;
    for (size_t i = 0; i < lesson->count; i++) {
        const struct duration_row *row = &lesson->rows[i];
        if (!duration_row_is_exact(row))
            continue;
        double residual =
            fmin(fmax(row->log_s - duration_line_log_s(&lesson->line, row->mib), -limit), limit);
        double miss = residual - *level;
        cost += fmin(miss * miss, limit * limit);
        *level += gain * miss;
    }
    return cost;
}

/* Follows a drifting throughput only where that clearly would have paid. */
static double choose_level(const struct lesson *lesson)
{
    static const double gains[] = {0.1, 0.2, 0.35, 0.5};
    double best = 0;
    double still = 0;
    if (lesson->count < LEVEL_MIN_COUNT)
        return 0;
    double best_cost = 0.95 * level_cost(lesson, 0, &still);
    for (size_t i = 0; i < sizeof(gains) / sizeof(gains[0]); i++) {
        double level = 0;
        double cost = level_cost(lesson, gains[i], &level);
        if (cost < best_cost) {
            best_cost = cost;
            best = level;
        }
    }
    return best;
}

static void name_outliers(const struct lesson *lesson, struct set_aside *aside)
{
    for (size_t i = 0; i < lesson->count; i++) {
        const struct duration_row *row = &lesson->rows[i];
        double residual = row->log_s - duration_line_log_s(&lesson->line, row->mib);
        if (duration_row_is_exact(row) && fabs(residual) > OUTLIER_SCALES * lesson->line.noise)
            set_aside_add(aside, row->sample->id, row->sample->started_ms, SET_ASIDE_OUTLIER);
    }
}

static int compare_rows(const void *left, const void *right)
{
    const struct duration_row *a = left;
    const struct duration_row *b = right;
    int64_t one = a->sample->started_ms;
    int64_t other = b->sample->started_ms;
    return (one > other) - (one < other);
}

/* The possible rows of one kind, oldest first. rows[] has room for all. */
static size_t collect(const struct volume_history *history, enum transfer_kind kind, int64_t now_ms,
                      struct duration_row *rows, struct set_aside *aside)
{
    size_t count = 0;
    for (size_t i = 0; i < history->duration_count; i++) {
        const struct duration_sample *sample = &history->durations[i];
        if (sample->kind != kind)
            continue;
        enum set_aside_reason reason = sample_check_duration(history, i, now_ms);
        if (reason != SET_ASIDE_NONE) {
            set_aside_add(aside, sample->id, sample->started_ms, reason);
            continue;
        }
        double log_s = log((double)sample->duration_ms / 1000);
        rows[count++] =
            (struct duration_row){.sample = sample, .log_s = log_s, .target = log_s, .weight = 1};
        rows[count - 1].mib = duration_row_carried_mib(&rows[count - 1]);
        /* That its set still runs says nothing of this one. */
        if (sample->pending && duration_row_is_bounded(&rows[count - 1]))
            count--;
    }
    qsort(rows, count, sizeof(*rows), compare_rows);
    return count;
}

static void count_rows(const struct lesson *lesson, struct duration_fit *fit)
{
    double least_mib = HUGE_VAL;
    double most_mib = 0;
    for (size_t i = 0; i < lesson->count; i++) {
        const struct duration_row *row = &lesson->rows[i];
        if (row->sample->pending) {
            fit->pending_count++;
        } else {
            fit->sample_count++;
        }
        if (!duration_row_is_exact(row))
            continue;
        least_mib = fmin(least_mib, duration_row_carried_mib(row));
        most_mib = fmax(most_mib, duration_row_carried_mib(row));
    }
    fit->least_bytes = least_mib < HUGE_VAL ? least_mib * BYTES_PER_MIB : 0;
    fit->most_bytes = most_mib * BYTES_PER_MIB;
    fit->prior_only = fit->sample_count == 0;
}

/* The rate of full transfers: a normal prior and what was seen, by precision. One that waited for its
 * set tells of the largest of it, and so of its own only as volumes are alike. */
static void fit_full(const struct lesson *lesson, const struct duration_prior *prior,
                     struct duration_fit *fit)
{
    double precision = 1 / (FULL_PRIOR_SCALE * FULL_PRIOR_SCALE);
    double sum = precision * prior->full_log_s_per_mib;
    for (size_t i = 0; i < lesson->count; i++) {
        const struct duration_row *row = &lesson->rows[i];
        if (!row->sample->full || row->sample->pending || row->mib < 1)
            continue;
        double mib = fmax(row->mib, (double)row->sample->set_bytes / BYTES_PER_MIB);
        double carried_s = fmax(exp(row->log_s) - exp(fit->log_fixed_s), 0.1 * exp(row->log_s));
        double square = FULL_NOISE * FULL_NOISE;
        if (duration_row_is_bounded(row))
            square += FULL_PRIOR_SCALE * FULL_PRIOR_SCALE;
        sum += log(carried_s / mib) / square;
        precision += 1 / square;
    }
    fit->full_log_s_per_mib = sum / precision;
    fit->full_scale = sqrt(1 / precision);
}

static struct duration_fit fit_of(const struct lesson *lesson, const struct duration_source *source)
{
    const struct duration_line *line = &lesson->line;
    struct duration_fit fit = {
        .log_fixed_s = line->theta[0],
        .log_s_per_mib = line->theta[1],
        .noise = line->noise,
        .level = choose_level(lesson),
        .queue_slowdown = line->slowdown,
        .queue = fmax(source->queue, 0),
    };
    memcpy(fit.covariance, line->covariance, sizeof(fit.covariance));
    fit_full(lesson, &source->prior, &fit);
    count_rows(lesson, &fit);
    fit.log_s_per_mib += log1p(line->slowdown * fit.queue);
    return fit;
}

enum error_code duration_fit_learn(const struct duration_source *source, struct duration_fit *fit,
                                   struct set_aside *aside, struct error *err)
{
    size_t most = source->history->duration_count;
    struct lesson lesson = {.rows = calloc(most + 1, sizeof(*lesson.rows))};
    if (lesson.rows == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu durations", most);
    lesson.count = collect(source->history, source->kind, source->now_ms, lesson.rows, aside);
    enum error_code code =
        duration_line_draw(lesson.rows, lesson.count, &source->prior, &lesson.line, err);
    if (code == ERR_NONE) {
        *fit = fit_of(&lesson, source);
        name_outliers(&lesson, aside);
    }
    free(lesson.rows);
    return code;
}

static double line_s(double log_fixed, double log_slope, double mib)
{
    return exp(log_fixed) + exp(log_slope) * mib;
}

double duration_fit_log_s(const struct duration_fit *fit, double delta_bytes)
{
    double mib = fmax(delta_bytes, 0) / BYTES_PER_MIB;
    return log(line_s(fit->log_fixed_s, fit->log_s_per_mib, mib)) + fit->level;
}

/* How far a size lies outside those that taught, in logarithms. */
static double outside(const struct duration_fit *fit, double mib)
{
    if (fit->most_bytes == 0)
        return 0;
    double log_mib = log(fmax(mib, DURATION_LEAST_MIB));
    double least = log(fmax(fit->least_bytes / BYTES_PER_MIB, DURATION_LEAST_MIB));
    double most = log(fmax(fit->most_bytes / BYTES_PER_MIB, DURATION_LEAST_MIB));
    return fmax(fmax(least - log_mib, log_mib - most), 0);
}

double duration_fit_doubt(const struct duration_fit *fit, double delta_bytes)
{
    double mib = fmax(delta_bytes, 0) / BYTES_PER_MIB;
    double fixed = exp(fit->log_fixed_s) / line_s(fit->log_fixed_s, fit->log_s_per_mib, mib);
    double slope = 1 - fixed;
    double square = fixed * fixed * fit->covariance[0][0] +
                    2 * fixed * slope * fit->covariance[0][1] +
                    slope * slope * fit->covariance[1][1];
    return sqrt(fmax(square, 0));
}

double duration_fit_scale(const struct duration_fit *fit, double delta_bytes)
{
    double mib = fmax(delta_bytes, 0) / BYTES_PER_MIB;
    return hypot(fit->noise, duration_fit_doubt(fit, delta_bytes)) *
           (1 + OUTSIDE_RATIO * outside(fit, mib));
}

double duration_fit_full_log_s(const struct duration_fit *fit, double full_bytes)
{
    double mib = fmax(full_bytes, 0) / BYTES_PER_MIB;
    return log(line_s(fit->log_fixed_s, fit->full_log_s_per_mib, mib));
}

double duration_fit_full_scale(const struct duration_fit *fit)
{
    return sqrt(fit->noise * fit->noise + fit->full_scale * fit->full_scale);
}
