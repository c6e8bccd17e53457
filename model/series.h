/* series.h: where a series of back-to-back snapshots leads.
 *
 * The blocks that change while one round runs are the work of the next: tau' = g(tau) = T(D(tau)).
 * D is concave and bounded and T has a floor, so g has exactly one fixed point and every series
 * runs into it; the only questions are how long a round is there, and how fast it gets there. Works
 * on medians; the odds are the planner's. */
#ifndef MODEL_SERIES_H
#define MODEL_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/error.h"
#include "model/fit.h"

/* What to look at. Borrows the models. */
struct series_input {
    const struct volume_model *const
        *models; /* the volumes of the set; a round lasts as long as its slowest */
    size_t model_count;
    bool copies;           /* each snapshot is followed by a copy to the target */
    int64_t copy_limit_ms; /* as in struct plan_input, both */
    int copy_hops;
    int64_t at_ms;  /* around when, for the rhythm of the writes; Unix milliseconds UTC */
    double gap_s;   /* present gap: age of the newest snapshot when the next could start */
    double limit_s; /* longest final round that would do; 0 for none */
};

/* The verdict in one word; series.reason has the sentence. */
enum series_verdict {
    SERIES_SHRINKS,  /* the next round is shorter than the present gap: worth iterating */
    SERIES_STANDS,   /* already about as short as it gets, and short enough */
    SERIES_TOO_SLOW, /* changes come faster than they are carried: settles above the limit */
    SERIES_FLOOR,    /* the fixed cost of a round alone is above the limit */
};

/* Owns nothing. */
struct series {
    enum series_verdict verdict;
    bool converges;      /* settles at or below the limit */
    double round_s;      /* duration of a round at the fixed point, median */
    double next_round_s; /* duration of the next round, median */
    double floor_s;      /* duration of a round without any change */
    /* rho: factor by which the distance to the fixed point shrinks per round, 0..1. */
    double contraction;
    double amplification;    /* relative error of round_s per relative error of the dirty model */
    size_t rounds_to_settle; /* rounds until within a tenth of the fixed point */
    size_t slowest_index;    /* volume that decides the length of a round at the fixed point */
    char reason[240];        /* why, one line */
    char remedy[240];        /* what would help, one line; empty if nothing is needed */
};

/* Follows the recursion of *input to its fixed point.
 * Errors: ERR_INVALID if there is no model, or at_ms or gap_s is not positive. */
MUST_CHECK enum error_code series_solve(const struct series_input *input, struct series *series,
                                        struct error *err);

#endif
