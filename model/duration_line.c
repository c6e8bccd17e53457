#include "model/duration_line.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include <gsl/gsl_errno.h>
#include <gsl/gsl_multifit_nlinear.h>
#include <gsl/gsl_sf_erf.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

/* What is believed of the noise beforehand: a quarter, worth three samples. */
#define PRIOR_NOISE  0.25
#define PRIOR_WEIGHT 3.0
/* Full transfers tell little of differences, whose blocks lie scattered: noise added to theirs. */
#define FULL_FOREIGN 0.5

#define ROUNDS_MAX 40
#define STEPS_MAX  50
/* Own transfers beside one share the throughput: each adds this share to its seconds per byte, give
 * or take, and never less than nothing. Looked for only where so many had some beside them. */
#define QUEUE_PRIOR       0.3
#define QUEUE_PRIOR_SCALE 0.3
#define QUEUE_MIN_COUNT   5
#define QUEUE_STEP        0.1
#define QUEUE_STEPS       ((size_t)15)
/* Server clocks tell whole seconds. */
#define CLOCK_STEP_S 1.0

/* The least-squares problem of one round. */
struct problem {
    struct duration_row *rows;
    size_t count;
    const struct duration_prior *prior;
    double noise;
    gsl_multifit_nlinear_workspace *work;
};

double duration_row_carried_mib(const struct duration_row *row)
{
    return (double)row->sample->delta_bytes / BYTES_PER_MIB;
}

bool duration_row_is_bounded(const struct duration_row *row)
{
    return row->sample->set_bytes > row->sample->delta_bytes;
}

bool duration_row_is_exact(const struct duration_row *row)
{
    return !row->sample->pending && !row->sample->full && !duration_row_is_bounded(row);
}

double duration_line_log_s(const struct duration_line *line, double mib)
{
    return log(line->fixed_s + line->s_per_mib * mib);
}

static struct duration_line line_of(const gsl_vector *theta)
{
    double log_fixed = gsl_vector_get(theta, 0);
    double log_slope = gsl_vector_get(theta, 1);
    return (struct duration_line){
        .theta = {log_fixed, log_slope},
        .fixed_s = exp(log_fixed),
        .s_per_mib = exp(log_slope),
    };
}

static int residuals(const gsl_vector *theta, void *data, gsl_vector *out)
{
    const struct problem *problem = data;
    struct duration_line line = line_of(theta);
    for (size_t i = 0; i < problem->count; i++) {
        const struct duration_row *row = &problem->rows[i];
        gsl_vector_set(out, i, row->factor * (duration_line_log_s(&line, row->mib) - row->target));
    }
    const struct duration_prior *prior = problem->prior;
    gsl_vector_set(out, problem->count,
                   (gsl_vector_get(theta, 0) - prior->log_fixed_s) / prior->scale_fixed);
    gsl_vector_set(out, problem->count + 1,
                   (gsl_vector_get(theta, 1) - prior->log_s_per_mib) / prior->scale_slope);
    return GSL_SUCCESS;
}

static int jacobian(const gsl_vector *theta, void *data, gsl_matrix *out)
{
    const struct problem *problem = data;
    struct duration_line line = line_of(theta);
    gsl_matrix_set_zero(out);
    for (size_t i = 0; i < problem->count; i++) {
        const struct duration_row *row = &problem->rows[i];
        double fixed_ratio = line.fixed_s / (line.fixed_s + line.s_per_mib * row->mib);
        gsl_matrix_set(out, i, 0, row->factor * fixed_ratio);
        gsl_matrix_set(out, i, 1, row->factor * (1 - fixed_ratio));
    }
    gsl_matrix_set(out, problem->count, 0, 1 / problem->prior->scale_fixed);
    gsl_matrix_set(out, problem->count + 1, 1, 1 / problem->prior->scale_slope);
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
static enum error_code solve(struct problem *problem, gsl_vector *theta, struct error *err)
{
    gsl_multifit_nlinear_fdf fdf = {.f = residuals,
                                    .df = jacobian,
                                    .n = problem->count + DURATION_TERMS,
                                    .p = DURATION_TERMS,
                                    .params = problem};
    TRY(check_gsl(gsl_multifit_nlinear_init(theta, &fdf, problem->work), err));
    int info = 0;
    int status =
        gsl_multifit_nlinear_driver(STEPS_MAX, 1e-9, 1e-9, 0, NULL, NULL, &info, problem->work);
    if (status != GSL_EMAXITER && status != GSL_ENOPROG)
        TRY(check_gsl(status, err));
    gsl_vector_memcpy(theta, gsl_multifit_nlinear_position(problem->work));
    return ERR_NONE;
}

/* Known is only on which side of log_s a transfer lies: above for a running one, below for one that
 * may have waited for its set (Tobit). As one Newton step: the target that has the same pull as what
 * is known, and the share of a full observation that it is worth. Returns the expected squared
 * residual, which is the noise's food. */
static double expect_beyond(struct duration_row *row, double line, double noise, double *worth)
{
    double side = duration_row_is_bounded(row) ? -1 : 1;
    double off = fmin(fmax(side * (row->log_s - line) / noise, -8), 30);
    double hazard = gsl_sf_hazard(off);
    row->target = line + side * noise / (hazard - off);
    *worth = hazard * (hazard - off);
    return noise * noise * (1 + off * hazard);
}

/* A duration of a few clock steps says little about its own logarithm, a full one little about
 * differences. */
static double row_trust(const struct duration_row *row, double noise)
{
    double step = 1000 * CLOCK_STEP_S / (double)row->sample->duration_ms;
    double foreign = row->sample->full ? FULL_FOREIGN : 0;
    return noise * noise / (noise * noise + step * step / 12 + foreign * foreign);
}

/* New targets, weights and noise from the residuals of the present line (Student t, 4 degrees). */
static void reweigh(struct problem *problem, const gsl_vector *theta)
{
    double noise = problem->noise;
    struct duration_line line = line_of(theta);
    double squares = PRIOR_WEIGHT * PRIOR_NOISE * PRIOR_NOISE;
    for (size_t i = 0; i < problem->count; i++) {
        struct duration_row *row = &problem->rows[i];
        double log_s = duration_line_log_s(&line, row->mib);
        double square = (row->log_s - log_s) * (row->log_s - log_s);
        double worth = 1;
        if (row->sample->pending || duration_row_is_bounded(row))
            square = expect_beyond(row, log_s, noise, &worth);
        row->weight = (DURATION_DOF + 1) / (DURATION_DOF + square / (noise * noise));
        squares += row->weight * square;
        row->weight *= worth * row_trust(row, noise);
    }
    problem->noise = sqrt(squares / (PRIOR_WEIGHT + (double)problem->count));
    for (size_t i = 0; i < problem->count; i++)
        problem->rows[i].factor = sqrt(problem->rows[i].weight) / problem->noise;
}

static enum error_code solve_robustly(struct problem *problem, gsl_vector *theta, struct error *err)
{
    for (int i = 0; i < ROUNDS_MAX; i++) {
        double before[DURATION_TERMS] = {gsl_vector_get(theta, 0), gsl_vector_get(theta, 1)};
        reweigh(problem, theta);
        TRY(solve(problem, theta, err));
        double moved =
            fabs(gsl_vector_get(theta, 0) - before[0]) + fabs(gsl_vector_get(theta, 1) - before[1]);
        if (i > 0 && moved < 1e-7)
            break;
    }
    return ERR_NONE;
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
static double queue_cost(const struct problem *problem, const struct duration_line *line,
                         double slowdown)
{
    double surprise = (slowdown - QUEUE_PRIOR) / QUEUE_PRIOR_SCALE;
    double cost =
        0.5 * surprise * surprise + (PRIOR_WEIGHT + (double)problem->count) * log(problem->noise);
    for (size_t i = 0; i < problem->count; i++) {
        const struct duration_row *row = &problem->rows[i];
        double off = (row->log_s - duration_line_log_s(line, row->mib)) / problem->noise;
        if (!row->sample->pending && !duration_row_is_bounded(row))
            cost += 0.5 * (DURATION_DOF + 1) * log(1 + off * off / DURATION_DOF);
    }
    return cost;
}

/* Tries slowdowns and leaves theta and rows with the best one. */
static enum error_code solve_queue(struct problem *problem, gsl_vector *theta, double *slowdown,
                                   struct error *err)
{
    const double start[DURATION_TERMS] = {gsl_vector_get(theta, 0), gsl_vector_get(theta, 1)};
    double best_cost = HUGE_VAL;
    double best = 0;
    for (size_t step = 0; step <= QUEUE_STEPS + 1; step++) {
        double tried = step <= QUEUE_STEPS ? QUEUE_STEP * (double)step : best;
        for (size_t i = 0; i < problem->count; i++) {
            struct duration_row *row = &problem->rows[i];
            row->mib = duration_row_carried_mib(row) * (1 + tried * row->sample->queued);
            row->target = row->log_s;
        }
        gsl_vector_set(theta, 0, start[0]);
        gsl_vector_set(theta, 1, start[1]);
        problem->noise = PRIOR_NOISE;
        TRY(solve_robustly(problem, theta, err));
        struct duration_line line = line_of(theta);
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
static void first_guess(const struct problem *problem, double *ratios, double theta[DURATION_TERMS])
{
    size_t count = 0;
    theta[0] = problem->prior->log_fixed_s;
    theta[1] = problem->prior->log_s_per_mib;
    for (size_t i = 0; i < problem->count; i++) {
        const struct duration_row *row = &problem->rows[i];
        if (!duration_row_is_exact(row))
            continue;
        theta[0] = fmin(theta[0], row->log_s);
        ratios[count++] = row->log_s - log(fmax(row->mib, DURATION_LEAST_MIB));
    }
    if (count == 0)
        return;
    gsl_sort(ratios, 1, count);
    theta[1] = gsl_stats_median_from_sorted_data(ratios, 1, count);
}

/* ratios[] is scratch, one per row. */
static enum error_code draw(struct problem *problem, double *ratios, struct duration_line *line,
                            struct error *err)
{
    double start[DURATION_TERMS];
    double slowdown = 0;
    first_guess(problem, ratios, start);
    gsl_vector_view theta = gsl_vector_view_array(start, DURATION_TERMS);
    if (queue_varies(problem)) {
        TRY(solve_queue(problem, &theta.vector, &slowdown, err));
    } else {
        TRY(solve_robustly(problem, &theta.vector, err));
    }
    if (!isfinite(start[0]) || !isfinite(start[1]) || !isfinite(problem->noise))
        return error_set(err, ERR_INVALID, "cannot fit the durations: not a number");

    struct duration_line made = line_of(&theta.vector);
    gsl_matrix_view covariance =
        gsl_matrix_view_array(&made.covariance[0][0], DURATION_TERMS, DURATION_TERMS);
    gsl_multifit_nlinear_covar(gsl_multifit_nlinear_jac(problem->work), 0, &covariance.matrix);
    made.noise = problem->noise;
    made.slowdown = slowdown;
    *line = made;
    return ERR_NONE;
}

enum error_code duration_line_draw(struct duration_row *rows, size_t count,
                                   const struct duration_prior *prior, struct duration_line *line,
                                   struct error *err)
{
    gsl_multifit_nlinear_parameters parameters = gsl_multifit_nlinear_default_parameters();
    parameters.trs = gsl_multifit_nlinear_trs_lm;
    parameters.solver = gsl_multifit_nlinear_solver_cholesky;
    struct problem problem = {.rows = rows, .count = count, .prior = prior, .noise = PRIOR_NOISE};
    problem.work = gsl_multifit_nlinear_alloc(gsl_multifit_nlinear_trust, &parameters,
                                              count + DURATION_TERMS, DURATION_TERMS);
    double *ratios = calloc(count + 1, sizeof(*ratios));
    enum error_code code = problem.work == NULL || ratios == NULL
                               ? error_set(err, ERR_NO_MEMORY, "cannot fit %zu durations", count)
                               : draw(&problem, ratios, line, err);
    free(ratios);
    gsl_multifit_nlinear_free(problem.work);
    return code;
}
