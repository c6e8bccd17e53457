#include "core/engine/poll.h"

#include <stdlib.h>

#include "core/engine/attempt.h"
#include "core/engine/objects.h"
#include "model/instant.h"

#define DESCRIBE_LIMIT_MS (30 * MS_PER_MINUTE)

static enum error_code describe_one_by_one(struct engine *engine, const struct cloud *cloud,
                                           const char *const *ids, size_t count,
                                           struct cloud_snapshots *seen, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots one = {0};
        TRY(poll_snapshots(engine, cloud, &ids[i], 1, &one, err));
        if (one.count == 0)
            continue;
        struct cloud_snapshot *items =
            reallocarray(seen->items, seen->count + 1, sizeof(*seen->items));
        if (items == NULL)
            return error_set(err, ERR_NO_MEMORY, "cannot hold %zu snapshots", seen->count + 1);
        seen->items = items;
        items[seen->count++] = one.items[0];
        one.items[0].tags = (struct cloud_tags){0};
    }
    return ERR_NONE;
}

/* EC2 refuses the whole question if it does not know one of the ids, so that one is left out. */
enum error_code poll_snapshots(struct engine *engine, const struct cloud *cloud,
                               const char *const *ids, size_t count, struct cloud_snapshots *seen,
                               struct error *err)
{
    struct cloud_snapshot_filter filter = {.ids = ids, .id_count = count};
    struct attempt attempt =
        attempt_begin(engine->clock, engine->log, "describe snapshots", DESCRIBE_LIMIT_MS);
    enum error_code code = ERR_NONE;
    do {
        cloud_snapshots_done(seen);
        code = cloud->list_snapshots(cloud->self, &filter, seen, err);
        if (code == ERR_NOT_FOUND && count > 1)
            return describe_one_by_one(engine, cloud, ids, count, seen, err);
        if (code == ERR_NOT_FOUND)
            return ERR_NONE;
    } while (attempt_again(&attempt, &code, err));
    return code;
}

enum error_code poll_is_gone(struct engine *engine, const struct cloud *cloud,
                             const struct object *object, bool *gone, struct error *err)
{
    int64_t begun_ms = clock_now_ms(engine->clock);
    const char *id = object->id;
    for (;;) {
        CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots seen = {0};
        TRY(poll_snapshots(engine, cloud, &id, 1, &seen, err));
        *gone = seen.count == 0;
        if (!*gone || clock_now_ms(engine->clock) >= object->intended_ms + VISIBLE_AFTER_MS)
            return ERR_NONE;
        TRY(poll_pause(engine, begun_ms, err));
    }
}

static enum error_code describe_volumes_singly(struct engine *engine, const struct cloud *cloud,
                                               const char *const *ids, size_t count,
                                               struct cloud_volumes *seen, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP_CLOUD_VOLUMES struct cloud_volumes one = {0};
        TRY(poll_volumes(engine, cloud, &ids[i], 1, &one, err));
        if (one.count == 0)
            continue;
        struct cloud_volume *items =
            reallocarray(seen->items, seen->count + 1, sizeof(*seen->items));
        if (items == NULL)
            return error_set(err, ERR_NO_MEMORY, "cannot hold %zu volumes", seen->count + 1);
        seen->items = items;
        items[seen->count++] = one.items[0];
        one.items[0].tags = (struct cloud_tags){0};
    }
    return ERR_NONE;
}

enum error_code poll_volumes(struct engine *engine, const struct cloud *cloud,
                             const char *const *ids, size_t count, struct cloud_volumes *seen,
                             struct error *err)
{
    struct cloud_volume_filter filter = {.ids = ids, .id_count = count};
    struct attempt attempt =
        attempt_begin(engine->clock, engine->log, "describe volumes", DESCRIBE_LIMIT_MS);
    enum error_code code = ERR_NONE;
    do {
        cloud_volumes_done(seen);
        code = cloud->list_volumes(cloud->self, &filter, seen, err);
        if (code == ERR_NOT_FOUND && count > 1)
            return describe_volumes_singly(engine, cloud, ids, count, seen, err);
        if (code == ERR_NOT_FOUND)
            return ERR_NONE;
    } while (attempt_again(&attempt, &code, err));
    return code;
}

enum error_code poll_pause(struct engine *engine, int64_t begun_ms, struct error *err)
{
    int64_t now_ms = clock_now_ms(engine->clock);
    bool down = machine_phase(engine->run.state) == PHASE_DOWN;
    int64_t least_ms = (down ? 2 : 5) * MS_PER_SECOND;
    int64_t pause_ms = (now_ms - begun_ms) / 20;
    if (pause_ms < least_ms)
        pause_ms = least_ms;
    if (pause_ms > MS_PER_MINUTE)
        pause_ms = MS_PER_MINUTE;
    /* While the service is down nothing is to be learned of its writers. */
    struct counting counting = engine_counting(engine);
    if (down)
        counting.counter = NULL;
    return counting_sleep_until(&counting, now_ms + pause_ms, err);
}
