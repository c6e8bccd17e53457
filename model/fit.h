/* fit.h: the timing model of one volume, everything learned from its history.
 *
 * Joins the three fits (durations of snapshots and copies, dirty blocks, write rate). With no
 * history at all it still answers, from priors alone, and says so. The forecast and the planner
 * read it; nobody changes it. */
#ifndef MODEL_FIT_H
#define MODEL_FIT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/dirty_fit.h"
#include "model/duration_fit.h"
#include "model/error.h"
#include "model/fleet.h"
#include "model/sample.h"
#include "model/write_rate.h"

/* Zero-initialise. Owns the curve inside `writes`; hand back with volume_model_done(). */
struct volume_model {
    char volume_id[SAMPLE_ID_SIZE];
    int64_t volume_bytes;         /* 0 if unknown */
    int64_t fitted_ms;            /* the instant of knowledge, Unix milliseconds UTC */
    struct volume_prior prior;    /* what was believed before the history spoke */
    struct duration_fit snapshot; /* time to make a snapshot */
    struct duration_fit copy;     /* time to copy one to the target */
    struct dirty_fit dirty;       /* changed blocks from writes and elapsed time */
    struct write_rate writes;     /* what was and will be written */
    struct set_aside aside;       /* rows of the history that do not count, and why */
    bool prior_only;              /* no snapshot of this volume taught anything */
};

/* Frees what *model owns and empties it. Harmless on an empty one. */
void volume_model_done(struct volume_model *model);
#define CLEANUP_VOLUME_MODEL CLEANUP(volume_model_done)

/* Fits *model (empty on entry) to *history as known at now_ms (Unix milliseconds UTC). Borrows
 * *history only during the call. On error *model stays empty.
 * Errors: ERR_INVALID if now_ms is not positive or the numbers cannot be fitted; ERR_NO_MEMORY. */
MUST_CHECK enum error_code volume_model_fit(const struct volume_history *history, int64_t now_ms,
                                            struct volume_model *model, struct error *err);

#endif
