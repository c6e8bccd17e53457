/* removal.h: takes objects of a run away at the service, for good.
 *
 * A fresh object may be invisible for a while, and then a delete is told that there is nothing: that
 * is believed only once VISIBLE_AFTER_MS passed since the object was made. */
#ifndef CORE_ENGINE_REMOVAL_H
#define CORE_ENGINE_REMOVAL_H

#include <stdint.h>

#include "core/engine/engine.h"
#include "model/error.h"

/* Deletes a snapshot or copy; success if it is gone already. `made_ms` is the instant before which
 * it was made, 0 for one that was seen. Errors: those of the cloud, after retries. */
MUST_CHECK enum error_code removal_snapshot(struct engine *engine, const struct cloud *cloud,
                                            const char *id, int64_t made_ms, struct error *err);

/* Detaches and deletes a volume at the target, after waiting for its creation to end; as above.
 * Errors: also ERR_TIMEOUT if it stays attached or creating. */
MUST_CHECK enum error_code removal_volume(struct engine *engine, const char *id, int64_t made_ms,
                                          struct error *err);

#endif
