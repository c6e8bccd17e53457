/* duration_fit.h: how long a transfer takes, learned from those that are over.
 *
 * log T = log(a + b D) + noise: a fixed cost and a rate, both positive by construction, noise with
 * a heavy right tail (Student t, 4 degrees of freedom), and a drift of the throughput where the rows
 * show one. The prior (duration_prior.h) fades as samples come. */
#ifndef MODEL_DURATION_FIT_H
#define MODEL_DURATION_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/duration_line.h"
#include "model/duration_prior.h"
#include "model/error.h"
#include "model/sample.h"

/* Plain data, owns nothing. */
struct duration_fit {
    double log_fixed_s;        /* log a, a in seconds */
    double log_s_per_mib;      /* log b, b in seconds per MiB carried */
    double covariance[2][2];   /* of the two above, posterior */
    double full_log_s_per_mib; /* log b of full transfers: steadier than that of differences */
    double full_scale;         /* of that, posterior */
    double noise;              /* scale of the residuals of log T */
    double level;              /* drift: recent residuals, added to log T */
    double least_bytes;        /* carried by the smallest difference that taught; 0 for none */
    double most_bytes;         /* and by the largest */
    /* What each transfer beside one adds to its rate's seconds, as a share; 0 until the history shows
     * it. The slope above is for `queue` of them. */
    double queue_slowdown;
    double queue;
    size_t sample_count;  /* completed transfers that taught */
    size_t pending_count; /* running ones whose age taught */
    bool prior_only;      /* no transfer at all: the prior speaks */
};

/* What to learn from. Borrows everything. */
struct duration_source {
    const struct volume_history *history;
    enum transfer_kind kind; /* its rows only */
    int64_t now_ms;          /* the instant of knowledge, Unix milliseconds UTC */
    double queue;            /* own transfers that will run beside each coming one */
    struct duration_prior prior;
};

/* Fits the transfers of *source; impossible rows and outliers go to *aside. On error *fit is
 * untouched.
 * Errors: ERR_NO_MEMORY; ERR_INVALID if the numbers cannot be fitted. */
MUST_CHECK enum error_code duration_fit_learn(const struct duration_source *source,
                                              struct duration_fit *fit, struct set_aside *aside,
                                              struct error *err);

/* Log of the median seconds to carry delta_bytes (not negative) of changes, drift included. */
double duration_fit_log_s(const struct duration_fit *fit, double delta_bytes);

/* What is not known of the line itself there: the part of the scale that more transfers of about this
 * size would mend. */
double duration_fit_doubt(const struct duration_fit *fit, double delta_bytes);

/* Scale of log T for delta_bytes: noise and uncertainty of the parameters together, and more of both
 * the further delta_bytes lies outside the sizes that taught. */
double duration_fit_scale(const struct duration_fit *fit, double delta_bytes);

/* The same two for a full transfer of full_bytes. */
double duration_fit_full_log_s(const struct duration_fit *fit, double full_bytes);
double duration_fit_full_scale(const struct duration_fit *fit);

#endif
