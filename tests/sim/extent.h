/* extent.h: where the bytes of a file lie on the disk, to tell what was rewritten. */
#ifndef TESTS_SIM_EXTENT_H
#define TESTS_SIM_EXTENT_H

#include <stdint.h>

#include "model/error.h"
#include "tests/sim/block_set.h"

/* Adds the blocks below size_bytes in which the two files do not share their space; base -1 is a
 * file of holes. Holes and unwritten space are equal. Cost: linear in the extents of both.
 * Errors: ERR_SYSTEM. */
MUST_CHECK enum error_code extent_changes(int base, int file, int64_t size_bytes,
                                          struct block_set *blocks, struct error *err);

#endif
