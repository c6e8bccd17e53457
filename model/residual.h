/* residual.h: how well a fitted model tells the rows it was fitted to.
 *
 * One row per snapshot, copy and gap between neighbours, in units of the spread that the model
 * expects there; the operator sees by them what the model did not understand. */
#ifndef MODEL_RESIDUAL_H
#define MODEL_RESIDUAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/fit.h"
#include "model/sample.h"

enum residual_kind { RESIDUAL_SNAPSHOT, RESIDUAL_COPY, RESIDUAL_CHANGE };

/* Seconds for transfers, bytes for changes. */
struct residual {
    char id[SAMPLE_ID_SIZE]; /* of the snapshot or copy; of the later snapshot of a gap */
    enum residual_kind kind;
    int64_t at_ms; /* Unix milliseconds UTC */
    double actual;
    double predicted; /* median */
    double log_error; /* log of actual over predicted */
    double scales;    /* the same in units of the expected spread */
};

/* Fills rows[0..room) from the rows of *history that can be true and are over, transfers first.
 * Returns how many were filled. */
size_t residuals_of(const struct volume_model *model, const struct volume_history *history,
                    struct residual *rows, size_t room);

/* Root of the mean squared log error of one kind; 0 if there is no row. *count is how many. */
double residuals_spread(const struct residual *rows, size_t row_count, enum residual_kind kind,
                        size_t *count);

/* Names the kind; a static string. */
const char *residual_kind_text(enum residual_kind kind);

#endif
