/* others.h: what somebody else has in flight, in the way of a run that is about to begin something.
 *
 * EBS completes the snapshots of a volume in their order: one of ours that is begun beside theirs is
 * over no sooner than they are. And a copy is refused while no place is left for it. For a final
 * either is downtime. A plan foresees both (outlook.h); here a run looks once more. */
#ifndef CORE_ENGINE_OTHERS_H
#define CORE_ENGINE_OTHERS_H

#include "core/engine/engine.h"
#include "core/engine/outlook.h"
#include "model/error.h"

/* Waits until nobody else has a snapshot of the set's volumes in flight, and before the cut also until
 * a place for a copy is free on each hop. Not for ever: some minutes, or a tenth of the time that
 * theirs have taken so far, and no longer than the window lasts. *waited tells whether anything was
 * in the way; then what was planned before is old.
 * Errors: those of the cloud, after retries; ERR_INTERRUPTED; ERR_STORE. */
MUST_CHECK enum error_code others_await(struct engine *engine, bool *waited, struct error *err);

/* Puts what a plan had to wait for before the reason of its failure. */
void others_blame(const struct engine *engine, const struct outlook *outlook, struct error *err);

#endif
