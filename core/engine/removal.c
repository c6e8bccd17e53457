#include "core/engine/removal.h"

#include <string.h>

#include "core/engine/attempt.h"
#include "core/engine/objects.h"
#include "core/engine/path.h"
#include "core/engine/poll.h"
#include "model/instant.h"

#define CALL_LIMIT_MS (15 * MS_PER_MINUTE)

typedef enum error_code remove_function(void *self, const char *id, struct error *err);

static enum error_code ask(struct engine *engine, const struct cloud *cloud,
                           remove_function *remove, const char *what, const char *id,
                           struct error *err)
{
    enum error_code code = ERR_NONE;
    struct attempt attempt = attempt_begin(engine->clock, engine->log, what, CALL_LIMIT_MS);
    do {
        code = remove(cloud->self, id, err);
    } while (attempt_again(&attempt, &code, err));
    return code;
}

static bool may_appear(const struct engine *engine, int64_t made_ms)
{
    return clock_now_ms(engine->clock) < made_ms + VISIBLE_AFTER_MS;
}

enum error_code removal_snapshot(struct engine *engine, const struct cloud *cloud, const char *id,
                                 int64_t made_ms, struct error *err)
{
    int64_t begun_ms = clock_now_ms(engine->clock);
    for (;;) {
        enum error_code code =
            ask(engine, cloud, cloud->delete_snapshot, "delete a snapshot", id, err);
        if (code != ERR_NOT_FOUND)
            return code;
        if (!may_appear(engine, made_ms)) {
            *err = (struct error){0};
            return ERR_NONE;
        }
        TRY(poll_pause(engine, begun_ms, err));
    }
}

/* Whether the volume is where it has to be before the next call. */
typedef bool settled_function(const struct cloud_volume *volume);

static bool is_made(const struct cloud_volume *volume)
{
    return volume->state != CLOUD_VOLUME_CREATING;
}

static bool is_detached(const struct cloud_volume *volume)
{
    return volume->attachment == CLOUD_DETACHED;
}

/* Waits for a volume; *attachment is how it was seen last, *gone that there is none. */
static enum error_code await(struct engine *engine, const char *id, int64_t made_ms,
                             settled_function *settled, enum cloud_attachment_state *attachment,
                             bool *gone, struct error *err)
{
    int64_t begun_ms = clock_now_ms(engine->clock);
    for (;;) {
        CLEANUP_CLOUD_VOLUMES struct cloud_volumes seen = {0};
        TRY(poll_volumes(engine, engine->target, &id, 1, &seen, err));
        *gone = seen.count == 0 ? !may_appear(engine, made_ms)
                                : seen.items[0].state == CLOUD_VOLUME_DELETED ||
                                      seen.items[0].state == CLOUD_VOLUME_DELETING;
        if (*gone || (seen.count > 0 && settled(&seen.items[0]))) {
            *attachment = *gone ? CLOUD_DETACHED : seen.items[0].attachment;
            return ERR_NONE;
        }
        if (clock_now_ms(engine->clock) > begun_ms + CALL_LIMIT_MS) {
            return error_set(err, ERR_TIMEOUT, "volume '%s' stays %s", id,
                             settled == is_made ? "in creation" : "attached: is it mounted?");
        }
        TRY(poll_pause(engine, begun_ms, err));
    }
}

static bool is_leaving(const struct cloud_volume *volume)
{
    return volume->attachment == CLOUD_DETACHED || volume->attachment == CLOUD_DETACHING;
}

/* The answer to an earlier try may have been lost, and the volume be on its way. */
static enum error_code forgive_refusal(struct engine *engine, const char *id, enum error_code code,
                                       struct error *err)
{
    CLEANUP_CLOUD_VOLUMES struct cloud_volumes seen = {0};
    struct error refusal = *err;
    if (code != ERR_STATE)
        return code;
    TRY(poll_volumes(engine, engine->target, &id, 1, &seen, err));
    if (seen.count == 0 || is_leaving(&seen.items[0]))
        return ERR_NONE;
    *err = refusal;
    return code;
}

/* Detaches unless an earlier process asked for that, and waits until it is true. */
static enum error_code detach(struct engine *engine, const char *id,
                              enum cloud_attachment_state attachment, bool *gone, struct error *err)
{
    enum error_code code = ERR_NONE;
    if (attachment != CLOUD_DETACHING)
        code =
            ask(engine, engine->target, engine->target->detach_volume, "detach a volume", id, err);
    *gone = code == ERR_NOT_FOUND;
    if (*gone)
        return ERR_NONE;
    TRY(forgive_refusal(engine, id, code, err));
    return await(engine, id, 0, is_detached, &attachment, gone, err);
}

/* After waiting for its creation to end. */
static enum error_code remove_volume(struct engine *engine, const char *id, int64_t made_ms,
                                     struct error *err)
{
    enum cloud_attachment_state attachment = CLOUD_DETACHED;
    bool gone = false;
    TRY(await(engine, id, made_ms, is_made, &attachment, &gone, err));
    if (attachment != CLOUD_DETACHED)
        TRY(detach(engine, id, attachment, &gone, err));
    enum error_code code = gone ? ERR_NOT_FOUND
                                : ask(engine, engine->target, engine->target->delete_volume,
                                      "delete a volume", id, err);
    if (code != ERR_NOT_FOUND)
        return code;
    *err = (struct error){0};
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
        return remove_volume(engine, object->id, object->intended_ms, err);
    TRY(find_volume(engine, object->token, since_ms, &seen, err));
    for (size_t i = 0; i < seen.count; i++)
        TRY(remove_volume(engine, seen.items[i].id, 0, err));
    return ERR_NONE;
}

static enum error_code remove_snapshots_of(struct engine *engine, const struct object *object,
                                           int64_t since_ms, struct error *err)
{
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots seen = {0};
    const struct cloud *cloud =
        path_cloud(engine->path, object->kind, engine->source, engine->target);
    if (object->id[0] != '\0')
        return removal_snapshot(engine, cloud, object->id, object->intended_ms, err);
    struct objects_wanted wanted = {
        .token = object->token,
        .count = object->kind == OBJECT_SNAPSHOT ? engine->config->volume_count : 1,
        .since_ms = since_ms,
    };
    TRY(objects_look_up(engine, cloud, &wanted, &seen, err));
    for (size_t i = 0; i < seen.count; i++)
        TRY(removal_snapshot(engine, cloud, seen.items[i].id, 0, err));
    return ERR_NONE;
}

enum error_code removal_object(struct engine *engine, struct object *object, int64_t since_ms,
                               struct error *err)
{
    if (object->state == OBJECT_DELETED)
        return ERR_NONE;
    if (object->kind == OBJECT_VOLUME) {
        TRY(remove_volumes_of(engine, object, since_ms, err));
    } else {
        TRY(remove_snapshots_of(engine, object, since_ms, err));
    }
    return objects_move(engine, object, OBJECT_DELETED, err);
}

void removal_lost(struct engine *engine)
{
    CLEANUP_OBJECTS struct objects objects = {0};
    struct error late = {0};
    int64_t since_ms = clock_now_ms(engine->clock);
    if (objects_load(engine, &objects, &late) != ERR_NONE)
        return;
    for (size_t i = 0; i < objects.count; i++) {
        if (objects.items[i].state == OBJECT_LOST &&
            removal_object(engine, &objects.items[i], since_ms, &late) != ERR_NONE)
            log_event(engine->log, LOG_WARN, clock_now_ms(engine->clock), "%s", late.message);
    }
}
