/* effects.h: what the engine does in each state, one function per effect of model/machine.h.
 *
 * Each is idempotent: begun again after a crash it adopts what is there. The event it hands back
 * drives the machine. */
#ifndef CORE_ENGINE_EFFECTS_H
#define CORE_ENGINE_EFFECTS_H

#include "core/engine/engine.h"
#include "model/error.h"
#include "model/machine.h"

/* Performs the effect; *event is EVENT_OK on entry. */
typedef enum error_code effect_function(struct engine *engine, enum machine_event *event,
                                        struct error *err);

/* effects_series.c: plan the rest, wait for a start. */
effect_function effect_plan;
effect_function effect_wait;

/* effects_learn.c: learn from a finished round. */
effect_function effect_learn;

/* effects_snapshot.c: take the set of a round, copy it, wait for either. */
effect_function effect_snapshot;
effect_function effect_await_snapshot;
effect_function effect_copy;
effect_function effect_await_copy;

/* effects_cut.c: shut writers out; freeze and take the final set. */
effect_function effect_fence;
effect_function effect_cut;

/* effects_restore.c: volumes on the other side, attached and handed over. */
effect_function effect_create_volumes;
effect_function effect_await_volumes;
effect_function effect_attach;
effect_function effect_await_attach;
effect_function effect_hand_over;

/* effects_undo.c: abort. */
effect_function effect_undo;

#endif
