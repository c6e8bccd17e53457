/* canary.h: a small volume sent the whole way that a move will take, and removed again.
 *
 * A run like any other, in a store of its own, so that nothing is learned from it and it is never
 * mistaken for the move: journalled, tagged, and removed by the next one or by abort if its process
 * was killed. It begins at the cut and ends before anything would be attached. */
#ifndef CORE_ENGINE_CANARY_H
#define CORE_ENGINE_CANARY_H

#include <stdint.h>

#include "core/cloud.h"
#include "core/engine/engine.h"
#include "model/error.h"

#define CANARY_BYTES (UINT64_C(1) << 30)

/* How long each part took, milliseconds; -1 where it did not come so far. */
struct canary_times {
    int64_t create_ms;   /* a fresh volume beside the one it stands for */
    int64_t snapshot_ms; /* its snapshot, complete */
    int64_t copy_ms;     /* all copies, complete; 0 where nothing is copied */
    int64_t volume_ms;   /* the volume on the other side, available */
    int64_t remove_ms;
};

/* Sends a canary in the place, and under the key, of a volume: `engine` holds the canary's store,
 * and a run with id, places and accounts. Removes everything again, also when it failed.
 * Errors: those of the engine, which name what is missing; ERR_INTERRUPTED, and then all is left to
 * canary_remove(). */
MUST_CHECK enum error_code canary_send(struct engine *engine, const struct cloud_volume *like,
                                       struct canary_times *times, struct error *err);

/* Removes what the run of `engine` left, at every place of its path, by id or by tag.
 * Errors: those of the cloud, after retries. */
MUST_CHECK enum error_code canary_remove(struct engine *engine, struct error *err);

#endif
