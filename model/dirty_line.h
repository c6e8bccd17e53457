/* dirty_line.h: one Bayesian regression of log blocks on the terms of a gap.
 *
 * Least squares with the prior as five more rows, reweighed so that no outlier bends it. What the
 * terms are and which rows teach is dirty_fit's. */
#ifndef MODEL_DIRTY_LINE_H
#define MODEL_DIRTY_LINE_H

#include <stddef.h>

#include "model/dirty_prior.h"
#include "model/error.h"
#include "model/sample.h"

/* One regression and what it is worth. Plain data. */
struct dirty_line {
    double mean[DIRTY_TERMS]; /* coefficients */
    double covariance[DIRTY_TERMS]
                     [DIRTY_TERMS]; /* of the coefficients, in units of noise squared */
    double noise;                   /* scale of log blocks around the line */
    double dof;                     /* degrees of freedom of the predictive t */
};

/* One observation. Borrows its sample. */
struct dirty_row {
    const struct dirty_sample *sample; /* NULL for the guess that stands in for data */
    double terms[DIRTY_TERMS];
    double log_blocks;
    double weight;
};

/* Log blocks that the line foretells. */
double dirty_line_at(const struct dirty_line *line, const double terms[DIRTY_TERMS]);

/* Variance of a new value there, in units of noise squared. */
double dirty_line_spread(const struct dirty_line *line, const double terms[DIRTY_TERMS]);

/* Learns *line from the prior and count rows. On error *line is untouched.
 * Errors: ERR_NO_MEMORY; ERR_INVALID if the numbers cannot be fitted. */
MUST_CHECK enum error_code dirty_line_fit(const struct dirty_prior *prior,
                                          const struct dirty_row *rows, size_t count,
                                          struct dirty_line *line, struct error *err);

#endif
