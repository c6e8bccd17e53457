#include "model/dirty_line.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_errno.h>
#include <gsl/gsl_linalg.h>
#include <gsl/gsl_multifit.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

#define ROBUST_MIN_COUNT 8
#define ROBUST_ROUNDS    3
#define BISQUARE         4.685

double dirty_line_at(const struct dirty_line *line, const double terms[DIRTY_TERMS])
{
    double value = 0;
    for (size_t i = 0; i < DIRTY_TERMS; i++)
        value += line->mean[i] * terms[i];
    return value;
}

/* The covariance is symmetric. */
double dirty_line_spread(const struct dirty_line *line, const double terms[DIRTY_TERMS])
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
static void reweigh(struct system *system, const struct dirty_row *rows, size_t count,
                    const struct dirty_line *line, double *residuals)
{
    for (size_t i = 0; i < count; i++)
        residuals[i] = fabs(rows[i].log_blocks - dirty_line_at(line, rows[i].terms));
    gsl_sort(residuals, 1, count);
    double scale = fmax(1.4826 * gsl_stats_median_from_sorted_data(residuals, 1, count), 0.03);
    for (size_t i = 0; i < count; i++) {
        double off = (rows[i].log_blocks - dirty_line_at(line, rows[i].terms)) / (BISQUARE * scale);
        double keep = fabs(off) < 1 ? (1 - off * off) * (1 - off * off) : 0;
        gsl_vector_set(system->weights, i, rows[i].weight * fmax(keep, 1e-3));
    }
}

/* Rows of little weight still widen the interval: half of their squares stays in the noise. */
static void widen(const struct dirty_prior *prior, const struct dirty_row *rows, size_t count,
                  struct dirty_line *line)
{
    double squares = 0;
    for (size_t i = 0; i < count; i++) {
        double residual = rows[i].log_blocks - dirty_line_at(line, rows[i].terms);
        squares += residual * residual;
    }
    double shape = line->dof / 2;
    double rate = line->noise * line->noise * shape;
    line->noise = sqrt(fmax(rate, (rate + prior->rate + squares / 2) / 2) / shape);
}

static enum error_code solve_robustly(struct system *system, const struct dirty_prior *prior,
                                      const struct dirty_row *rows, size_t count,
                                      struct dirty_line *line, struct error *err)
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

enum error_code dirty_line_fit(const struct dirty_prior *prior, const struct dirty_row *rows,
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
