#include <stdio.h>
#include <string.h>

#include "tests/sim/world_inner.h"

/* Daily ones at half past three, when the usual batch is over. */
#define DAILY_MIN 210
/* The last one must have completed before the present. */
#define SETTLED_MS (6 * MS_PER_HOUR)

/* The volumes that have a past; borrowed. */
struct past {
    struct sim_volume *volumes[NATURE_VOLUMES_MAX];
    size_t count;
};

static struct sim_volume *make_volume(struct world *world, const struct nature_volume *nature,
                                      int64_t origin_ms)
{
    struct caller caller = {"111122223333", "us-east-1", ""};
    struct volume_request request = {
        .zone = "us-east-1a",
        .size_gib = nature->size_gib,
        .type = "gp3",
        .iops = 12000,
        .throughput_mib_per_s = 500,
    };
    struct sim_volume *volume;
    struct refusal refusal;
    if (!world_create_volume(world, &caller, &request, &volume, &refusal))
        return NULL;
    tags_set(&volume->tags, "role", "postgresql");
    volume->created_ms = origin_ms;
    volume->available_ms = origin_ms + 4000;
    volume->inner->ghost_blocks = nature->written_blocks;
    volume->inner->ghost_origin_ms = origin_ms;
    volume->inner->ghost_until_ms = origin_ms;
    return volume;
}

/* Attached since it was made; the device itself appears when the world is open. */
static void attach_volume(struct world *world, struct sim_volume *volume, size_t index)
{
    struct world_names names;
    world_names(world, &names);
    volume->attachment = ATTACHMENT_ATTACHED;
    volume->attach_ms = volume->created_ms + 60 * MS_PER_SECOND;
    world_text(volume->instance_id, sizeof(volume->instance_id), names.instance);
    (void)snprintf(volume->device, sizeof(volume->device), "/dev/sd%c", "fgh"[index]);
}

static bool make_volumes(struct world *world, int64_t origin_ms, struct past *past)
{
    static const char *const names[NATURE_VOLUMES_MAX] = {"orders-db-data", "orders-db-wal",
                                                          "orders-db-space"};
    const struct nature *nature = &world->nature;
    for (size_t i = 0; i < nature->volume_count; i++) {
        const struct nature_volume *kind = &nature->volumes[i];
        struct sim_volume *volume = make_volume(world, kind, origin_ms);
        if (volume == NULL)
            return false;
        uint64_t seed = dice_hash(world->seed, 31 + i);
        volume->inner->ghost = ghost_new(seed, kind->written_blocks, origin_ms, &kind->habits);
        tags_set(&volume->tags, "Name", names[i]);
        attach_volume(world, volume, i);
        past->volumes[past->count++] = volume;
    }
    return true;
}

static struct cut *cut_past(struct world *world, struct sim_volume *volume, int64_t at_ms)
{
    struct volume_inner *inner = volume->inner;
    struct cut *cut = world_add_cut(world, inner->base, volume->size_gib * GIB);
    if (cut->parent == NULL) {
        block_set_add_range(&cut->changed, 0, inner->ghost_blocks - 1);
    } else {
        ghost_changes(inner->ghost, inner->ghost_until_ms, at_ms, &cut->changed);
    }
    inner->ghost_until_ms = at_ms;
    inner->base = cut;
    inner->base_id = cut->id;
    world_store_cut(world, cut);
    return cut;
}

/* One snapshot of all volumes in the past. Their bytes were never written, so there is no cut of
 * bytes: the pool's file of the newest one is made when the first real snapshot is taken. */
static void take_past_snapshot(struct world *world, struct past *past, int64_t at_ms,
                               const char *name)
{
    struct cut *cuts[NATURE_VOLUMES_MAX];
    struct sim_snapshot *snapshots[NATURE_VOLUMES_MAX];
    world->now_ms = at_ms;
    for (size_t i = 0; i < past->count; i++)
        cuts[i] = cut_past(world, past->volumes[i], at_ms);
    world_record_set(world, past->volumes, cuts, snapshots, past->count);
    world_time_set(world, past->volumes, snapshots, past->count);
    for (size_t i = 0; i < past->count; i++) {
        tags_set(&snapshots[i]->tags, "Name", name);
        (void)snprintf(snapshots[i]->description, sizeof(snapshots[i]->description), "%s of %s",
                       name, past->volumes[i]->id);
    }
}

/* On a maintenance day somebody took snapshots ever closer to the hour of work. */
static void take_maintenance_series(struct world *world, struct past *past, int64_t day_ms,
                                    int64_t now_ms)
{
    static const int minutes_of_day[] = {600, 840, 960, 1020, 1050};
    for (size_t i = 0; i < sizeof(minutes_of_day) / sizeof(minutes_of_day[0]); i++) {
        int64_t at_ms = day_ms + minutes_of_day[i] * MS_PER_MINUTE + 12345;
        if (at_ms + SETTLED_MS <= now_ms)
            take_past_snapshot(world, past, at_ms, "maintenance");
    }
}

static bool is_maintenance_day(const struct world *world, int64_t day)
{
    return world->nature.maintained && day % 14 == 9;
}

/* The scheduled ones of a day, and by hand those of a maintenance day. False in the present. */
static bool take_day(struct world *world, struct past *past, int64_t day, int64_t day_ms,
                     int64_t now_ms)
{
    int64_t per_day = MS_PER_DAY / MS_PER_MINUTE / world->nature.every_min;
    for (int64_t i = 0; i < per_day; i++) {
        int64_t at_ms = day_ms + (DAILY_MIN + i * world->nature.every_min) * MS_PER_MINUTE;
        if (at_ms + SETTLED_MS > now_ms)
            return false;
        struct dice dice = {dice_hash(world->seed ^ 32, (uint64_t)(day * per_day + i))};
        int64_t late_ms = (int64_t)(dice_uniform(&dice) * 8 * (double)MS_PER_MINUTE);
        take_past_snapshot(world, past, at_ms + late_ms, per_day == 1 ? "daily" : "scheduled");
    }
    if (is_maintenance_day(world, day))
        take_maintenance_series(world, past, day_ms, now_ms);
    return true;
}

void world_make_history(struct world *world)
{
    int64_t now_ms = world->now_ms;
    int64_t days = world->nature.history_days;
    int64_t first_day_ms = (now_ms / MS_PER_DAY - days) * MS_PER_DAY;
    struct past past = {0};
    world->now_ms = first_day_ms;
    bool made = make_volumes(world, first_day_ms, &past);
    for (int64_t day = 0; made && day <= days; day++) {
        int64_t day_ms = first_day_ms + day * MS_PER_DAY;
        if (!take_day(world, &past, day, day_ms, now_ms))
            break;
    }
    world->now_ms = now_ms;
}
