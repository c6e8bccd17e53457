/* rollout.h: plays the rest of a run a few hundred times.
 *
 * One rollout holds the random numbers of all draws, so that every candidate (when to start, how
 * many rounds, when to cut) is played against the same luck and can be compared with the others.
 * The planner's instrument (model/plan.h); knows nothing of promises or reasons. */
#ifndef MODEL_ROLLOUT_H
#define MODEL_ROLLOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "model/error.h"
#include "model/plan.h"

/* Rounds 0 to PLAN_MAX_ROUNDS - 1 to come, the final, the round in flight, and the newest of those
 * that follow on the first PLAN_MAX_ROUNDS. */
#define ROLLOUT_FINAL     PLAN_MAX_ROUNDS
#define ROLLOUT_IN_FLIGHT (PLAN_MAX_ROUNDS + 1)
#define ROLLOUT_LATER     (PLAN_MAX_ROUNDS + 2)
#define ROLLOUT_SLOTS     (PLAN_MAX_ROUNDS + 3)

/* What to play. All times are seconds after input->now_ms. */
struct rollout_candidate {
    size_t round_count;
    double full_s;  /* a full first round not before; read only if one is due */
    double start_s; /* first round of changes not before; the next ones follow without pause */
    double gap_s;   /* the last of several rounds not earlier than this before the cut */
    double cut_s;   /* T0 not before; later if the last round is still running */
    /* From so long before the cut on more rounds are made before the last, and follow on it, as long as
     * each may be expected to be over by then: what planning anew amounts to. 0: none are. */
    double go_on_s;
    /* A run that is late makes another round if its base is older than worth_gap_s and end_s leaves
     * room: what planning anew after every round amounts to. */
    double worth_gap_s;
    double end_s;
};

/* One round or the final in one draw. */
struct rollout_leg {
    bool made; /* false: the cut came first */
    double start_s;
    double delta_bytes; /* sum over the set: what the copies carry, without copies the snapshots */
    double snapshot_s;  /* slowest member */
    double copy_s;      /* until the last is over, waits for a place included */
    /* What the numbers above were played for, whatever `made` says; rollout.c. */
    double begin_s;
    int64_t begin_ms;
    int64_t previous_ms;
    double expected_s; /* as far as one knew before; 0 if nobody asked */
};

/* What came of it in each draw. Owned by the rollout that made it. */
struct rollout_outcome {
    double *ready_s;    /* last round over */
    double *cut_s;      /* the cut really made */
    double *downtime_s; /* fence to service back */
    double *rounds;     /* made before the final, one in flight not counted */
    double *bytes;      /* carried by all of these and by the final */
};

/* One member's luck; see rollout.c. */
struct rollout_member;

/* Zero-initialise. Owns its memory, borrows the input; hand back with rollout_done(). */
struct rollout {
    const struct plan_input *input;
    size_t draw_count;
    bool full_first; /* the next round is a full one */
    struct rollout_member *members;
    double *numbers;          /* every array of doubles lies in here */
    double *overhead_s;       /* own steps in the downtime, per draw */
    double *free_s;           /* when nothing is in flight any more, per draw */
    double *copies_s;         /* per member: of the leg that is being played */
    struct rollout_leg *legs; /* of the last play, slot-major: legs[slot * draw_count + draw] */
    struct rollout_outcome outcome;
};

/* The snapshot that a member's next one builds on, once it completed; 0: a full one is due. */
int64_t rollout_base_ms(const struct plan_member *member);

/* Frees what *rollout owns and empties it. Harmless on an empty one. */
void rollout_done(struct rollout *rollout);
#define CLEANUP_ROLLOUT CLEANUP(rollout_done)

/* Draws all numbers for *input (validated, defaults filled in), which must outlive *rollout.
 * Errors: ERR_NO_MEMORY. */
MUST_CHECK enum error_code rollout_init(struct rollout *rollout, const struct plan_input *input,
                                        struct error *err);

/* Plays *candidate in the first draw_count draws; legs and outcome are those of this play until the
 * next. */
void rollout_play(struct rollout *rollout, const struct rollout_candidate *candidate,
                  size_t draw_count);

#endif
