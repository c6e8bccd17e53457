/* block_set.h: a set of 512 KiB block numbers of one volume, as a bitmap.
 *
 * Grows with the highest member, so a small set of a huge volume stays small. Memory that runs out
 * ends the simulator: it has no way to go on with half a truth. */
#ifndef TESTS_SIM_BLOCK_SET_H
#define TESTS_SIM_BLOCK_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/error.h"

#define SIM_BLOCK_BYTES INT64_C(524288)
/* What block_set_next() answers after the last member. */
#define BLOCK_NONE INT64_C(-1)

/* Zero-initialise for the empty set. Owns `words`; hand back with block_set_done(). */
struct block_set {
    uint64_t *words;
    size_t word_count;
};

/* Frees what *set owns and empties it. Harmless on an empty one. */
void block_set_done(struct block_set *set);
#define CLEANUP_BLOCK_SET CLEANUP(block_set_done)

/* Makes room in `words` for blocks 0 to block_count - 1; the members stay. */
void block_set_reserve(struct block_set *set, int64_t block_count);

/* Adds one block. */
void block_set_add(struct block_set *set, int64_t block);

/* Adds the blocks first to last, both included. */
void block_set_add_range(struct block_set *set, int64_t first, int64_t last);

/* Adds every member of *more. */
void block_set_unite(struct block_set *set, const struct block_set *more);

/* Removes every block from `first_gone` on. */
void block_set_cut(struct block_set *set, int64_t first_gone);

bool block_set_has(const struct block_set *set, int64_t block);

/* The number of members. */
int64_t block_set_count(const struct block_set *set);

/* The lowest member at or after `from`, or BLOCK_NONE. */
int64_t block_set_next(const struct block_set *set, int64_t from);

/* Writes the set to a new file, or reads one back into an empty set.
 * Errors: ERR_SYSTEM; ERR_NOT_FOUND (load) if there is no such file. */
MUST_CHECK enum error_code block_set_save(const struct block_set *set, const char *path,
                                          struct error *err);
MUST_CHECK enum error_code block_set_load(struct block_set *set, const char *path,
                                          struct error *err);

#endif
