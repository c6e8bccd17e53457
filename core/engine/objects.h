/* objects.h: the objects of one round as the effects see them: intended, found by tag, adopted.
 *
 * CreateSnapshots and CopySnapshot have no client token. So the intent is journalled first, its
 * token travels as a tag in the same call, and before anything is sent a second time the tag is
 * looked up, with patience, because a fresh object may be invisible for two minutes. */
#ifndef CORE_ENGINE_OBJECTS_H
#define CORE_ENGINE_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/engine/engine.h"
#include "model/error.h"

/* How long a fresh object may stay invisible after we were told of it, by our clock: the service's may
 * be another. */
#define VISIBLE_AFTER_MS INT64_C(120000)

/* The objects of a run in memory; saved one by one. */
struct objects {
    struct object *items; /* heap */
    size_t count;
};
void objects_done(struct objects *objects);
#define CLEANUP_OBJECTS CLEANUP(objects_done)

/* Reads all objects of the run. */
MUST_CHECK enum error_code objects_load(struct engine *engine, struct objects *objects,
                                        struct error *err);

/* The live object (not lost, not deleted) of a kind, round and source volume; NULL if there is
 * none. Borrows. */
struct object *objects_find(const struct objects *objects, enum object_kind kind, int round,
                            const char *volume_id);

/* How many objects of a kind and round were intended so far, also lost ones: the attempt number. */
int objects_attempts(const struct objects *objects, enum object_kind kind, int round,
                     const char *volume_id);

/* How many of a volume's newest objects of a kind failed at the service, one after the other. */
int objects_failures(const struct objects *objects, enum object_kind kind, const char *volume_id);

/* Every so many failures in a row the engine gives up and leaves it to the operator. */
#define FAILURES_MAX 3

/* Journals an intent and appends it to *objects; the pointer handed back borrows until the next
 * call. `token` names the call. */
MUST_CHECK enum error_code objects_intend(struct engine *engine, struct objects *objects,
                                          const struct object *wanted, struct error *err);

/* Records that the service gave the object an id, and its own instant of the start. */
MUST_CHECK enum error_code objects_created(struct engine *engine, struct object *object,
                                           const char *id, int64_t started_ms, struct error *err);

/* Moves an object to another state and saves it. */
MUST_CHECK enum error_code objects_move(struct engine *engine, struct object *object,
                                        enum object_state state, struct error *err);

/* Marks the live objects of a kind in the present round as lost: what they stand for is of no use to a
 * later attempt. They are removed when the run is over. */
MUST_CHECK enum error_code objects_give_up(struct engine *engine, struct objects *objects,
                                           enum object_kind kind, struct error *err);

/* The tags every object of the run gets. Owns: the caller. */
MUST_CHECK enum error_code objects_tags(const struct engine *engine, const char *token,
                                        struct cloud_tags *tags, struct error *err);

/* What to look up: the snapshots that carry a token. */
struct objects_wanted {
    const char *token;
    size_t count;     /* that one call makes; the members of a set become visible one by one */
    int64_t since_ms; /* no call was sent after this instant */
};

/* Looks up snapshots by their token, until all are seen or VISIBLE_AFTER_MS passed since the
 * instant; fewer, or none, are no error. */
MUST_CHECK enum error_code objects_look_up(struct engine *engine, const struct cloud *cloud,
                                           const struct objects_wanted *wanted,
                                           struct cloud_snapshots *found, struct error *err);

#endif
