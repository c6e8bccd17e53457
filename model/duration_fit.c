#include "model/duration_fit.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_errno.h>
#include <gsl/gsl_multifit_nlinear.h>
#include <gsl/gsl_sf_erf.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

#define BYTES_PER_MIB 1048576.0
#define TERMS         2

/* Prior: a floor of about a minute, 45 MB/s, both within a factor of two to three; noise of a
 * quarter, worth three samples. From reported EBS snapshots (TiDB operator's documentation). */
static const struct duration_prior shipped = {
    .log_fixed_s = 4.0943445622221,
    .log_s_per_mib = -3.8066624897703196,
    .scale_fixed = 1.0,
    .scale_slope = 0.8,
    .full_log_s_per_mib = -3.8066624897703196,
};
/* Snapshots and copies share a back end; the one tells this much of the other. */
#define SIBLING_SCALE_FIXED 0.7
#define SIBLING_SCALE_SLOPE 0.6
/* Scatter from volume to volume, believed until volumes show their own, and its weight in volumes. */
#define FLEET_SCALE_FIXED 1.5
#define FLEET_SCALE_SLOPE 1.0
#define FLEET_WEIGHT      3.0
/* Full ones scatter less from volume to volume (33 to 56 MB/s were reported), and tell less of the
 * rate of differences, whose blocks lie scattered. */
#define FULL_PRIOR_SCALE 0.35
#define FULL_NOISE       0.25
#define FULL_FOREIGN     0.5
#define PRIOR_NOISE      0.25
#define PRIOR_WEIGHT     3.0

#define ROUNDS_MAX      40
#define STEPS_MAX       50
#define LEVEL_MIN_COUNT 8
/* Residual beyond which a row is named an outlier; its weight is then below a sixth. */
#define OUTLIER_SCALES 5.0
/* Recorded transfers scatter this much more per log of size outside the sizes that taught. */
#define OUTSIDE_RATIO 0.25
/* Least size that is told apart from none. */
#define LEAST_MIB (1.0 / 16)
/* Own transfers beside one share the throughput: each adds this share to its seconds per byte, give
 * or take, and never less than nothing. Looked for only where so many had some beside them. */
#define QUEUE_PRIOR       0.3
#define QUEUE_PRIOR_SCALE 0.3
#define QUEUE_MIN_COUNT   5
#define QUEUE_STEP        0.1
#define QUEUE_STEPS       ((size_t)15)
/* Server clocks tell whole seconds. */
#define CLOCK_STEP_S 1.0

struct row {
    const struct duration_sample *sample;
    double mib;    /* carried, and as much more as the transfers beside it take */
    double log_s;  /* observed; for a pending one the age */
    double target; /* what the line is drawn to: log_s, or its expectation given the age */
    double weight;
    double factor; /* of its residual: root of the weight, in units of noise */
};

/* The least-squares problem of one round. */
struct problem {
    struct row *rows;
    size_t count;
    double noise;
    struct duration_prior prior;
    double queue;    /* of the coming transfers */
    double *scratch; /* one double per row */
};

static double carried_mib(const struct row *row)
{
    return (double)row->sample->delta_bytes / BYTES_PER_MIB;
}

static double line_s(double log_fixed, double log_slope, double mib)
{
    return exp(log_fixed) + exp(log_slope) * mib;
}

/* The line's two parameters, out of their logarithms once for all rows. */
struct line {
    double fixed_s;
    double s_per_mib;
};

static struct line line_of(const gsl_vector *theta)
{
    return (struct line){.fixed_s = exp(gsl_vector_get(theta, 0)),
                         .s_per_mib = exp(gsl_vector_get(theta, 1))};
}

static double line_log(const struct line *line, double mib)
{
    return log(line->fixed_s + line->s_per_mib * mib);
}

static int residuals(const gsl_vector *theta, void *data, gsl_vector *out)
{
    const struct problem *problem = data;
    struct line line = line_of(theta);
    for (size_t i = 0; i < problem->count; i++) {
        const struct row *row = &problem->rows[i];
        gsl_vector_set(out, i, row->factor * (line_log(&line, row->mib) - row->target));
    }
    const struct duration_prior *prior = &problem->prior;
    gsl_vector_set(out, problem->count,
                   (gsl_vector_get(theta, 0) - prior->log_fixed_s) / prior->scale_fixed);
    gsl_vector_set(out, problem->count + 1,
                   (gsl_vector_get(theta, 1) - prior->log_s_per_mib) / prior->scale_slope);
    return GSL_SUCCESS;
}

static int jacobian(const gsl_vector *theta, void *data, gsl_matrix *out)
{
    const struct problem *problem = data;
    struct line line = line_of(theta);
    gsl_matrix_set_zero(out);
    for (size_t i = 0; i < problem->count; i++) {
        const struct row *row = &problem->rows[i];
        double fixed_ratio = line.fixed_s / (line.fixed_s + line.s_per_mib * row->mib);
        gsl_matrix_set(out, i, 0, row->factor * fixed_ratio);
        gsl_matrix_set(out, i, 1, row->factor * (1 - fixed_ratio));
    }
    gsl_matrix_set(out, problem->count, 0, 1 / problem->prior.scale_fixed);
    gsl_matrix_set(out, problem->count + 1, 1, 1 / problem->prior.scale_slope);
    return GSL_SUCCESS;
}

static enum error_code check_gsl(int status, struct error *err)
{
    if (status == GSL_SUCCESS)
        return ERR_NONE;
    enum error_code code = status == GSL_ENOMEM ? ERR_NO_MEMORY : ERR_INVALID;
    return error_set(err, code, "cannot fit the durations: %s", gsl_strerror(status));
}

/* One trust-region fit with the present weights, from theta to theta. No progress is no failure
 * here: it means that the start was already the best. */
static enum error_code solve(struct problem *problem, gsl_multifit_nlinear_workspace *work,
                             gsl_vector *theta, struct error *err)
{
    gsl_multifit_nlinear_fdf fdf = {
        .f = residuals, .df = jacobian, .n = problem->count + TERMS, .p = TERMS, .params = problem};
    TRY(check_gsl(gsl_multifit_nlinear_init(theta, &fdf, work), err));
    int info = 0;
    int status = gsl_multifit_nlinear_driver(STEPS_MAX, 1e-9, 1e-9, 0, NULL, NULL, &info, work);
    if (status != GSL_EMAXITER && status != GSL_ENOPROG)
        TRY(check_gsl(status, err));
    gsl_vector_memcpy(theta, gsl_multifit_nlinear_position(work));
    return ERR_NONE;
}

/* The expectation of a running transfer, given that it is already this old (Tobit, EM step).
 * Returns its squared residual, which is the noise's food. */
static double expect_pending(struct row *row, double line, double noise)
{
    double age = fmin(fmax((row->log_s - line) / noise, -8), 30);
    double hazard = gsl_sf_hazard(age);
    row->target = line + noise * hazard;
    return noise * noise * (1 + age * hazard);
}

/* A duration of a few clock steps says little about its own logarithm, a full one little about
 * differences. */
static double row_trust(const struct row *row, double noise)
{
    double step = 1000 * CLOCK_STEP_S / (double)row->sample->duration_ms;
    double foreign = row->sample->full ? FULL_FOREIGN : 0;
    return noise * noise / (noise * noise + step * step / 12 + foreign * foreign);
}

/* New targets, weights and noise from the residuals of the present line (Student t, 4 degrees). */
static void reweigh(struct problem *problem, const gsl_vector *theta)
{
    double noise = problem->noise;
    struct line line = line_of(theta);
    double squares = PRIOR_WEIGHT * PRIOR_NOISE * PRIOR_NOISE;
    for (size_t i = 0; i < problem->count; i++) {
        struct row *row = &problem->rows[i];
        double log_s = line_log(&line, row->mib);
        double square = (row->log_s - log_s) * (row->log_s - log_s);
        if (row->sample->pending)
            square = expect_pending(row, log_s, noise);
        row->weight = (DURATION_DOF + 1) / (DURATION_DOF + square / (noise * noise));
        squares += row->weight * square;
        row->weight *= row_trust(row, noise);
    }
    problem->noise = sqrt(squares / (PRIOR_WEIGHT + (double)problem->count));
    for (size_t i = 0; i < problem->count; i++)
        problem->rows[i].factor = sqrt(problem->rows[i].weight) / problem->noise;
}

static enum error_code solve_robustly(struct problem *problem, gsl_multifit_nlinear_workspace *work,
                                      gsl_vector *theta, struct error *err)
{
    for (int i = 0; i < ROUNDS_MAX; i++) {
        double before[TERMS] = {gsl_vector_get(theta, 0), gsl_vector_get(theta, 1)};
        reweigh(problem, theta);
        TRY(solve(problem, work, theta, err));
        double moved =
            fabs(gsl_vector_get(theta, 0) - before[0]) + fabs(gsl_vector_get(theta, 1) - before[1]);
        if (i > 0 && moved < 1e-7)
            break;
    }
    return ERR_NONE;
}

/* One step ahead: how badly a drift followed with this gain would have foretold the residuals. */
static double level_cost(const struct problem *problem, const struct line *line, double gain,
                         double *level)
{
    double limit = 2 * problem->noise;
    double cost = 0;
    *level = 0;
    for (size_t i = 0; i < problem->count; i++) {
        const struct row *row = &problem->rows[i];
        if (row->sample->pending || row->sample->full)
            continue;
        double residual = fmin(fmax(row->log_s - line_log(line, row->mib), -limit), limit);
        double miss = residual - *level;
        cost += fmin(miss * miss, limit * limit);
        *level += gain * miss;
    }
    return cost;
}

/* Follows a drifting throughput only where that clearly would have paid. */
static double choose_level(const struct problem *problem, const struct line *line)
{
    static const double gains[] = {0.1, 0.2, 0.35, 0.5};
    double best = 0;
    double still = 0;
    if (problem->count < LEVEL_MIN_COUNT)
        return 0;
    double best_cost = 0.95 * level_cost(problem, line, 0, &still);
    for (size_t i = 0; i < sizeof(gains) / sizeof(gains[0]); i++) {
        double level = 0;
        double cost = level_cost(problem, line, gains[i], &level);
        if (cost < best_cost) {
            best_cost = cost;
            best = level;
        }
    }
    return best;
}

static void name_outliers(const struct problem *problem, const struct line *line,
                          struct set_aside *aside)
{
    for (size_t i = 0; i < problem->count; i++) {
        const struct row *row = &problem->rows[i];
        double residual = row->log_s - line_log(line, row->mib);
        if (!row->sample->pending && !row->sample->full &&
            fabs(residual) > OUTLIER_SCALES * problem->noise)
            set_aside_add(aside, row->sample->id, row->sample->started_ms, SET_ASIDE_OUTLIER);
    }
}

static int compare_rows(const void *left, const void *right)
{
    const struct row *a = left;
    const struct row *b = right;
    int64_t one = a->sample->started_ms;
    int64_t other = b->sample->started_ms;
    return (one > other) - (one < other);
}

/* The possible rows of one kind, oldest first. rows[] has room for all. */
static size_t collect(const struct volume_history *history, enum transfer_kind kind, int64_t now_ms,
                      struct row *rows, struct set_aside *aside)
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
            (struct row){.sample = sample, .log_s = log_s, .target = log_s, .weight = 1};
        rows[count - 1].mib = carried_mib(&rows[count - 1]);
    }
    qsort(rows, count, sizeof(*rows), compare_rows);
    return count;
}

static void read_covariance(const gsl_multifit_nlinear_workspace *work, gsl_matrix *covariance,
                            struct duration_fit *fit)
{
    gsl_multifit_nlinear_covar(gsl_multifit_nlinear_jac(work), 0, covariance);
    for (size_t i = 0; i < TERMS; i++) {
        for (size_t k = 0; k < TERMS; k++)
            fit->covariance[i][k] = gsl_matrix_get(covariance, i, k);
    }
}

static void count_rows(const struct problem *problem, struct duration_fit *fit)
{
    double least_mib = HUGE_VAL;
    double most_mib = 0;
    for (size_t i = 0; i < problem->count; i++) {
        const struct row *row = &problem->rows[i];
        if (row->sample->pending) {
            fit->pending_count++;
        } else {
            fit->sample_count++;
        }
        if (row->sample->pending || row->sample->full)
            continue;
        least_mib = fmin(least_mib, carried_mib(row));
        most_mib = fmax(most_mib, carried_mib(row));
    }
    fit->least_bytes = least_mib < HUGE_VAL ? least_mib * BYTES_PER_MIB : 0;
    fit->most_bytes = most_mib * BYTES_PER_MIB;
    fit->prior_only = fit->sample_count == 0;
}

/* The rate of full transfers: a normal prior and what was seen, by precision. */
static void fit_full(const struct problem *problem, struct duration_fit *fit)
{
    double precision = 1 / (FULL_PRIOR_SCALE * FULL_PRIOR_SCALE);
    double sum = precision * problem->prior.full_log_s_per_mib;
    for (size_t i = 0; i < problem->count; i++) {
        const struct row *row = &problem->rows[i];
        if (!row->sample->full || row->sample->pending || row->mib < 1)
            continue;
        double carried_s = fmax(exp(row->log_s) - exp(fit->log_fixed_s), 0.1 * exp(row->log_s));
        sum += log(carried_s / row->mib) / (FULL_NOISE * FULL_NOISE);
        precision += 1 / (FULL_NOISE * FULL_NOISE);
    }
    fit->full_log_s_per_mib = sum / precision;
    fit->full_scale = sqrt(1 / precision);
}

/* Whether the history can tell what transfers beside one do to it: some had such and some fewer. */
static bool queue_varies(const struct problem *problem)
{
    size_t beside = 0;
    unsigned least = UINT_MAX;
    unsigned most = 0;
    for (size_t i = 0; i < problem->count; i++) {
        unsigned queued = problem->rows[i].sample->queued;
        beside += queued > 0;
        least = queued < least ? queued : least;
        most = queued > most ? queued : most;
    }
    return beside >= QUEUE_MIN_COUNT && least < most;
}

/* How badly the present line tells the rows with this slowdown (minus log posterior). */
static double queue_cost(const struct problem *problem, const struct line *line, double slowdown)
{
    double surprise = (slowdown - QUEUE_PRIOR) / QUEUE_PRIOR_SCALE;
    double cost =
        0.5 * surprise * surprise + (PRIOR_WEIGHT + (double)problem->count) * log(problem->noise);
    for (size_t i = 0; i < problem->count; i++) {
        const struct row *row = &problem->rows[i];
        double off = (row->log_s - line_log(line, row->mib)) / problem->noise;
        if (!row->sample->pending)
            cost += 0.5 * (DURATION_DOF + 1) * log(1 + off * off / DURATION_DOF);
    }
    return cost;
}

/* Tries slowdowns and leaves theta and rows with the best one. */
static enum error_code solve_queue(struct problem *problem, gsl_multifit_nlinear_workspace *work,
                                   gsl_vector *theta, double *slowdown, struct error *err)
{
    const double start[TERMS] = {gsl_vector_get(theta, 0), gsl_vector_get(theta, 1)};
    double best_cost = HUGE_VAL;
    double best = 0;
    for (size_t step = 0; step <= QUEUE_STEPS + 1; step++) {
        double tried = step <= QUEUE_STEPS ? QUEUE_STEP * (double)step : best;
        for (size_t i = 0; i < problem->count; i++) {
            struct row *row = &problem->rows[i];
            row->mib = carried_mib(row) * (1 + tried * row->sample->queued);
            row->target = row->log_s;
        }
        gsl_vector_set(theta, 0, start[0]);
        gsl_vector_set(theta, 1, start[1]);
        problem->noise = PRIOR_NOISE;
        TRY(solve_robustly(problem, work, theta, err));
        struct line line = line_of(theta);
        double cost = queue_cost(problem, &line, tried);
        if (cost < best_cost) {
            best_cost = cost;
            best = tried;
        }
    }
    *slowdown = best;
    return ERR_NONE;
}

/* Where the search begins: a line through the middle of the rows. From a prior that is far off, a
 * fit with heavy tails would take every row for an outlier. ratios[] is scratch. */
static void first_guess(const struct problem *problem, double *ratios, double theta[TERMS])
{
    size_t count = 0;
    theta[0] = problem->prior.log_fixed_s;
    theta[1] = problem->prior.log_s_per_mib;
    for (size_t i = 0; i < problem->count; i++) {
        const struct row *row = &problem->rows[i];
        if (row->sample->pending || row->sample->full)
            continue;
        theta[0] = fmin(theta[0], row->log_s);
        ratios[count++] = row->log_s - log(fmax(row->mib, LEAST_MIB));
    }
    if (count == 0)
        return;
    gsl_sort(ratios, 1, count);
    theta[1] = gsl_stats_median_from_sorted_data(ratios, 1, count);
}

static enum error_code fit_problem(struct problem *problem, gsl_multifit_nlinear_workspace *work,
                                   struct duration_fit *fit, struct set_aside *aside,
                                   struct error *err)
{
    double start[TERMS];
    double entries[TERMS * TERMS] = {0};
    first_guess(problem, problem->scratch, start);
    gsl_vector_view theta = gsl_vector_view_array(start, TERMS);
    gsl_matrix_view covariance = gsl_matrix_view_array(entries, TERMS, TERMS);
    double slowdown = 0;
    if (queue_varies(problem)) {
        TRY(solve_queue(problem, work, &theta.vector, &slowdown, err));
    } else {
        TRY(solve_robustly(problem, work, &theta.vector, err));
    }
    if (!isfinite(start[0]) || !isfinite(start[1]) || !isfinite(problem->noise))
        return error_set(err, ERR_INVALID, "cannot fit the durations: not a number");

    struct duration_fit made = {
        .log_fixed_s = start[0], .log_s_per_mib = start[1], .noise = problem->noise};
    read_covariance(work, &covariance.matrix, &made);
    struct line line = line_of(&theta.vector);
    made.level = choose_level(problem, &line);
    fit_full(problem, &made);
    count_rows(problem, &made);
    name_outliers(problem, &line, aside);
    made.queue_slowdown = slowdown;
    made.queue = problem->queue;
    made.log_s_per_mib += log1p(slowdown * problem->queue);
    *fit = made;
    return ERR_NONE;
}

static enum error_code fit_rows(struct problem *problem, struct duration_fit *fit,
                                struct set_aside *aside, struct error *err)
{
    gsl_multifit_nlinear_parameters parameters = gsl_multifit_nlinear_default_parameters();
    parameters.trs = gsl_multifit_nlinear_trs_lm;
    parameters.solver = gsl_multifit_nlinear_solver_cholesky;
    gsl_multifit_nlinear_workspace *work = gsl_multifit_nlinear_alloc(
        gsl_multifit_nlinear_trust, &parameters, problem->count + TERMS, TERMS);
    if (work == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot fit %zu durations", problem->count);
    enum error_code code = fit_problem(problem, work, fit, aside, err);
    gsl_multifit_nlinear_free(work);
    return code;
}

struct duration_prior duration_prior_shipped(void)
{
    return shipped;
}

struct duration_prior duration_prior_of_sibling(const struct duration_fit *sibling,
                                                const struct duration_prior *prior)
{
    if (sibling->prior_only)
        return *prior;
    return (struct duration_prior){
        .log_fixed_s = sibling->log_fixed_s,
        .log_s_per_mib = sibling->log_s_per_mib,
        .scale_fixed = SIBLING_SCALE_FIXED,
        .scale_slope = SIBLING_SCALE_SLOPE,
        .full_log_s_per_mib = sibling->full_log_s_per_mib,
    };
}

struct duration_prior duration_prior_of_chain(struct duration_prior prior, int transfers)
{
    double longer = transfers > 1 ? log(transfers) : 0;
    prior.log_fixed_s += longer;
    prior.log_s_per_mib += longer;
    prior.full_log_s_per_mib += longer;
    return prior;
}

/* The scale believed beforehand counts as FLEET_WEIGHT volumes. */
static double fleet_scale(double believed, double squares, double count)
{
    return sqrt((FLEET_WEIGHT * believed * believed + squares) / (FLEET_WEIGHT + count - 1));
}

struct duration_prior duration_prior_of_fleet(const struct duration_fit *fits, size_t count)
{
    struct duration_prior mean = {0};
    double learned = 0;
    for (size_t i = 0; i < count; i++) {
        if (fits[i].prior_only)
            continue;
        learned++;
        mean.log_fixed_s += (fits[i].log_fixed_s - mean.log_fixed_s) / learned;
        mean.log_s_per_mib += (fits[i].log_s_per_mib - mean.log_s_per_mib) / learned;
        mean.full_log_s_per_mib += (fits[i].full_log_s_per_mib - mean.full_log_s_per_mib) / learned;
    }
    if (learned == 0)
        return shipped;
    double fixed = 0;
    double slope = 0;
    for (size_t i = 0; i < count; i++) {
        double off_fixed = fits[i].prior_only ? 0 : fits[i].log_fixed_s - mean.log_fixed_s;
        double off_slope = fits[i].prior_only ? 0 : fits[i].log_s_per_mib - mean.log_s_per_mib;
        fixed += off_fixed * off_fixed;
        slope += off_slope * off_slope;
    }
    mean.scale_fixed = fleet_scale(FLEET_SCALE_FIXED, fixed, learned);
    mean.scale_slope = fleet_scale(FLEET_SCALE_SLOPE, slope, learned);
    return mean;
}

enum error_code duration_fit_learn(const struct duration_source *source, struct duration_fit *fit,
                                   struct set_aside *aside, struct error *err)
{
    size_t row_count = source->history->duration_count;
    struct problem problem = {
        .noise = PRIOR_NOISE, .prior = source->prior, .queue = fmax(source->queue, 0)};
    problem.rows = calloc(row_count + 1, sizeof(*problem.rows));
    problem.scratch = calloc(row_count + 1, sizeof(*problem.scratch));
    if (problem.rows == NULL || problem.scratch == NULL) {
        free(problem.rows);
        free(problem.scratch);
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu durations", row_count);
    }
    problem.count = collect(source->history, source->kind, source->now_ms, problem.rows, aside);
    enum error_code code = fit_rows(&problem, fit, aside, err);
    free(problem.rows);
    free(problem.scratch);
    return code;
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
    double log_mib = log(fmax(mib, LEAST_MIB));
    double least = log(fmax(fit->least_bytes / BYTES_PER_MIB, LEAST_MIB));
    double most = log(fmax(fit->most_bytes / BYTES_PER_MIB, LEAST_MIB));
    return fmax(fmax(least - log_mib, log_mib - most), 0);
}

double duration_fit_scale(const struct duration_fit *fit, double delta_bytes)
{
    double mib = fmax(delta_bytes, 0) / BYTES_PER_MIB;
    double fixed = exp(fit->log_fixed_s) / line_s(fit->log_fixed_s, fit->log_s_per_mib, mib);
    double slope = 1 - fixed;
    double square = fit->noise * fit->noise + fixed * fixed * fit->covariance[0][0] +
                    2 * fixed * slope * fit->covariance[0][1] +
                    slope * slope * fit->covariance[1][1];
    return sqrt(square) * (1 + OUTSIDE_RATIO * outside(fit, mib));
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
