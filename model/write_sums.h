/* write_sums.h: what was written to a volume, as sums that a new period is added to.
 *
 * Bytes and operations by ticks of five minutes, for the seventy days that the model looks back. Who
 * plans often keeps them and adds what is new; a plan reads them and not the periods, however many
 * and short these were. */
#ifndef MODEL_WRITE_SUMS_H
#define MODEL_WRITE_SUMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/error.h"
#include "model/instant.h"
#include "model/sample.h"

#define WRITE_TICK_MS  (5 * MS_PER_MINUTE)
#define WRITE_SLOT_MS  (30 * MS_PER_MINUTE)
#define WRITE_PAST_MS  (70 * MS_PER_DAY)
#define TICKS_PER_SLOT ((size_t)6)

/* Of one tick, or of all up to one. */
struct write_total {
    double bytes;
    double ops;
};

/* Zero-initialise. Owns its memory; hand back with write_sums_done(). */
struct write_sums {
    int64_t first_ms;  /* where the first tick begins, on a half hour */
    int64_t end_ms;    /* where the newest period ends; 0 if there is none */
    int64_t newest_ms; /* where it begins */
    size_t tick_count;
    size_t room;
    struct write_total *ticks;
    uint32_t *covered_ms; /* by periods, per tick */
    bool ops_missing;     /* of some period: there they are guessed from its bytes */
};

/* Frees what *sums owns and empties it. Harmless on an empty one. */
void write_sums_done(struct write_sums *sums);
#define CLEANUP_WRITE_SUMS CLEANUP(write_sums_done)

/* Adds rows[0..count), oldest first, each once it is final: CloudWatch corrects the newest ones.
 * Rows that cannot be true at now_ms, or begin no later than one added before, go to *aside; what is
 * older than seventy days is forgotten.
 * Errors: ERR_NO_MEMORY; what was added stays. */
MUST_CHECK enum error_code write_sums_add(struct write_sums *sums, const struct write_sample *rows,
                                          size_t count, int64_t now_ms, struct set_aside *aside,
                                          struct error *err);

#endif
