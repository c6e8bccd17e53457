#include "core/engine/shares.h"

#include "core/engine/attempt.h"
#include "core/engine/objects.h"
#include "core/engine/poll.h"
#include "model/instant.h"

#define CALL_LIMIT_MS (15 * MS_PER_MINUTE)

static enum error_code change(struct engine *engine, const struct cloud *owner,
                              const char *snapshot_id, bool share, struct error *err)
{
    enum error_code code = ERR_NONE;
    struct attempt attempt =
        attempt_begin(engine->clock, engine->log, share ? "share a snapshot" : "take back a share",
                      CALL_LIMIT_MS);
    do {
        code =
            owner->share_snapshot(owner->self, snapshot_id, engine->path->account_id, share, err);
    } while (attempt_again(&attempt, &code, err));
    return code;
}

enum error_code shares_lend(struct engine *engine, const struct hop *hop, const char *snapshot_id,
                            struct error *err)
{
    int64_t begun_ms = clock_now_ms(engine->clock);
    TRY(change(engine, hop->from, snapshot_id, true, err));
    for (;;) {
        CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots seen = {0};
        TRY(poll_snapshots(engine, hop->to, &snapshot_id, 1, &seen, err));
        if (seen.count > 0)
            return ERR_NONE;
        if (clock_now_ms(engine->clock) > begun_ms + VISIBLE_AFTER_MS) {
            return error_set(err, ERR_TIMEOUT, "account '%s' does not see the shared snapshot '%s'",
                             engine->path->account_id, snapshot_id);
        }
        TRY(poll_pause(engine, begun_ms, err));
    }
}

static enum error_code take_hop_back(struct engine *engine, const struct objects *objects,
                                     size_t hop, bool all, struct error *err)
{
    const struct path *path = engine->path;
    for (size_t i = 0; i < objects->count; i++) {
        const struct object *copy = &objects->items[i];
        if (copy->kind != path_kind(path, hop) || (!all && copy->round != engine->run.round))
            continue;
        enum error_code code = change(engine, path->hops[hop].from, copy->from_id, false, err);
        if (code == ERR_NOT_FOUND)
            *err = (struct error){0};
        else
            TRY(code);
    }
    return ERR_NONE;
}

enum error_code shares_take_back(struct engine *engine, bool all, struct error *err)
{
    CLEANUP_OBJECTS struct objects objects = {0};
    TRY(objects_load(engine, &objects, err));
    for (size_t i = 0; i < engine->path->count; i++) {
        if (engine->path->hops[i].crosses)
            TRY(take_hop_back(engine, &objects, i, all, err));
    }
    return ERR_NONE;
}
