/* machine.h: the states of a migration, as one table.
 *
 * A state is the step that a run is about to do or is doing; the journal holds it. The engine looks
 * up the row, performs its effect, turns the result into an event and moves to the row's state for
 * that event. The sentence is what status and logs say; the undo is what abort does for a run that
 * got so far. The same array prints docs/machine.md. */
#ifndef MODEL_MACHINE_H
#define MODEL_MACHINE_H

#include <stdbool.h>

#include "model/error.h"
#include "model/strbuf.h"

/* state, name in JSON and the store, phase, sentence */
#define MACHINE_STATES(ROW)                                                                        \
    ROW(STATE_PLAN, "plan", PHASE_SERIES, "planning the rest of the series")                       \
    ROW(STATE_ROUND_WAIT, "round-wait", PHASE_SERIES, "waiting for the start of the next round")   \
    ROW(STATE_ROUND_SNAPSHOT, "round-snapshot", PHASE_SERIES, "taking the snapshot of the round")  \
    ROW(STATE_ROUND_COMPLETE, "round-complete", PHASE_SERIES, "waiting for the snapshot")          \
    ROW(STATE_ROUND_COPY, "round-copy", PHASE_SERIES, "copying the snapshot to the target")        \
    ROW(STATE_ROUND_COPIED, "round-copied", PHASE_SERIES, "waiting for the copy")                  \
    ROW(STATE_ROUND_LEARN, "round-learn", PHASE_SERIES, "comparing predicted with actual")         \
    ROW(STATE_CUT_WAIT, "cut-wait", PHASE_SERIES, "waiting for the cut")                           \
    ROW(STATE_FENCE, "fence", PHASE_DOWN, "shutting writers out")                                  \
    ROW(STATE_CUT, "cut", PHASE_DOWN, "freezing, and taking the final snapshot")                   \
    ROW(STATE_FINAL_COMPLETE, "final-complete", PHASE_DOWN, "waiting for the final snapshot")      \
    ROW(STATE_FINAL_COPY, "final-copy", PHASE_DOWN, "copying the final snapshot to the target")    \
    ROW(STATE_FINAL_COPIED, "final-copied", PHASE_DOWN, "waiting for the final copy")              \
    ROW(STATE_VOLUMES, "volumes", PHASE_DOWN, "creating the volumes in the target zone")           \
    ROW(STATE_VOLUMES_READY, "volumes-ready", PHASE_DOWN, "waiting for the new volumes")           \
    ROW(STATE_ATTACH, "attach", PHASE_DOWN, "attaching the new volumes")                           \
    ROW(STATE_ATTACHED, "attached", PHASE_DOWN, "waiting for the attachments")                     \
    ROW(STATE_HAND_OVER, "hand-over", PHASE_OVER, "handing over: the point of no return")          \
    ROW(STATE_DONE, "done", PHASE_OVER, "done")                                                    \
    ROW(STATE_ABORTING, "aborting", PHASE_ABORT, "giving back service and removing what was made") \
    ROW(STATE_ABORTED, "aborted", PHASE_ABORT, "aborted")

enum machine_phase {
    PHASE_SERIES, /* the database serves; nothing but snapshots is made */
    PHASE_DOWN,   /* with a fence: from here the downtime runs; abort gives back service */
    PHASE_OVER,   /* past the point of no return */
    PHASE_ABORT,
};

enum machine_state {
#define STATE_ENUM(state, name, phase, sentence) state,
    MACHINE_STATES(STATE_ENUM)
#undef STATE_ENUM
};

enum machine_event {
    EVENT_OK,     /* the effect is done */
    EVENT_ROUND,  /* the plan says: another round */
    EVENT_CUT,    /* the plan says: cut */
    EVENT_HOP,    /* another copy follows on the way */
    EVENT_LOST,   /* what was waited for failed at the service; do it again */
    EVENT_REPLAN, /* the plan is old, or what it builds on is gone */
    EVENT_ABORT,  /* the operator gives up */
};

/* What the engine performs in a state; each is idempotent. */
enum machine_effect {
    EFFECT_NONE,
    EFFECT_PLAN,
    EFFECT_WAIT_ROUND,
    EFFECT_SNAPSHOT,
    EFFECT_AWAIT_SNAPSHOT,
    EFFECT_COPY,
    EFFECT_AWAIT_COPY,
    EFFECT_LEARN,
    EFFECT_WAIT_CUT,
    EFFECT_FENCE,
    EFFECT_CUT,
    EFFECT_CREATE_VOLUMES,
    EFFECT_AWAIT_VOLUMES,
    EFFECT_ATTACH,
    EFFECT_AWAIT_ATTACH,
    EFFECT_HAND_OVER,
    EFFECT_UNDO,
};

/* What abort undoes for a run that may have begun this state; the undos of all earlier states are
 * due as well. */
enum machine_undo {
    UNDO_NOTHING,
    UNDO_SNAPSHOT, /* delete the snapshots */
    UNDO_COPY,     /* delete the copies */
    UNDO_FENCE,    /* let the writers in again */
    UNDO_FREEZE,   /* thaw; the watchdog has done it if we died */
    UNDO_VOLUME,   /* delete the volumes */
    UNDO_ATTACH,   /* detach the volumes */
    UNDO_REFUSED,  /* past the point of no return */
};

struct machine_row {
    enum machine_state state;
    enum machine_event event;
    enum machine_state next;
    enum machine_effect effect;
    enum machine_undo undo;
};

/* What to do in a state. */
enum machine_effect machine_effect(enum machine_state state);

/* The state after an event.
 * Errors: ERR_STATE if the event makes no sense there; *next is untouched. */
MUST_CHECK enum error_code machine_next(enum machine_state state, enum machine_event event,
                                        enum machine_state *next, struct error *err);

/* What abort has to undo for the state itself. */
enum machine_undo machine_undo(enum machine_state state);

/* True when nothing is left to do: done or aborted. */
bool machine_is_final(enum machine_state state);

/* What the state means for the database: serving, down, past return, or given up. */
enum machine_phase machine_phase(enum machine_state state);

/* The name of a state in JSON and in the store, and what status says about it. */
const char *machine_name(enum machine_state state);
const char *machine_sentence(enum machine_state state);

/* The state of a name. Errors: ERR_INVALID. */
MUST_CHECK enum error_code machine_parse(const char *name, enum machine_state *state,
                                         struct error *err);

/* Writes the table as a Markdown page with a Mermaid picture: docs/machine.md. */
void machine_print(struct strbuf *page);

#endif
