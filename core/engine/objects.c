#include "core/engine/objects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine/listing.h"
#include "model/instant.h"

#define LOOK_UP_EVERY_MS (5 * MS_PER_SECOND)

void objects_done(struct objects *objects)
{
    free(objects->items);
    *objects = (struct objects){0};
}

enum error_code objects_load(struct engine *engine, struct objects *objects, struct error *err)
{
    return store_get_objects(engine->store, engine->run.id, &objects->items, &objects->count, err);
}

static bool is_of(const struct object *object, enum object_kind kind, int round,
                  const char *volume_id)
{
    return object->kind == kind && object->round == round &&
           strcmp(object->volume_id, volume_id) == 0;
}

struct object *objects_find(const struct objects *objects, enum object_kind kind, int round,
                            const char *volume_id)
{
    for (size_t i = 0; i < objects->count; i++) {
        struct object *object = &objects->items[i];
        if (is_of(object, kind, round, volume_id) && object->state <= OBJECT_READY)
            return object;
    }
    return NULL;
}

int objects_attempts(const struct objects *objects, enum object_kind kind, int round,
                     const char *volume_id)
{
    int attempts = 0;
    for (size_t i = 0; i < objects->count; i++)
        attempts += is_of(&objects->items[i], kind, round, volume_id);
    return attempts;
}

int objects_failures(const struct objects *objects, enum object_kind kind, const char *volume_id)
{
    int failures = 0;
    for (size_t i = 0; i < objects->count; i++) {
        const struct object *object = &objects->items[i];
        if (object->kind != kind || strcmp(object->volume_id, volume_id) != 0)
            continue;
        if (object->state == OBJECT_READY)
            failures = 0;
        failures += object->state > OBJECT_READY && object->id[0] != '\0';
    }
    return failures;
}

enum error_code objects_intend(struct engine *engine, struct objects *objects,
                               const struct object *wanted, struct error *err)
{
    struct object *items =
        reallocarray(objects->items, objects->count + 1, sizeof(*objects->items));
    if (items == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu objects", objects->count + 1);
    objects->items = items;
    items[objects->count] = *wanted;
    items[objects->count].state = OBJECT_INTENDED;
    items[objects->count].intended_ms = clock_now_ms(engine->clock);
    TRY(store_add_object(engine->store, engine->run.id, &items[objects->count], err));
    objects->count++;
    return ERR_NONE;
}

enum error_code objects_created(struct engine *engine, struct object *object, const char *id,
                                int64_t started_ms, struct error *err)
{
    (void)snprintf(object->id, sizeof(object->id), "%s", id);
    object->started_ms = started_ms;
    object->intended_ms = clock_now_ms(engine->clock);
    return objects_move(engine, object, OBJECT_CREATED, err);
}

enum error_code objects_move(struct engine *engine, struct object *object, enum object_state state,
                             struct error *err)
{
    object->state = state;
    return store_save_object(engine->store, object, err);
}

enum error_code objects_give_up(struct engine *engine, struct objects *objects,
                                enum object_kind kind, struct error *err)
{
    for (size_t i = 0; i < objects->count; i++) {
        struct object *object = &objects->items[i];
        if (object->kind == kind && object->round == engine->run.round &&
            object->state <= OBJECT_READY)
            TRY(objects_move(engine, object, OBJECT_LOST, err));
    }
    return ERR_NONE;
}

enum error_code objects_tags(const struct engine *engine, const char *token,
                             struct cloud_tags *tags, struct error *err)
{
    TRY(cloud_tags_set(tags, TAG_RUN, engine->run.id, err));
    return cloud_tags_set(tags, TAG_OP, token, err);
}

enum error_code objects_look_up(struct engine *engine, const struct cloud *cloud,
                                const struct objects_wanted *wanted, struct cloud_snapshots *found,
                                struct error *err)
{
    struct cloud_snapshot_filter filter = {.tag_key = TAG_OP, .tag_value = wanted->token};
    struct listing listing = {
        .cloud = cloud,
        .clock = engine->clock,
        .log = engine->log,
        .what = "look up a snapshot by its tag",
        .patience_ms = 10 * MS_PER_MINUTE,
    };
    for (;;) {
        TRY(listing_snapshots(&listing, &filter, found, err));
        int64_t now_ms = clock_now_ms(engine->clock);
        if (found->count >= wanted->count || now_ms >= wanted->since_ms + VISIBLE_AFTER_MS)
            return ERR_NONE;
        TRY(clock_sleep_until(engine->clock, now_ms + LOOK_UP_EVERY_MS, err));
    }
}
