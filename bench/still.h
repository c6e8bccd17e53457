/* still.h: a database that nobody runs, for the time it takes to make it hold still.
 *
 * Its fence and its CHECKPOINT take as long as the scene says, on the stepped clock, and do nothing;
 * our engine meets it behind core/quiesce.h, the other policies sleep as long by still_hold(). */
#ifndef BENCH_STILL_H
#define BENCH_STILL_H

#include "bench/scene.h"
#include "core/quiesce.h"

/* The database of a scene, which is borrowed. */
struct quiesce still_quiesce(struct scene *scene);

/* Shuts its writers out and flushes it: ready for the cut. Errors: those of the clock. */
MUST_CHECK enum error_code still_hold(struct scene *scene, struct error *err);

#endif
