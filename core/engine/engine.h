/* engine.h: executes one run: read the journal, ask the machine, perform the effect, record, repeat.
 *
 * Everything it touches comes in through narrow interfaces; it knows no driver. After a crash the
 * same loop goes on from the journal: every effect looks first at what the store and the service
 * say is there already. */
#ifndef CORE_ENGINE_ENGINE_H
#define CORE_ENGINE_ENGINE_H

#include "core/clock.h"
#include "core/cloud.h"
#include "core/config.h"
#include "core/counter.h"
#include "core/engine/counting.h"
#include "core/log.h"
#include "core/quiesce.h"
#include "core/store.h"
#include "model/error.h"
#include "model/machine.h"

/* The tags that ebshift puts on what it makes. */
#define TAG_RUN     "ebshift:run" /* the run that made it */
#define TAG_OP      "ebshift:op"  /* the one call that made it: the stand-in for a client token */
#define TAG_VOLUME  "ebshift:volume"      /* the source volume it stands for */
#define TAG_INSTANT "ebshift:instant"     /* the point in time it holds, RFC 3339 */
#define TAG_LABEL   "ebshift:consistency" /* crash, frozen, backup or stopped */
#define TAG_LEASE   "ebshift:lease"       /* on a source volume: "RUN until INSTANT" */

struct path;

/* One run being executed. Borrows all; `run` is the only thing it changes. */
struct engine {
    const struct config *config;
    const struct cloud *source;
    const struct cloud *target;    /* the same as source when nothing is copied */
    const struct path *path;       /* the copies from there to here */
    const struct quiesce *quiesce; /* NULL: no database and no mounts to hold still */
    const struct counter *counter; /* NULL: not on the volumes' host */
    struct store *store;           /* locked by the caller */
    const struct clock *clock;
    const struct log *log;
    struct run run;
    bool force;          /* go on although the plan does not fit, or another run claims a volume */
    bool keep_snapshots; /* abort leaves snapshots and copies for a later run */
};

/* What follows the writes of the engine's set. */
struct counting engine_counting(const struct engine *engine);

/* True if snapshots have to be copied, to another region or account. */
bool engine_copies(const struct engine *engine);

/* Adds the run to the store, in its first state.
 * Errors: ERR_LOCKED if a run of another store claims one of the volumes. */
MUST_CHECK enum error_code engine_begin(struct engine *engine, struct error *err);

/* Runs the machine until the run is done or aborted.
 * Errors: ERR_CONFIG naming a volume that the run began with and the config lacks, or the other way round; ERR_INTERRUPTED after a signal (the run can be resumed);
 * ERR_LOCKED if another run claims a volume; whatever an effect could not
 * mend, which is also kept in run.failure. */
MUST_CHECK enum error_code engine_run(struct engine *engine, struct error *err);

/* Runs the machine, as engine_run(), until the run is in a state or over. */
MUST_CHECK enum error_code engine_run_to(struct engine *engine, enum machine_state state,
                                         struct error *err);

/* Moves the run to `aborting` and runs the machine to its end.
 * Errors: ERR_CONFIG as above; ERR_STATE past the point of no return, or when the run is over. */
MUST_CHECK enum error_code engine_abort(struct engine *engine, struct error *err);

#endif
