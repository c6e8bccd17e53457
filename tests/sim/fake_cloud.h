/* fake_cloud.h: the engine's waist, core/cloud.h, answered by the simulated world without a wire.
 *
 * For unit tests of what stands above the waist: time is stepped, volumes hold block numbers but no
 * bytes, so a move of fourteen hours takes milliseconds. Faults are the world's (world_arm_fault):
 * throttle is ERR_THROTTLED, internal-error ERR_TRANSIENT, lost-reply ERR_AMBIGUOUS. */
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
};

/* Opens a world in memory at a fixed instant. Owns: hand back with fake_world_close().
 * Errors: ERR_SYSTEM. */
MUST_CHECK enum error_code fake_world_open(struct fake_world *fake, uint64_t seed, bool seeded,
                                           struct error *err);
void fake_world_close(struct fake_world *fake);
#define CLEANUP_FAKE_WORLD CLEANUP(fake_world_close)

/* A clock whose sleeps are steps of the world's time. Borrows the world. */
struct clock fake_world_clock(struct fake_world *fake);

/* One account in one region. Caller-allocated, plain data. */
struct fake_cloud {
    struct fake_world *in;
    struct caller caller;
};

/* Makes *fake the cloud of an account and region and returns its waist, which borrows both. */
struct cloud fake_cloud_init(struct fake_cloud *fake, struct fake_world *in, const char *account,
                             const char *region);

#endif
