/* block_map.h: the blocks that changed in one gap between snapshots, one bit each. */
#ifndef CORE_ENGINE_BLOCK_MAP_H
#define CORE_ENGINE_BLOCK_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "core/cloud.h"
#include "model/error.h"

/* Zero-initialise. Owns `words`; hand back with block_map_done(). */
struct block_map {
    uint64_t *words;
    size_t word_count;
};

/* Frees what *map owns and empties it. */
void block_map_done(struct block_map *map);

/* Sets the bit of a block; the map grows as needed.
 * Errors: ERR_NO_MEMORY; ERR_PROTOCOL for an index beyond any volume (64 TiB). */
MUST_CHECK enum error_code block_map_set(struct block_map *map, uint64_t index, struct error *err);

/* Adds all blocks of `other`. Errors: ERR_NO_MEMORY. */
MUST_CHECK enum error_code block_map_add(struct block_map *map, const struct block_map *other,
                                         struct error *err);

/* Bytes of the blocks that are set. */
int64_t block_map_bytes(const struct block_map *map);

/* A sink for cloud.h that sets what it is given; borrows the map. */
struct cloud_block_sink block_map_sink(struct block_map *map);

#endif
