/* removal.h: takes objects of a run away at the service, for good.
 *
 * A fresh object may be invisible for a while, and then a delete is told that there is nothing: that
 * is believed only once VISIBLE_AFTER_MS passed since the object was made. */
#ifndef CORE_ENGINE_REMOVAL_H
#define CORE_ENGINE_REMOVAL_H

#include <stdint.h>

#include "core/engine/engine.h"
#include "core/engine/objects.h"
#include "model/error.h"

/* Deletes a snapshot or copy; success if it is gone already. `made_ms` is the instant before which
 * it was made, 0 for one that was seen. Errors: those of the cloud, after retries. */
MUST_CHECK enum error_code removal_snapshot(struct engine *engine, const struct cloud *cloud,
                                            const char *id, int64_t made_ms, struct error *err);

/* Takes away what an object of the run stands for and marks it deleted; one without an id is looked
 * up by its token first, as no call was sent for it after since_ms. Errors: as above. */
MUST_CHECK enum error_code removal_object(struct engine *engine, struct object *object,
                                          int64_t since_ms, struct error *err);

/* Takes away what failed at the service or was overtaken by a later attempt; to be called when newer
 * ones are complete, so that no copy needs these as its base. What cannot be removed is only told. */
void removal_lost(struct engine *engine);

#endif
