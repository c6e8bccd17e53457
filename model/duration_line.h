/* duration_line.h: the line log(a + b D) through transfers, drawn so that no outlier bends it.
 *
 * Student t noise with DURATION_DOF degrees by reweighing, running transfers and such as waited for
 * their set by what is known of them (Tobit), the prior as two more rows. What the line means for a
 * forecast is duration_fit's. */
#ifndef MODEL_DURATION_LINE_H
#define MODEL_DURATION_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "model/duration_prior.h"
#include "model/error.h"
#include "model/sample.h"

/* Degrees of freedom of the noise. */
#define DURATION_DOF   4.0
#define DURATION_TERMS 2
/* Least size that is told apart from none. */
#define DURATION_LEAST_MIB (1.0 / 16)

/* One transfer. Borrows its sample; the fields from `target` on belong to the search. */
struct duration_row {
    const struct duration_sample *sample;
    double mib;    /* carried, and as much more as the transfers beside it take */
    double log_s;  /* observed seconds; for a pending one the age */
    double target; /* what the line is drawn to: log_s, or its expectation given the age */
    double weight;
    double factor; /* of its residual: root of the weight, in units of noise */
};

/* Plain data. */
struct duration_line {
    double theta[DURATION_TERMS]; /* log a, a in seconds; log b, b in seconds per MiB */
    double fixed_s;               /* a and b, out of their logarithms once for all rows */
    double s_per_mib;
    double covariance[DURATION_TERMS][DURATION_TERMS]; /* of theta, posterior */
    double noise;                                      /* scale of the residuals of log T */
    double slowdown; /* what each transfer beside one adds to its rate's seconds, as a share */
};

/* MiB that the row's transfer carried. */
double duration_row_carried_mib(const struct duration_row *row);

/* Of a member of a set that carried less than another nobody saw the end: log_s is its upper bound. */
bool duration_row_is_bounded(const struct duration_row *row);

/* Tells exactly how long a difference took. */
bool duration_row_is_exact(const struct duration_row *row);

/* Log seconds of a transfer of mib. */
double duration_line_log_s(const struct duration_line *line, double mib);

/* Draws *line through count rows and leaves `mib` of each stretched by the slowdown found. On error
 * *line is untouched.
 * Errors: ERR_NO_MEMORY; ERR_INVALID if the numbers cannot be fitted. */
MUST_CHECK enum error_code duration_line_draw(struct duration_row *rows, size_t count,
                                              const struct duration_prior *prior,
                                              struct duration_line *line, struct error *err);

#endif
