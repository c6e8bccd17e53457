/* physics.h: how long snapshots and copies take in the simulated cloud.
 *
 * Its own law, described in docs/simulator.md: a fixed cost of minutes, a throughput with slow drift,
 * noise, and now and then a slow episode. Nothing here is readable through the API but its effects. */
#ifndef TESTS_SIM_PHYSICS_H
#define TESTS_SIM_PHYSICS_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/dice.h"

/* A transfer of blocks into the snapshot store, or from region to region. */
struct transfer {
    uint64_t path_key; /* of the volume, or of the lineage and its destination */
    int64_t start_ms;
    int64_t bytes;
    bool is_copy;
    bool calm; /* no slow episode: for the history's first snapshot */
};

/* Milliseconds the transfer takes, fixed cost included. */
int64_t physics_transfer_ms(const struct transfer *transfer, struct dice dice);

/* Milliseconds a time-based copy takes that asked for `asked_min` minutes. */
int64_t physics_timed_copy_ms(int64_t bytes, int64_t asked_min, struct dice dice);

/* Percent shown when `done` (0 to 1) of the time has passed; -1 for "not known yet". Jumps, and
 * dwells at 99. `key` belongs to the snapshot. */
int physics_progress(uint64_t key, double done);

#endif
