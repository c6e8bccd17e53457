#include <string.h>

#include "model/instant.h"
#include "tests/sim/world_inner.h"

/* What AWS allows of each, so that the next one is refused. */
#define SNAPSHOT_LIMIT 5
#define COPY_LIMIT     20
#define COPIES_LAST_MS (10 * MS_PER_MINUTE)

static bool is_own(const struct caller *caller, const struct sim_snapshot *snapshot)
{
    return !snapshot->inner->gone && !snapshot->inner->doomed &&
           strcmp(snapshot->account, caller->account) == 0;
}

/* The account's newest snapshot, or copy, in whatever region; NULL if it has none. */
static struct sim_snapshot *newest(const struct world *world, const struct caller *caller,
                                   bool copy, bool completed)
{
    for (size_t i = world->snapshot_count; i-- > 0;) {
        struct sim_snapshot *snapshot = world->snapshots[i];
        bool done = !snapshot->fails && snapshot->ends_ms <= world->now_ms;
        if (is_own(caller, snapshot) && snapshot->is_copy == copy && (done || !completed))
            return snapshot;
    }
    return NULL;
}

static struct sim_volume *victim(const struct world *world, const struct caller *caller)
{
    const struct sim_snapshot *last = newest(world, caller, false, false);
    for (size_t i = 0; i < world->volume_count; i++) {
        struct sim_volume *volume = world->volumes[i];
        bool boot = volume->delete_on_termination;
        if (volume->inner->gone || boot || world->now_ms < volume->available_ms ||
            strcmp(volume->account, caller->account) != 0)
            continue;
        if (last == NULL || strcmp(last->volume_id, volume->id) == 0)
            return volume;
    }
    return NULL;
}

static void take_snapshots(struct world *world, const struct caller *caller, size_t count)
{
    struct sim_volume *volume = victim(world, caller);
    for (size_t i = 0; volume != NULL && i < count; i++) {
        struct sim_snapshot *snapshot = world_snap_unasked(world, volume);
        if (snapshot != NULL)
            tags_set(&snapshot->tags, "dlm:managed", "true");
    }
}

/* Of a lineage that nobody else copies. */
static void take_copies(struct world *world, const struct caller *caller)
{
    const struct sim_snapshot *of = newest(world, caller, false, true);
    for (size_t i = 0; of != NULL && i < COPY_LIMIT; i++) {
        struct sim_snapshot *copy = world_add_snapshot(world);
        copy->is_copy = true;
        copy->ends_ms = world->now_ms + COPIES_LAST_MS;
        copy->volume_size_gib = of->volume_size_gib;
        copy->inner->cut = of->inner->cut;
        copy->inner->cut_id = of->inner->cut_id;
        world_text(copy->volume_id, sizeof(copy->volume_id), "vol-ffffffff");
        world_text(copy->account, sizeof(copy->account), caller->account);
        world_text(copy->region, sizeof(copy->region), caller->region);
        tags_set(&copy->tags, "dlm:managed", "true");
    }
}

void world_somebody_acts(struct world *world, const struct caller *caller)
{
    uint32_t struck = world->struck;
    world->struck = 0; /* what somebody else makes is made well */
    if (struck & FAULT_BIT(FAULT_FOREIGN_SNAPSHOT))
        take_snapshots(world, caller, 1);
    if (struck & FAULT_BIT(FAULT_FOREIGN_PENDING))
        take_snapshots(world, caller, SNAPSHOT_LIMIT);
    if (struck & FAULT_BIT(FAULT_FOREIGN_COPIES))
        take_copies(world, caller);
    struct sim_snapshot *base = newest(world, caller, false, true);
    if ((struck & FAULT_BIT(FAULT_BASE_DELETED)) && base != NULL)
        world_forget_snapshot(world, base);
    struct sim_snapshot *copy = newest(world, caller, true, true);
    if ((struck & FAULT_BIT(FAULT_COPY_PRUNED)) && copy != NULL)
        world_forget_snapshot(world, copy);
    world->struck = struck;
}
