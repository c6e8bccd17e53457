/* pool.h: where the bytes of simulated volumes lie: a filesystem with reflinks.
 *
 * All volumes of one zone are ranges of one sparse file. A clone of that file, or of one range, is
 * atomic against every writer of it, so a set of snapshots is one instant over several volumes. The
 * pool is the state directory itself where it can reflink, else an XFS image mounted inside it.
 * Without root or reflink there is no pool; then nothing can be attached, so nothing is written. */
#ifndef TESTS_SIM_POOL_H
#define TESTS_SIM_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/error.h"
#include "tests/sim/block_set.h"

struct pool;

/* Opens the pool of a state directory; mounts it if it is not mounted yet. Owns: *pool is handed
 * back with pool_close().
 * Errors: ERR_STATE if this machine can have none (no root, no XFS with reflink); ERR_SYSTEM. */
MUST_CHECK enum error_code pool_open(struct pool **pool, const char *state_dir, struct error *err);

/* Unmounts the pool, lazily while something still uses it. Accepts NULL. */
void pool_close(struct pool *pool);

/* Detaches every loop device that lies on the state directory and unmounts its pool: what a killed
 * server left. Harmless when there is nothing.
 * Errors: ERR_SYSTEM. */
MUST_CHECK enum error_code pool_clean(const char *state_dir, struct error *err);

/* A volume's range of its zone's file. */
struct pool_range {
    const char *zone;
    int64_t offset_bytes;
    int64_t size_bytes;
};

/* Finds room for a volume at the end of the zone's file; the range reads as zeros.
 * Errors: ERR_SYSTEM. */
MUST_CHECK enum error_code pool_allot(struct pool *pool, const char *zone, int64_t size_bytes,
                                      int64_t *offset_bytes, struct error *err);

/* Gives the range's space back; it reads as zeros afterwards. */
void pool_release(struct pool *pool, const struct pool_range *range);

/* Fixes the bytes of the ranges, all at one instant between two writes, and returns as soon as no
 * later write can get in; writers wait while the rest of the work goes on. pool_split() must follow
 * before any of the cuts is used. Latency: about a millisecond.
 * Errors: ERR_SYSTEM; then nothing is left. */
MUST_CHECK enum error_code pool_cut(struct pool *pool, const struct pool_range *ranges,
                                    const int64_t *cut_ids, size_t count, struct error *err);

/* Waits for the end of pool_cut()'s work and divides it into the cuts' own files; may be repeated.
 * Errors: ERR_SYSTEM, also when that work failed or was cut short by a kill. */
MUST_CHECK enum error_code pool_split(struct pool *pool, const struct pool_range *ranges,
                                      const int64_t *cut_ids, size_t count, struct error *err);

/* Puts the bytes of a cut into a fresh range, sharing the space.
 * Errors: ERR_SYSTEM. */
MUST_CHECK enum error_code pool_restore(struct pool *pool, int64_t cut_id,
                                        const struct pool_range *range, struct error *err);

/* Removes the file of a cut. */
void pool_drop_cut(struct pool *pool, int64_t cut_id);

/* Adds the blocks that were written between two cuts of a volume, judged by where they lie on the
 * disk: a rewrite with the same bytes counts. base_id 0 is the blank volume.
 * Errors: ERR_SYSTEM. */
MUST_CHECK enum error_code pool_changes(struct pool *pool, int64_t base_id, int64_t cut_id,
                                        int64_t size_bytes, struct block_set *blocks,
                                        struct error *err);

/* Begins a cut that is written block by block: with the bytes of another one, or all zeros if base_id
 * is 0. Errors: ERR_SYSTEM. */
MUST_CHECK enum error_code pool_begin_cut(struct pool *pool, int64_t base_id, int64_t cut_id,
                                          int64_t size_bytes, struct error *err);

/* Writes into a cut. Errors: ERR_SYSTEM. */
MUST_CHECK enum error_code pool_write(struct pool *pool, int64_t cut_id, int64_t offset_bytes,
                                      const uint8_t *buffer, size_t size, struct error *err);

/* Reads from a cut; what lies beyond its bytes is zero.
 * Errors: ERR_SYSTEM. */
MUST_CHECK enum error_code pool_read(struct pool *pool, int64_t cut_id, int64_t offset_bytes,
                                     uint8_t *buffer, size_t size, struct error *err);

/* Makes the range a loop device, or finds the one that is still there; gives its number.
 * Errors: ERR_SYSTEM. */
MUST_CHECK enum error_code pool_attach(struct pool *pool, const struct pool_range *range,
                                       int *loop_number, struct error *err);

/* True while somebody has mounted the device or holds it exclusively. */
bool pool_is_busy(int loop_number);

/* Detaches the device, at its last close if somebody still holds it. */
void pool_detach(int loop_number);

/* Read and written bytes and operations of the device since it was made. */
struct pool_counters {
    uint64_t read_ops;
    uint64_t read_bytes;
    uint64_t write_ops;
    uint64_t write_bytes;
};

/* False if the device is gone. */
bool pool_counters(int loop_number, struct pool_counters *counters);

#endif
