#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/world_inner.h"

struct cut *world_add_cut(struct world *world, struct cut *parent, int64_t size_bytes)
{
    struct cut *cut = calloc(1, sizeof(*cut));
    assert(cut != NULL);
    cut->id = ++world->cuts_made;
    cut->parent = parent;
    cut->parent_id = parent == NULL ? 0 : parent->id;
    cut->size_bytes = size_bytes;
    world->cuts = world_grow(world->cuts, world->cut_count, sizeof(struct cut *));
    world->cuts[world->cut_count++] = cut;
    return cut;
}

void world_free_cut(struct cut *cut)
{
    block_set_done(&cut->changed);
    free(cut);
}

void world_store_cut(struct world *world, const struct cut *cut)
{
    if (world->dir == NULL)
        return;
    char path[4200];
    struct error err;
    (void)snprintf(path, sizeof(path), "%s/blocks/%lld", world->dir, (long long)cut->id);
    if (block_set_save(&cut->changed, path, &err) != ERR_NONE)
        (void)fprintf(stderr, "cloudsim: %s\n", err.message);
}

/* Volumes of one instance lie in one zone, so one zone file holds all their bytes. */
static void list_ranges(struct sim_volume *const *volumes, struct cut *const *cuts, size_t count,
                        struct pool_range ranges[SIM_SET_MAX], int64_t ids[SIM_SET_MAX])
{
    for (size_t i = 0; i < count; i++) {
        ranges[i] = world_volume_range(volumes[i]);
        ids[i] = cuts[i]->id;
    }
}

bool world_take_cuts(struct world *world, struct sim_volume *const *volumes, struct cut **cuts,
                     size_t count, struct refusal *refusal)
{
    struct pool_range ranges[SIM_SET_MAX] = {0};
    int64_t ids[SIM_SET_MAX] = {0};
    struct error err;
    for (size_t i = 0; i < count; i++)
        cuts[i] = world_add_cut(world, volumes[i]->inner->base, volumes[i]->size_gib * GIB);
    list_ranges(volumes, cuts, count, ranges, ids);
    if (world->pool != NULL && pool_cut(world->pool, ranges, ids, count, &err) != ERR_NONE)
        return refuse(refusal, "InternalError", "%.200s", err.message);
    for (size_t i = 0; i < count; i++) {
        cuts[i]->has_bytes = world->pool != NULL;
        volumes[i]->inner->base = cuts[i];
        volumes[i]->inner->base_id = cuts[i]->id;
    }
    return true;
}

/* What the guest wrote, what the ghost wrote, and what a test said was written. */
static enum error_code find_changes(struct world *world, struct sim_volume *volume, struct cut *cut,
                                    int64_t instant_ms, struct error *err)
{
    struct volume_inner *inner = volume->inner;
    int64_t base_id = cut->parent != NULL && cut->parent->has_bytes ? cut->parent->id : 0;
    if (cut->has_bytes)
        TRY(pool_changes(world->pool, base_id, cut->id, cut->size_bytes, &cut->changed, err));
    block_set_unite(&cut->changed, &inner->touched);
    block_set_done(&inner->touched);
    if (inner->ghost != NULL)
        ghost_changes(inner->ghost, inner->ghost_until_ms, instant_ms, &cut->changed);
    inner->ghost_until_ms = instant_ms;
    return ERR_NONE;
}

enum error_code world_finish_cuts(struct world *world, struct sim_volume *const *volumes,
                                  struct cut *const *cuts, size_t count, int64_t instant_ms,
                                  struct error *err)
{
    struct pool_range ranges[SIM_SET_MAX] = {0};
    int64_t ids[SIM_SET_MAX] = {0};
    list_ranges(volumes, cuts, count, ranges, ids);
    if (world->pool != NULL)
        TRY(pool_split(world->pool, ranges, ids, count, err));
    for (size_t i = 0; i < count; i++) {
        TRY(find_changes(world, volumes[i], cuts[i], instant_ms, err));
        world_store_cut(world, cuts[i]);
        if (cuts[i]->parent != NULL)
            world_drop_unused_bytes(world, cuts[i]->parent);
    }
    return ERR_NONE;
}

void world_cut_written(const struct cut *cut, struct block_set *blocks)
{
    for (; cut != NULL; cut = cut->parent)
        block_set_unite(blocks, &cut->changed);
}

static size_t depth(const struct cut *cut)
{
    size_t steps = 0;
    for (; cut != NULL; cut = cut->parent)
        steps++;
    return steps;
}

/* Climbs from both to the cut they have in common, collecting on the way. */
void world_cut_between(const struct cut *left, const struct cut *right, struct block_set *blocks)
{
    size_t left_depth = depth(left);
    size_t right_depth = depth(right);
    while (left != right) {
        const struct cut **lower = left_depth >= right_depth ? &left : &right;
        size_t *lower_depth = left_depth >= right_depth ? &left_depth : &right_depth;
        assert(*lower != NULL); /* the deeper one of two that differ */
        block_set_unite(blocks, &(*lower)->changed);
        *lower = (*lower)->parent;
        (*lower_depth)--;
    }
}

static bool is_used(const struct world *world, const struct cut *cut)
{
    for (size_t i = 0; i < world->snapshot_count; i++) {
        if (world->snapshots[i]->inner->cut == cut && !world->snapshots[i]->inner->gone)
            return true;
    }
    for (size_t i = 0; i < world->volume_count; i++) {
        if (world->volumes[i]->inner->base == cut && !world->volumes[i]->inner->gone)
            return true;
    }
    return false;
}

void world_drop_unused_bytes(struct world *world, struct cut *cut)
{
    if (!cut->has_bytes || is_used(world, cut))
        return;
    pool_drop_cut(world->pool, cut->id);
    cut->has_bytes = false;
}

void world_snapshot_blocks(struct world *world, const struct sim_snapshot *snapshot,
                           struct block_set *blocks)
{
    (void)world;
    world_cut_written(snapshot->inner->cut, blocks);
}

bool world_changed_blocks(struct world *world, const struct sim_snapshot *first,
                          const struct sim_snapshot *second, struct block_set *blocks,
                          struct refusal *refusal)
{
    if (first == NULL) {
        world_snapshot_blocks(world, second, blocks);
        return true;
    }
    if (first->inner->lineage != second->inner->lineage ||
        strcmp(first->key_arn, second->key_arn) != 0) {
        return refuse(refusal, "UNRELATED_SNAPSHOTS",
                      "The specified snapshots do not belong to the same snapshot lineage");
    }
    world_cut_between(first->inner->cut, second->inner->cut, blocks);
    return true;
}

bool world_read_block(struct world *world, const struct sim_snapshot *snapshot, int64_t block,
                      uint8_t buffer[SIM_BLOCK_BYTES], struct refusal *refusal)
{
    const struct cut *cut = snapshot->inner->cut;
    struct error err;
    memset(buffer, 0, (size_t)SIM_BLOCK_BYTES);
    if (cut->has_bytes && pool_read(world->pool, cut->id, block * SIM_BLOCK_BYTES, buffer,
                                    (size_t)SIM_BLOCK_BYTES, &err) != ERR_NONE)
        return refuse(refusal, "InternalError", "%.200s", err.message);
    return true;
}
