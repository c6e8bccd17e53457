/* dirty_fit.h: how many blocks change between two snapshots.
 *
 * Bayesian regression of log blocks on log bytes written, log operations, log elapsed time and a
 * bend in time. The footprint of a workload is concave in time (working set theory, Denning and
 * Schwartz 1972), so outside the observed gaps the local exponent is held between bounds, and no
 * answer exceeds what was written or the volume. */
#ifndef MODEL_DIRTY_FIT_H
#define MODEL_DIRTY_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/dirty_line.h"
#include "model/dirty_prior.h"
#include "model/error.h"
#include "model/sample.h"
#include "model/write_rate.h"

/* Plain data, owns nothing. */
struct dirty_fit {
    struct dirty_line all;        /* from neighbouring and merged pairs: the median */
    struct dirty_line neighbours; /* from independent pairs only: the honest scale */
    double log_tick_min;          /* observed gaps, log of 5-minute ticks */
    double log_tick_max;
    double bound_ratio;   /* blocks per written block at most; above 1 if seen so */
    double volume_blocks; /* cap; 0 if unknown */
    bool writes_known;    /* bytes and operations were measured, so they bound the blocks */
    size_t sample_count;  /* neighbouring pairs that taught */
    size_t union_count;   /* merged pairs that taught */
    bool prior_only;      /* no pair at all: the prior speaks */
    double
        log_hour_ratio; /* as in struct dirty_prior, of the next hour; for other volumes' prior */
};

/* What to learn from. Borrows everything. */
struct dirty_source {
    const struct volume_history *history;
    const struct write_rate *writes; /* what was written in each gap */
    const struct dirty_prior *prior;
    int64_t now_ms; /* the instant of knowledge, Unix milliseconds UTC */
};

/* What is known of one gap before its blocks are. */
struct dirty_query {
    double write_bytes;
    double write_ops;
    double elapsed_s; /* positive */
};

/* Fits the changed blocks of *source; rows that cannot be true and outliers go to *aside. On error
 * *fit is untouched.
 * Errors: ERR_NO_MEMORY; ERR_INVALID if the numbers cannot be fitted. */
MUST_CHECK enum error_code dirty_fit_learn(const struct dirty_source *source, struct dirty_fit *fit,
                                           struct set_aside *aside, struct error *err);

/* What the regression says of one gap: a t distribution of log blocks. */
struct dirty_answer {
    double log_blocks;    /* median */
    double scale;         /* with the full doubt about the bend, which only merged pairs show */
    double typical_scale; /* the same, trusting the merged pairs: what decisions are made with */
};

/* Answers *query. */
struct dirty_answer dirty_fit_ask(const struct dirty_fit *fit, const struct dirty_query *query);

/* The same in half the time, for those who ask a million times: `scale` stays 0. */
struct dirty_answer dirty_fit_ask_typical(const struct dirty_fit *fit,
                                          const struct dirty_query *query);

/* How fast the blocks of a gap of elapsed_s grow with a longer one: 1 in proportion, 0.1 (the least
 * that is believed) hardly. */
double dirty_fit_growth(const struct dirty_fit *fit, double elapsed_s);

/* The most blocks that can change: what was written, and the volume. */
double dirty_fit_cap_blocks(const struct dirty_fit *fit, const struct dirty_query *query);

#endif
