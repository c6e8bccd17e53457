/* physics.h: how long snapshots and copies take in the simulated cloud.
 *
 * Its own law, described in docs/simulator.md: a fixed cost of minutes, a throughput with slow drift,
 * noise, and now and then a slow episode. Nothing here is readable through the API but its effects. */
#ifndef TESTS_SIM_PHYSICS_H
#define TESTS_SIM_PHYSICS_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/dice.h"
#include "tests/sim/nature.h"

/* A transfer of blocks into the snapshot store, or from region to region. */
struct transfer {
    const struct pace *pace;
    uint64_t path_key; /* of the volume, or of the lineage and its destination */
    int64_t start_ms;
    int64_t bytes;
    bool is_copy;
    bool calm; /* no slow episode: for the history's first snapshot */
};

/* What the luck of a transfer comes to, whatever its size. */
struct transfer_law {
    double cost_ms; /* fixed */
    double bytes_per_s;
    double slow_factor; /* 1: no slow episode */
};

/* The law of a transfer; its bytes are not read. */
struct transfer_law physics_transfer_law(const struct transfer *transfer, struct dice dice);

/* Milliseconds that so many bytes take under a law, fixed cost included. */
double physics_law_ms(const struct transfer_law *law, double bytes);

/* Milliseconds the transfer takes, fixed cost included. */
int64_t physics_transfer_ms(const struct transfer *transfer, struct dice dice);

/* Milliseconds a time-based copy takes that asked for `asked_min` minutes. */
int64_t physics_timed_copy_ms(int64_t bytes, int64_t asked_min, struct dice dice);

/* Percent shown when `done` (0 to 1) of the time has passed; -1 for "not known yet". Jumps, and
 * dwells at 99. `key` belongs to the snapshot. */
int physics_progress(uint64_t key, double done);

#endif
