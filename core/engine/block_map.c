#include "core/engine/block_map.h"

#include <stdlib.h>
#include <string.h>

/* 64 TiB, the largest volume there is, in blocks. */
#define BLOCK_MAX (UINT64_C(1) << 27)

void block_map_done(struct block_map *map)
{
    free(map->words);
    *map = (struct block_map){0};
}

static enum error_code grow(struct block_map *map, size_t word_count, struct error *err)
{
    if (word_count <= map->word_count)
        return ERR_NONE;
    size_t room = map->word_count * 2 > word_count ? map->word_count * 2 : word_count;
    uint64_t *words = reallocarray(map->words, room, sizeof(*words));
    if (words == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold a map of %zu blocks", room * 64);
    memset(words + map->word_count, 0, (room - map->word_count) * sizeof(*words));
    *map = (struct block_map){.words = words, .word_count = room};
    return ERR_NONE;
}

enum error_code block_map_set(struct block_map *map, uint64_t index, struct error *err)
{
    if (index >= BLOCK_MAX) {
        return error_set(err, ERR_PROTOCOL, "block index %llu is beyond any volume",
                         (unsigned long long)index);
    }
    TRY(grow(map, (size_t)(index / 64) + 1, err));
    map->words[index / 64] |= UINT64_C(1) << (index % 64);
    return ERR_NONE;
}

enum error_code block_map_add(struct block_map *map, const struct block_map *other,
                              struct error *err)
{
    TRY(grow(map, other->word_count, err));
    for (size_t i = 0; i < other->word_count; i++)
        map->words[i] |= other->words[i];
    return ERR_NONE;
}

int64_t block_map_bytes(const struct block_map *map)
{
    int64_t blocks = 0;
    for (size_t i = 0; i < map->word_count; i++)
        blocks += __builtin_popcountll(map->words[i]);
    return blocks * (int64_t)CLOUD_BLOCK_BYTES;
}

static enum error_code take(void *self, const uint64_t *indexes, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++)
        TRY(block_map_set(self, indexes[i], err));
    return ERR_NONE;
}

struct cloud_block_sink block_map_sink(struct block_map *map)
{
    return (struct cloud_block_sink){.take = take, .self = map};
}
