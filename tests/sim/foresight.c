#include "tests/sim/foresight.h"

#include <assert.h>

#include "tests/sim/world_inner.h"

double foresee_changes(const struct sim_volume *volume, int64_t from_ms, int64_t to_ms)
{
    return (double)SIM_BLOCK_BYTES * ghost_mean_changes(volume->inner->ghost, from_ms, to_ms);
}

double foresee_full(const struct sim_volume *volume)
{
    return (double)(volume->inner->ghost_blocks * SIM_BLOCK_BYTES);
}

int64_t foresee_base_ms(const struct sim_volume *volume)
{
    return volume->inner->ghost_until_ms;
}

static struct transfer_law law_of(struct world *world, struct transfer transfer)
{
    assert(world->nature.pace.luck_ms > 0);
    transfer.pace = &world->nature.pace;
    return physics_transfer_law(&transfer, world_luck(world, transfer.path_key, transfer.start_ms));
}

struct transfer_law foresee_snapshot(struct world *world, const struct sim_volume *volume,
                                     int64_t begin_ms)
{
    struct transfer transfer = {
        .path_key = world_snapshot_path(world, volume),
        .start_ms = begin_ms,
    };
    return law_of(world, transfer);
}

struct transfer_law foresee_copy(struct world *world, const struct sim_volume *volume,
                                 const struct caller *there, int64_t begin_ms)
{
    struct transfer transfer = {
        .path_key = world_copy_path(world, there, volume->inner->lineage),
        .start_ms = begin_ms,
        .is_copy = true,
    };
    return law_of(world, transfer);
}
