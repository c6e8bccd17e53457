/* poll.h: looking at work that the service does, often enough and not more. */
#ifndef CORE_ENGINE_POLL_H
#define CORE_ENGINE_POLL_H

#include <stddef.h>
#include <stdint.h>

#include "core/engine/engine.h"
#include "model/error.h"

/* Describes some snapshots. Those not visible (yet) are left out, which is no error.
 * Errors: those of the cloud, after retries. */
MUST_CHECK enum error_code poll_snapshots(struct engine *engine, const struct cloud *cloud,
                                          const char *const *ids, size_t count,
                                          struct cloud_snapshots *seen, struct error *err);

/* Tells whether a snapshot or copy of the run is gone; a fresh one may only be invisible, which is
 * waited for. Errors: those of the cloud, after retries; ERR_INTERRUPTED. */
MUST_CHECK enum error_code poll_is_gone(struct engine *engine, const struct cloud *cloud,
                                        const struct object *object, bool *gone, struct error *err);

/* Describes some volumes; as above. */
MUST_CHECK enum error_code poll_volumes(struct engine *engine, const struct cloud *cloud,
                                        const char *const *ids, size_t count,
                                        struct cloud_volumes *seen, struct error *err);

/* Sleeps until the next look at something awaited since begun_ms: a fraction of the time waited so
 * far, from 5 s (2 s while the database is down) to 60 s. Errors: ERR_INTERRUPTED. */
MUST_CHECK enum error_code poll_pause(struct engine *engine, int64_t begun_ms, struct error *err);

#endif
