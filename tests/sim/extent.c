#include "tests/sim/extent.h"

#include <assert.h>
#include <errno.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define BATCH 2048

/* A walk over a file's space: the stretch [at, end) lies at disk_at, or is empty (disk_at 0). */
struct walk {
    int file; /* -1: all empty */
    int64_t size;
    int64_t at;
    int64_t end;
    int64_t disk_at;
    struct fiemap *map; /* the extents read last */
    uint32_t next;      /* of them */
    bool last_read;
};

static void walk_done(struct walk *walk)
{
    free(walk->map);
}

static struct walk walk_start(int file, int64_t size)
{
    struct walk walk = {.file = file, .size = size, .last_read = file < 0};
    walk.map = calloc(1, sizeof(struct fiemap) + BATCH * sizeof(struct fiemap_extent));
    assert(walk.map != NULL);
    return walk;
}

static bool read_batch(struct walk *walk)
{
    uint32_t flags = walk->at == 0 ? FIEMAP_FLAG_SYNC : 0;
    *walk->map = (struct fiemap){.fm_start = (uint64_t)walk->at,
                                 .fm_length = (uint64_t)(walk->size - walk->at),
                                 .fm_flags = flags,
                                 .fm_extent_count = BATCH};
    if (ioctl(walk->file, FS_IOC_FIEMAP, walk->map) != 0)
        return false;
    walk->next = 0;
    if (walk->map->fm_mapped_extents < BATCH)
        walk->last_read = true;
    return true;
}

/* The next extent with bytes that ends after `at`; NULL when there is none. */
static bool next_extent(struct walk *walk, const struct fiemap_extent **extent)
{
    *extent = NULL;
    for (;;) {
        while (walk->next < walk->map->fm_mapped_extents) {
            const struct fiemap_extent *candidate = &walk->map->fm_extents[walk->next];
            bool empty = (candidate->fe_flags & FIEMAP_EXTENT_UNWRITTEN) != 0;
            if (!empty && (int64_t)(candidate->fe_logical + candidate->fe_length) > walk->at) {
                *extent = candidate;
                return true;
            }
            walk->next++;
        }
        if (walk->last_read)
            return true;
        uint32_t count = walk->map->fm_mapped_extents;
        if (count > 0) {
            const struct fiemap_extent *final = &walk->map->fm_extents[count - 1];
            int64_t final_end = (int64_t)(final->fe_logical + final->fe_length);
            walk->at = final_end > walk->at ? final_end : walk->at;
        }
        walk->last_read = walk->at >= walk->size;
        if (!walk->last_read && !read_batch(walk))
            return false;
    }
}

/* Moves to the stretch that starts at `at`. */
static bool walk_to(struct walk *walk, int64_t at)
{
    const struct fiemap_extent *extent;
    walk->at = at;
    if (!next_extent(walk, &extent))
        return false;
    walk->at = at;
    if (extent == NULL || (int64_t)extent->fe_logical > at) {
        walk->disk_at = 0;
        walk->end = extent == NULL ? walk->size : (int64_t)extent->fe_logical;
    } else {
        walk->disk_at = (int64_t)extent->fe_physical + (at - (int64_t)extent->fe_logical);
        walk->end = (int64_t)(extent->fe_logical + extent->fe_length);
    }
    if (walk->end > walk->size)
        walk->end = walk->size;
    return true;
}

enum error_code extent_changes(int base, int file, int64_t size_bytes, struct block_set *blocks,
                               struct error *err)
{
    CLEANUP(walk_done) struct walk old = walk_start(base, size_bytes);
    CLEANUP(walk_done) struct walk new = walk_start(file, size_bytes);
    for (int64_t at = 0; at < size_bytes;) {
        if (!walk_to(&old, at) || !walk_to(&new, at)) {
            return error_set(err, ERR_SYSTEM, "cannot map a file's extents: %s",
                             strerrordesc_np(errno));
        }
        int64_t end = old.end < new.end ? old.end : new.end;
        if (old.disk_at != new.disk_at)
            block_set_add_range(blocks, at / SIM_BLOCK_BYTES, (end - 1) / SIM_BLOCK_BYTES);
        at = end;
    }
    return ERR_NONE;
}
