/* fault.h: what goes wrong in the simulated cloud, and when: one table of faults, one way to write them.
 *
 * A script is text, a fault a line:
 *
 *     at 3rd CopySnapshot: drop answer after effect
 *     at 2nd to 6th call: answer 500
 *     from 1st DescribeSnapshots for 10 minutes: throttle 90 % of calls
 *
 * "at" strikes the calls it counts out, "from" every one from there on, for ever or for a while; the
 * action is the API's, or "call" for any that the fault can strike. The short form
 * NAME[:Action][@N][xC] ("throttle:CopySnapshot@3x5", "x*" for ever) says the same. Knows no world:
 * whoever answers calls asks which faults strike, and lets them come true. */
#ifndef TESTS_SIM_FAULT_H
#define TESTS_SIM_FAULT_H

#include <stddef.h>
#include <stdint.h>

#include "model/error.h"
#include "tests/sim/dice.h"

/* effect, name, words, and the beginning of the actions it can strike */
#define FAULT_TABLE(ROW)                                                                           \
    /* refused before anything happens */                                                          \
    ROW(FAULT_THROTTLE, "throttle", "throttle", "")                                                \
    ROW(FAULT_SNAPSHOT_RATE, "snapshot-rate", "refuse the snapshot rate", "CreateSnapshot")        \
    ROW(FAULT_INTERNAL_ERROR, "internal-error", "answer 500", "")                                  \
    ROW(FAULT_UNAVAILABLE, "unavailable", "answer 503", "")                                        \
    ROW(FAULT_EXPIRED_KEYS, "expired-keys", "say that the keys expired", "")                       \
    ROW(FAULT_DENIED, "denied", "deny", "")                                                        \
    /* the answer */                                                                               \
    ROW(FAULT_LOST_REQUEST, "lost-request", "drop answer before effect", "")                       \
    ROW(FAULT_LOST_REPLY, "lost-reply", "drop answer after effect", "")                            \
    ROW(FAULT_SLOW_REPLY, "slow-reply", "answer after the timeout", "")                            \
    /* what is made */                                                                             \
    ROW(FAULT_INVISIBLE, "invisible", "hide the object for two minutes", "C")                      \
    ROW(FAULT_SNAPSHOT_ERROR, "snapshot-error", "fail the snapshot later", "CreateSnapshot")       \
    ROW(FAULT_MEMBER_ERROR, "member-error", "fail one member later", "CreateSnapshot")             \
    ROW(FAULT_COPY_ERROR, "copy-error", "fail the copy later", "CopySnapshot")                     \
    ROW(FAULT_VANISH, "vanish", "take the volume away again", "CreateVolume")                      \
    /* somebody else, just before the call */                                                      \
    ROW(FAULT_FOREIGN_SNAPSHOT, "foreign-snapshot", "somebody takes a snapshot", "")               \
    ROW(FAULT_FOREIGN_PENDING, "foreign-pending", "somebody fills the snapshot limit", "")         \
    ROW(FAULT_FOREIGN_COPIES, "foreign-copies", "somebody fills the copy limit", "")               \
    ROW(FAULT_BASE_DELETED, "base-deleted", "somebody deletes the newest snapshot", "")            \
    ROW(FAULT_COPY_PRUNED, "copy-pruned", "somebody deletes the newest copy", "")

enum fault_effect {
#define FAULT_ENUM(effect, name, words, actions) effect,
    FAULT_TABLE(FAULT_ENUM)
#undef FAULT_ENUM
        FAULT_COUNT
};

/* The effects that strike one call, one bit each. */
#define FAULT_BIT(effect) (UINT32_C(1) << (effect))

/* One armed fault. */
struct fault {
    enum fault_effect effect;
    char action[48];  /* empty: any that the effect can strike */
    int64_t skip;     /* matching calls that still pass */
    int64_t left;     /* strikes left */
    int64_t lasts_ms; /* from its first matching call on; 0: no limit */
    int64_t ends_ms;
    int percent; /* of the calls that it strikes */
};

/* All that is armed. Zero-initialise, with dice of the world's seed. Owns `items`. */
struct fault_script {
    struct fault *items;
    size_t count;
    struct dice dice;
    int64_t strikes; /* so far */
};
void fault_script_done(struct fault_script *script);

/* Arms the faults of a text; empty lines pass, the line "none" disarms everything before it.
 * Errors: ERR_INVALID, quoting the line; the lines before it are armed. */
MUST_CHECK enum error_code fault_script_arm(struct fault_script *script, const char *text,
                                            struct error *err);

/* Counts a call of an action at an instant; returns the bits of the effects that strike it. */
uint32_t fault_script_strike(struct fault_script *script, const char *action, int64_t now_ms);

/* The name and the words of an effect; static strings. */
const char *fault_name(enum fault_effect effect);
const char *fault_words(enum fault_effect effect);

#endif
