/* prediction.h: what the model said of one known outcome, and what came.
 *
 * One row of the scoreboard, the same for changed blocks, durations and written bytes. */
#ifndef BENCH_PREDICTION_H
#define BENCH_PREDICTION_H

#include <stddef.h>

#include "model/error.h"

/* The quantiles that are scored. */
enum quantile_slot {
    QUANTILE_MEDIAN,
    QUANTILE_05,
    QUANTILE_25,
    QUANTILE_75,
    QUANTILE_90,
    QUANTILE_95
};
#define QUANTILE_SLOTS 6
/* Chance of each slot. */
extern const double quantile_chances[QUANTILE_SLOTS];

struct prediction {
    long case_number;
    long key;  /* changed blocks: tick at the end; durations: row of the case; bytes: origin slot */
    long lead; /* written bytes only: half hours from the origin, and how many */
    long span;
    char set[16];         /* the volume, or the set of recordings */
    char regime[8];       /* how the history was made */
    size_t history_count; /* rows the model had */
    double truth;
    double quantiles[QUANTILE_SLOTS];
    double log_scale; /* of the predictive distribution */
    /* What the recordings' own reference model said; NaN where they hold none. */
    double reference[QUANTILE_SLOTS];
    double reference_log_scale;
};

/* Zero-initialise. Owns the rows; hand back with predictions_done(). */
struct predictions {
    struct prediction *rows;
    size_t count;
    size_t room;
};

/* Frees what *predictions owns and empties it. Harmless on an empty one. */
void predictions_done(struct predictions *predictions);
#define CLEANUP_PREDICTIONS CLEANUP(predictions_done)

/* Appends a copy of *row. Errors: ERR_NO_MEMORY. */
MUST_CHECK enum error_code predictions_add(struct predictions *predictions,
                                           const struct prediction *row, struct error *err);

#endif
