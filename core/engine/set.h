/* set.h: the volumes that are cut together, and their snapshots in one round. */
#ifndef CORE_ENGINE_SET_H
#define CORE_ENGINE_SET_H

#include "core/cloud.h"
#include "core/engine/engine.h"
#include "core/engine/objects.h"
#include "model/error.h"

/* Describes the volumes of the set, in its order.
 * Errors: ERR_CLOUD naming a volume that does not exist or cannot be used. */
MUST_CHECK enum error_code set_volumes(struct engine *engine, struct cloud_volumes *volumes,
                                       struct error *err);

/* Journals the intent of the present round's snapshots, one object per volume under one token.
 * *fresh is false if an earlier process had done so and nobody knows whether the call was sent. */
MUST_CHECK enum error_code set_intend(struct engine *engine, struct objects *objects, bool *fresh,
                                      struct error *err);

/* Sends the call for the intended set, once, with the hooks of a cut (or NULL).
 * Errors: those of the cloud. */
MUST_CHECK enum error_code set_send(struct engine *engine, const struct objects *objects,
                                    const struct cut *cut, struct cloud_set_result *result,
                                    struct error *err);

/* Records the ids of the set's snapshots. Errors: ERR_CLOUD if a member is missing. */
MUST_CHECK enum error_code set_adopt(struct engine *engine, struct objects *objects,
                                     const struct cloud_snapshots *snapshots, struct error *err);

/* Takes the set of an ordinary round, or adopts what was taken already. */
MUST_CHECK enum error_code set_take(struct engine *engine, const struct cut *cut,
                                    struct error *err);

/* Gives up the present round's snapshots: deletes what the service has of them and marks the objects
 * deleted. No call was sent after since_ms; what was may still be invisible, and is waited for. */
MUST_CHECK enum error_code set_retire(struct engine *engine, int64_t since_ms, struct error *err);

/* Reads a round of the run. Errors: ERR_NOT_FOUND. */
MUST_CHECK enum error_code set_get_round(struct engine *engine, int number, struct round *round,
                                         struct error *err);

/* Writes the times of the completed snapshots, or copies, into the present round. */
MUST_CHECK enum error_code set_record_snapshots(struct engine *engine, struct error *err);
MUST_CHECK enum error_code set_record_copies(struct engine *engine, struct error *err);

/* Reads into the store what is new of every volume: snapshots, whoever took them, changed blocks,
 * copies, write rates. Errors: those of collect_volume(). */
MUST_CHECK enum error_code set_collect(struct engine *engine, struct error *err);

#endif
