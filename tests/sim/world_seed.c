#include <stdio.h>
#include <string.h>

#include "tests/sim/world_inner.h"

#define HISTORY_DAYS 60
#define VOLUME_GIB   2252
/* All of 2.2 TiB but a tail that was never written. */
#define GHOST_BLOCKS INT64_C(4196000)
/* Daily at half past three, when the batch is over. */
#define DAILY_MIN 210
/* The last one must have completed before the present. */
#define SETTLED_MS (6 * MS_PER_HOUR)

static struct sim_volume *make_volume(struct world *world, int64_t origin_ms)
{
    struct caller caller = {"111122223333", "us-east-1", ""};
    struct volume_request request = {
        .zone = "us-east-1a",
        .size_gib = VOLUME_GIB,
        .type = "gp3",
        .iops = 12000,
        .throughput_mib_per_s = 500,
    };
    struct sim_volume *volume;
    struct refusal refusal;
    if (!world_create_volume(world, &caller, &request, &volume, &refusal))
        return NULL;
    tags_set(&volume->tags, "Name", "orders-db-data");
    tags_set(&volume->tags, "role", "postgresql");
    volume->created_ms = origin_ms;
    volume->available_ms = origin_ms + 4000;
    volume->inner->ghost_blocks = GHOST_BLOCKS;
    volume->inner->ghost_origin_ms = origin_ms;
    volume->inner->ghost_until_ms = origin_ms;
    volume->inner->ghost = ghost_new(dice_hash(world->seed, 31), GHOST_BLOCKS, origin_ms);
    return volume;
}

/* Attached since it was made; the device itself appears when the world is open. */
static void attach_volume(struct world *world, struct sim_volume *volume, int64_t origin_ms)
{
    struct world_names names;
    world_names(world, &names);
    volume->attachment = ATTACHMENT_ATTACHED;
    volume->attach_ms = origin_ms + 60 * MS_PER_SECOND;
    world_text(volume->instance_id, sizeof(volume->instance_id), names.instance);
    world_text(volume->device, sizeof(volume->device), "/dev/sdf");
}

/* One snapshot of the past. The bytes of the past were never written, so there is no cut of bytes:
 * the pool's file of the newest one is made when the first real snapshot is taken. */
static void take_past_snapshot(struct world *world, struct sim_volume *volume, int64_t at_ms,
                               const char *name)
{
    struct volume_inner *inner = volume->inner;
    struct cut *cut = world_add_cut(world, inner->base, volume->size_gib * GIB);
    struct sim_snapshot *snapshot;
    world->now_ms = at_ms;
    if (cut->parent == NULL) {
        block_set_add_range(&cut->changed, 0, GHOST_BLOCKS - 1);
    } else {
        ghost_changes(inner->ghost, inner->ghost_until_ms, at_ms, &cut->changed);
    }
    inner->ghost_until_ms = at_ms;
    inner->base = cut;
    inner->base_id = cut->id;
    world_store_cut(world, cut);
    world_record_set(world, &volume, &cut, &snapshot, 1);
    world_time_set(world, &volume, &snapshot, 1);
    tags_set(&snapshot->tags, "Name", name);
    (void)snprintf(snapshot->description, sizeof(snapshot->description), "%s of %s", name,
                   volume->id);
}

/* On a maintenance day somebody took snapshots ever closer to the hour of work. */
static void take_maintenance_series(struct world *world, struct sim_volume *volume, int64_t day_ms)
{
    static const int minutes_of_day[] = {600, 840, 960, 1020, 1050};
    for (size_t i = 0; i < sizeof(minutes_of_day) / sizeof(minutes_of_day[0]); i++) {
        take_past_snapshot(world, volume, day_ms + minutes_of_day[i] * MS_PER_MINUTE + 12345,
                           "maintenance");
    }
}

static bool is_maintenance_day(int64_t day)
{
    return day % 14 == 9;
}

void world_make_history(struct world *world)
{
    int64_t now_ms = world->now_ms;
    int64_t first_day_ms = (now_ms / MS_PER_DAY - HISTORY_DAYS) * MS_PER_DAY;
    world->now_ms = first_day_ms;
    struct sim_volume *volume = make_volume(world, first_day_ms);
    if (volume == NULL)
        return;
    attach_volume(world, volume, first_day_ms);
    for (int64_t day = 0; day <= HISTORY_DAYS; day++) {
        int64_t day_ms = first_day_ms + day * MS_PER_DAY;
        if (day_ms + DAILY_MIN * MS_PER_MINUTE + SETTLED_MS > now_ms)
            break;
        struct dice dice = {dice_hash(world->seed ^ 32, (uint64_t)day)};
        int64_t late_ms = (int64_t)(dice_uniform(&dice) * 8 * (double)MS_PER_MINUTE);
        take_past_snapshot(world, volume, day_ms + DAILY_MIN * MS_PER_MINUTE + late_ms, "daily");
        if (is_maintenance_day(day))
            take_maintenance_series(world, volume, day_ms);
    }
    world->now_ms = now_ms;
}
