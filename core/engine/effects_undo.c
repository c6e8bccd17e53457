#include <string.h>

#include "core/engine/attempt.h"
#include "core/engine/effects.h"
#include "core/engine/objects.h"
#include "core/engine/poll.h"
#include "core/engine/removal.h"
#include "model/instant.h"

#define CALL_LIMIT_MS (15 * MS_PER_MINUTE)

/* Writers first: service matters more than tidiness. */
static enum error_code lift_fence(struct engine *engine, struct error *err)
{
    CLEANUP_STRBUF struct strbuf record = {.max_bytes = 1 << 20};
    enum error_code code =
        store_get_text(engine->store, engine->run.id, "unfence.sql", &record, err);
    if (code == ERR_NOT_FOUND)
        return ERR_NONE;
    TRY(code);
    if (record.length == 0) /* taken down again when it failed */
        return ERR_NONE;
    if (engine->quiesce == NULL) {
        return error_set(err, ERR_CONFIG,
                         "the fence is up: set postgres.data_directory to lift it");
    }
    TRY(engine->quiesce->unfence(engine->quiesce->self, strbuf_text(&record), err));
    log_event(engine->log, LOG_INFO, clock_now_ms(engine->clock), "writers are let in again");
    return ERR_NONE;
}

/* An intent without an id may have come true unseen: it is looked up before it is forgotten. A
 * volume can be found the same way, by its tag. */
static enum error_code list_tagged(struct engine *engine, const char *token,
                                   struct cloud_volumes *seen, struct error *err)
{
    struct cloud_volume_filter filter = {.tag_key = TAG_OP, .tag_value = token};
    enum error_code code = ERR_NONE;
    struct attempt attempt =
        attempt_begin(engine->clock, engine->log, "look up a volume by its tag", CALL_LIMIT_MS);
    do {
        cloud_volumes_done(seen);
        code = engine->target->list_volumes(engine->target->self, &filter, seen, err);
    } while (attempt_again(&attempt, &code, err));
    return code;
}

static enum error_code find_volume(struct engine *engine, const char *token, int64_t since_ms,
                                   struct cloud_volumes *seen, struct error *err)
{
    for (;;) {
        TRY(list_tagged(engine, token, seen, err));
        if (seen->count > 0 || clock_now_ms(engine->clock) >= since_ms + VISIBLE_AFTER_MS)
            return ERR_NONE;
        TRY(poll_pause(engine, since_ms, err));
    }
}

static enum error_code remove_volumes_of(struct engine *engine, const struct object *object,
                                         int64_t since_ms, struct error *err)
{
    CLEANUP_CLOUD_VOLUMES struct cloud_volumes seen = {0};
    if (object->id[0] != '\0')
        return removal_volume(engine, object->id, object->started_ms, err);
    TRY(find_volume(engine, object->token, since_ms, &seen, err));
    for (size_t i = 0; i < seen.count; i++)
        TRY(removal_volume(engine, seen.items[i].id, 0, err));
    return ERR_NONE;
}

static enum error_code remove_snapshots_of(struct engine *engine, const struct object *object,
                                           int64_t since_ms, struct error *err)
{
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots seen = {0};
    const struct cloud *cloud = object->kind == OBJECT_COPY ? engine->target : engine->source;
    if (object->id[0] != '\0')
        return removal_snapshot(engine, cloud, object->id, object->started_ms, err);
    struct objects_wanted wanted = {
        .token = object->token,
        .count = object->kind == OBJECT_COPY ? 1 : engine->config->volume_count,
        .since_ms = since_ms,
    };
    TRY(objects_look_up(engine, cloud, &wanted, &seen, err));
    for (size_t i = 0; i < seen.count; i++)
        TRY(removal_snapshot(engine, cloud, seen.items[i].id, 0, err));
    return ERR_NONE;
}

static enum error_code remove_object(struct engine *engine, struct object *object, int64_t since_ms,
                                     struct error *err)
{
    bool volume = object->kind == OBJECT_VOLUME;
    if (object->state == OBJECT_DELETED || (engine->keep_snapshots && !volume))
        return ERR_NONE;
    if (volume) {
        TRY(remove_volumes_of(engine, object, since_ms, err));
    } else {
        TRY(remove_snapshots_of(engine, object, since_ms, err));
    }
    return objects_move(engine, object, OBJECT_DELETED, err);
}

enum error_code effect_undo(struct engine *engine, enum machine_event *event, struct error *err)
{
    (void)event;
    CLEANUP_OBJECTS struct objects objects = {0};
    TRY(lift_fence(engine, err));
    /* The last call of the run may be seconds old, whenever it was intended; patience is shared. */
    int64_t since_ms = clock_now_ms(engine->clock);
    TRY(objects_load(engine, &objects, err));
    for (size_t i = objects.count; i-- > 0;)
        TRY(remove_object(engine, &objects.items[i], since_ms, err));
    return ERR_NONE;
}
