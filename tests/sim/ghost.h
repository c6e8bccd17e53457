/* ghost.h: a workload that nobody runs: which blocks of a volume get dirty, and how much is written.
 *
 * Stands for a busy database of terabytes on a machine that has no terabytes. Blocks are touched at
 * rates from several times a minute down to a few times a year, by a day and week rhythm with noise
 * and bursts, and a nightly batch rewrites a long run of blocks. Everything is a function of the seed
 * and of time, so history and future obey one law. Touched blocks keep their bytes. */
#ifndef TESTS_SIM_GHOST_H
#define TESTS_SIM_GHOST_H

#include <stdint.h>

#include "tests/sim/block_set.h"
#include "tests/sim/nature.h"

struct ghost;

/* A workload on the first `block_count` blocks, living since origin_ms. Aborts when memory runs
 * out. Owns: the result is handed back with ghost_free(). */
struct ghost *ghost_new(uint64_t seed, int64_t block_count, int64_t origin_ms,
                        const struct habits *habits);

/* Accepts NULL. */
void ghost_free(struct ghost *ghost);

/* Adds the blocks touched in [from_ms, to_ms) to *blocks. Intervals that do not overlap are
 * independent; the same interval always gives the same blocks. About 20 ms for two terabytes. */
void ghost_changes(struct ghost *ghost, int64_t from_ms, int64_t to_ms, struct block_set *blocks);

/* How many blocks ghost_changes() adds to an empty set, in the mean; at once. */
double ghost_mean_changes(struct ghost *ghost, int64_t from_ms, int64_t to_ms);

/* Bytes or operations of one whole minute, minutes since the epoch. */
double ghost_write_bytes(struct ghost *ghost, int64_t minute);
double ghost_write_ops(struct ghost *ghost, int64_t minute);
double ghost_read_bytes(struct ghost *ghost, int64_t minute);
double ghost_read_ops(struct ghost *ghost, int64_t minute);

#endif
