/* fake_cloud.h: the engine's waist, core/cloud.h, answered by the simulated world without a wire.
 *
 * For tests of what stands above the waist: time is stepped, volumes hold block numbers but no
 * bytes, so a move of fourteen hours takes milliseconds. Faults are the world's (world_arm_fault),
 * as the errors of the waist.
 *
 * Whoever uses the world can be killed at any step: every outside call is one before its effect, and
 * one more after it if it has one; others that share the world (a journal, a database) count theirs
 * with fake_world_step(). From the step of its death on, nothing that the dead do has an effect:
 * every call and every sleep returns ERR_INTERRUPTED, so that its code unwinds and frees, and the
 * world is as after SIGKILL. fake_world_bury() makes it ready for the next process. */
#ifndef TESTS_SIM_FAKE_CLOUD_H
#define TESTS_SIM_FAKE_CLOUD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/clock.h"
#include "core/cloud.h"
#include "tests/sim/world.h"

/* A world and its stepped time. Must not move in memory while it is open. */
struct fake_world {
    int64_t now_ms;
    struct world *world;
    struct world_names names;
    int64_t call_count; /* of all its clouds, for the cost of a scenario */
    int64_t skew_ms;    /* the client's clock is so much ahead of the world's */
    int64_t steps;      /* places to die that were passed */
    int64_t die_at;     /* the step at which the process ends; 0: never */
    bool dead;
    /* Called after every step of time, NULL: nobody lives there. */
    void (*live)(void *self);
    void *inhabitant;
};

/* Opens a world in memory at a fixed instant, with a history of this nature, or empty if it is NULL.
 * Owns: hand back with fake_world_close(). Errors: ERR_SYSTEM. */
MUST_CHECK enum error_code fake_world_open(struct fake_world *fake, uint64_t seed,
                                           const struct nature *nature, struct error *err);
void fake_world_close(struct fake_world *fake);
#define CLEANUP_FAKE_WORLD CLEANUP(fake_world_close)

/* Passes one step. Errors: ERR_INTERRUPTED if the process dies at it, or is dead. */
MUST_CHECK enum error_code fake_world_step(struct fake_world *fake, struct error *err);

/* Forgets the dead: whoever comes next lives. */
void fake_world_bury(struct fake_world *fake);

/* A clock whose sleeps are steps of the world's time. Borrows the world. */
struct clock fake_world_clock(struct fake_world *fake);

/* One account in one region. Caller-allocated, plain data. */
struct fake_cloud {
    struct fake_world *in;
    struct caller caller;
    enum call_fate fate; /* of the running call */
    bool asks;           /* what changes something is only asked about */
};

/* Makes *fake the cloud of an account and region and returns its waist, which borrows both. */
struct cloud fake_cloud_init(struct fake_cloud *fake, struct fake_world *in, const char *account,
                             const char *region);

#endif
