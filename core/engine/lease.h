/* lease.h: a run's claim on its volumes, visible to every ebshift, whatever store it has.
 *
 * The store's lock keeps two processes apart that share a store. Two stores know nothing of each
 * other, so a run writes its name and an end onto the source volumes, as a tag. Tags are no lock: of
 * two that begin in the same moment the later writer has it, and the other one finds out before its
 * next round or its cut; so does one that stood still while another took over. */
#ifndef CORE_ENGINE_LEASE_H
#define CORE_ENGINE_LEASE_H

#include "core/engine/engine.h"
#include "model/error.h"

/* Fails if another run claims a volume of the set, unless `force` is set; then it is told.
 * Errors: ERR_LOCKED naming run and volume; ERR_CLOUD for a volume that does not exist; those of the
 * cloud, after retries. */
MUST_CHECK enum error_code lease_check(struct engine *engine, struct error *err);

/* Checks, and claims the set until a day after the window. Without the right to tag it is only told.
 * Errors: as above; ERR_LOCKED also if the set was this run's and is not any more. */
MUST_CHECK enum error_code lease_take(struct engine *engine, struct error *err);

/* Ends the claim, when the run is over; what cannot be done is only told. */
void lease_end(struct engine *engine);

#endif
