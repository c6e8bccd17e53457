#include <stdio.h>
#include <string.h>

#include "core/engine/attempt.h"
#include "core/engine/effects.h"
#include "core/engine/keys.h"
#include "core/engine/objects.h"
#include "core/engine/path.h"
#include "core/engine/poll.h"
#include "core/engine/removal.h"
#include "core/engine/set.h"
#include "core/engine/shares.h"
#include "model/instant.h"

#define CALL_LIMIT_MS (15 * MS_PER_MINUTE)

/* Tags of the source travel along, but for those that AWS reserves and our own bookkeeping. */
static enum error_code volume_tags(struct engine *engine, const struct cloud_volume *source,
                                   const char *token, struct cloud_tags *tags, struct error *err)
{
    for (size_t i = 0; i < source->tags.count; i++) {
        const struct cloud_tag *tag = &source->tags.items[i];
        if (strncmp(tag->key, "aws:", 4) != 0 && strncmp(tag->key, "ebshift:", 8) != 0)
            TRY(cloud_tags_set(tags, tag->key, tag->value, err));
    }
    TRY(objects_tags(engine, token, tags, err));
    return cloud_tags_set(tags, TAG_VOLUME, source->id, err);
}

/* The intent of a volume; its token is the client token, so that the call may be repeated at will. */
static enum error_code intend_volume(struct engine *engine, struct objects *objects,
                                     const struct object *from, struct object **volume,
                                     struct error *err)
{
    int round = engine->run.round;
    *volume = objects_find(objects, OBJECT_VOLUME, round, from->volume_id);
    if (*volume != NULL)
        return ERR_NONE;
    struct object wanted = {.kind = OBJECT_VOLUME, .round = round};
    (void)snprintf(wanted.token, sizeof(wanted.token), "%s/v%d.%d/%s", engine->run.id, round,
                   objects_attempts(objects, OBJECT_VOLUME, round, from->volume_id) + 1,
                   from->volume_id + strlen("vol-"));
    (void)snprintf(wanted.volume_id, sizeof(wanted.volume_id), "%s", from->volume_id);
    (void)snprintf(wanted.from_id, sizeof(wanted.from_id), "%s", from->id);
    (void)snprintf(wanted.region, sizeof(wanted.region), "%s", engine->run.target_region);
    TRY(objects_intend(engine, objects, &wanted, err));
    *volume = &objects->items[objects->count - 1];
    return ERR_NONE;
}

static enum error_code create_one(struct engine *engine, struct objects *objects,
                                  const struct cloud_volume *source, struct error *err)
{
    CLEANUP_CLOUD_TAGS struct cloud_tags tags = {0};
    enum object_kind kind = engine_copies(engine) ? OBJECT_COPY : OBJECT_SNAPSHOT;
    const struct object *found = objects_find(objects, kind, engine->run.round, source->id);
    struct object *volume = NULL;
    char id[CLOUD_ID_SIZE] = "";
    if (found == NULL)
        return error_set(err, ERR_NOT_FOUND, "there is no final snapshot of '%s'", source->id);
    struct object from = *found;
    TRY(intend_volume(engine, objects, &from, &volume, err));
    if (volume->state != OBJECT_INTENDED)
        return ERR_NONE;
    TRY(volume_tags(engine, source, volume->token, &tags, err));
    struct cloud_volume_request request = {
        .zone = engine->run.target_zone,
        .snapshot_id = from.id,
        .type = source->type,
        .size_bytes = source->size_bytes,
        .iops = source->iops,
        .throughput_mibs = source->throughput_mibs,
        .encrypted = source->encrypted || engine->run.target_key[0] != '\0',
        .key_id = engine->run.target_key[0] == '\0' ? NULL : engine->run.target_key,
        .client_token = volume->token,
        .tags = &tags,
    };
    enum error_code code = ERR_NONE;
    struct attempt attempt =
        attempt_begin(engine->clock, engine->log, "create a volume", CALL_LIMIT_MS);
    do {
        code = engine->target->create_volume(engine->target->self, &request, id, err);
    } while (attempt_again(&attempt, &code, err));
    TRY(code);
    return objects_created(engine, volume, id, clock_now_ms(engine->clock), err);
}

/* CreateVolume did not find something: if that is the snapshot or copy, which somebody then deleted, it
 * is made anew; anything else is the operator's to mend. */
static enum error_code check_source(struct engine *engine, struct objects *objects,
                                    const char *volume_id, enum machine_event *event,
                                    struct error *err)
{
    bool copies = engine_copies(engine);
    int round = engine->run.round;
    struct object *from =
        objects_find(objects, copies ? OBJECT_COPY : OBJECT_SNAPSHOT, round, volume_id);
    struct object *volume = objects_find(objects, OBJECT_VOLUME, round, volume_id);
    bool gone = from == NULL;
    struct error cause = *err;
    if (from != NULL)
        TRY(poll_is_gone(engine, copies ? engine->target : engine->source, from, &gone, err));
    if (!gone) {
        *err = cause;
        return ERR_NOT_FOUND;
    }
    log_event(engine->log, LOG_WARN, clock_now_ms(engine->clock),
              "somebody deleted what the new volume for '%s' is made from: it is made again",
              volume_id);
    *event = EVENT_LOST;
    if (from != NULL)
        TRY(objects_move(engine, from, OBJECT_LOST, err));
    return volume == NULL ? ERR_NONE : objects_move(engine, volume, OBJECT_LOST, err);
}

enum error_code effect_create_volumes(struct engine *engine, enum machine_event *event,
                                      struct error *err)
{
    CLEANUP_OBJECTS struct objects objects = {0};
    CLEANUP_CLOUD_VOLUMES struct cloud_volumes sources = {0};
    TRY(set_volumes(engine, &sources, err));
    TRY(objects_load(engine, &objects, err));
    for (size_t i = 0; i < sources.count; i++) {
        enum error_code code = create_one(engine, &objects, &sources.items[i], err);
        if (code == ERR_NOT_FOUND)
            return check_source(engine, &objects, sources.items[i].id, event, err);
        TRY(code);
    }
    return ERR_NONE;
}

static const struct cloud_volume *by_id(const struct cloud_volumes *volumes, const char *id)
{
    for (size_t i = 0; i < volumes->count; i++) {
        if (strcmp(volumes->items[i].id, id) == 0)
            return &volumes->items[i];
    }
    return NULL;
}

/* Reads the run's new volumes, in the order of the set, and what the service says of them. */
static enum error_code look(struct engine *engine, struct objects *objects,
                            struct cloud_volumes *seen, struct error *err)
{
    const char *ids[CLOUD_SET_MAX];
    TRY(objects_load(engine, objects, err));
    for (size_t i = 0; i < engine->config->volume_count; i++) {
        const struct object *volume =
            objects_find(objects, OBJECT_VOLUME, engine->run.round, engine->config->volumes[i]);
        if (volume == NULL) {
            return error_set(err, ERR_STATE, "there is no new volume for '%s'",
                             engine->config->volumes[i]);
        }
        ids[i] = volume->id;
    }
    return poll_volumes(engine, engine->target, ids, engine->config->volume_count, seen, err);
}

/* A volume that vanishes while it is created lacks a right on its key: EC2 tells so in no other
 * way. */
static enum error_code vanished(struct engine *engine, const struct object *volume,
                                struct error *err)
{
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots seen = {0};
    const char *id = volume->from_id;
    const struct hop hop = {
        .from = engine->target, .to = engine->target, .key_id = engine->run.target_key};
    TRY(poll_snapshots(engine, engine->target, &id, 1, &seen, err));
    enum error_code code = error_set(
        err, ERR_CLOUD, "volume '%s' made from '%s' failed or vanished: its key is not accessible",
        volume->id, volume->from_id);
    enum error_code blamed =
        keys_blame(engine, &hop, seen.count == 1 ? seen.items[0].key_id : "", true, err);
    return blamed == ERR_NONE ? code : blamed;
}

static enum error_code count_creating(struct engine *engine, size_t *open, struct error *err)
{
    CLEANUP_OBJECTS struct objects objects = {0};
    CLEANUP_CLOUD_VOLUMES struct cloud_volumes seen = {0};
    TRY(look(engine, &objects, &seen, err));
    for (size_t i = 0; i < engine->config->volume_count; i++) {
        struct object *volume =
            objects_find(&objects, OBJECT_VOLUME, engine->run.round, engine->config->volumes[i]);
        const struct cloud_volume *found = by_id(&seen, volume->id);
        bool fresh = clock_now_ms(engine->clock) < volume->intended_ms + VISIBLE_AFTER_MS;
        if (found == NULL ? !fresh : found->state >= CLOUD_VOLUME_DELETING) {
            TRY(objects_move(engine, volume, OBJECT_LOST, err));
            return vanished(engine, volume, err);
        }
        *open += found == NULL || found->state == CLOUD_VOLUME_CREATING;
    }
    return ERR_NONE;
}

/* True if a volume vanished before; whoever goes on has mended the cause. */
static enum error_code is_one_lost(struct engine *engine, bool *lost, struct error *err)
{
    CLEANUP_OBJECTS struct objects objects = {0};
    TRY(objects_load(engine, &objects, err));
    *lost = false;
    for (size_t i = 0; i < engine->config->volume_count; i++)
        *lost |= objects_find(&objects, OBJECT_VOLUME, engine->run.round,
                              engine->config->volumes[i]) == NULL;
    return ERR_NONE;
}

enum error_code effect_await_volumes(struct engine *engine, enum machine_event *event,
                                     struct error *err)
{
    bool lost = false;
    int64_t begun_ms = clock_now_ms(engine->clock);
    TRY(is_one_lost(engine, &lost, err));
    if (lost) {
        *event = EVENT_LOST;
        return ERR_NONE;
    }
    for (;;) {
        size_t open = 0;
        TRY(count_creating(engine, &open, err));
        if (open == 0)
            return ERR_NONE;
        TRY(poll_pause(engine, begun_ms, err));
    }
}

/* ---- attach ---- */

static bool is_taken(const struct cloud_instance *instance, const struct objects *objects,
                     const char *device)
{
    for (size_t i = 0; i < instance->device_count; i++) {
        if (strcmp(instance->devices[i].device, device) == 0)
            return true;
    }
    for (size_t i = 0; i < objects->count; i++) {
        if (objects->items[i].kind == OBJECT_VOLUME && objects->items[i].state <= OBJECT_READY &&
            strcmp(objects->items[i].device, device) == 0)
            return true;
    }
    return false;
}

/* /dev/sdf to /dev/sdp is what EC2 recommends for data volumes; then /dev/sdq on works as well. */
static enum error_code choose_device(const struct cloud_instance *instance,
                                     const struct objects *objects, struct object *volume,
                                     struct error *err)
{
    if (volume->device[0] != '\0')
        return ERR_NONE;
    for (int letter = 'f'; letter <= 'z'; letter++) {
        char device[16];
        (void)snprintf(device, sizeof(device), "/dev/sd%c", letter);
        if (is_taken(instance, objects, device))
            continue;
        (void)snprintf(volume->device, sizeof(volume->device), "%s", device);
        return ERR_NONE;
    }
    return error_set(err, ERR_CLOUD, "instance '%s' has no device name left", instance->id);
}

static enum error_code attach_one(struct engine *engine, const struct object *volume,
                                  struct error *err)
{
    enum error_code code = ERR_NONE;
    struct attempt attempt =
        attempt_begin(engine->clock, engine->log, "attach a volume", CALL_LIMIT_MS);
    do {
        code = engine->target->attach_volume(engine->target->self, volume->id,
                                             engine->run.target_instance, volume->device, err);
    } while (attempt_again(&attempt, &code, err));
    return code;
}

static enum error_code get_target_instance(struct engine *engine, struct cloud_instance *instance,
                                           struct error *err)
{
    enum error_code code = ERR_NONE;
    struct attempt attempt =
        attempt_begin(engine->clock, engine->log, "describe the target instance", CALL_LIMIT_MS);
    do {
        code = engine->target->get_instance(engine->target->self, engine->run.target_instance,
                                            instance, err);
    } while (attempt_again(&attempt, &code, err));
    return code;
}

enum error_code effect_attach(struct engine *engine, enum machine_event *event, struct error *err)
{
    (void)event;
    CLEANUP_OBJECTS struct objects objects = {0};
    struct cloud_instance instance = {0};
    if (engine->run.target_instance[0] == '\0')
        return ERR_NONE;
    TRY(get_target_instance(engine, &instance, err));
    TRY(objects_load(engine, &objects, err));
    for (size_t i = 0; i < engine->config->volume_count; i++) {
        struct object *volume =
            objects_find(&objects, OBJECT_VOLUME, engine->run.round, engine->config->volumes[i]);
        if (volume->state == OBJECT_READY)
            continue;
        TRY(choose_device(&instance, &objects, volume, err));
        TRY(store_save_object(engine->store, volume, err));
        TRY(attach_one(engine, volume, err));
    }
    return ERR_NONE;
}

static enum error_code count_attaching(struct engine *engine, size_t *open, struct error *err)
{
    CLEANUP_OBJECTS struct objects objects = {0};
    CLEANUP_CLOUD_VOLUMES struct cloud_volumes seen = {0};
    bool attach = engine->run.target_instance[0] != '\0';
    TRY(look(engine, &objects, &seen, err));
    for (size_t i = 0; i < engine->config->volume_count; i++) {
        struct object *volume =
            objects_find(&objects, OBJECT_VOLUME, engine->run.round, engine->config->volumes[i]);
        const struct cloud_volume *found = by_id(&seen, volume->id);
        if (attach && (found == NULL || found->attachment != CLOUD_ATTACHED)) {
            (*open)++;
            continue;
        }
        volume->done_ms = clock_now_ms(engine->clock);
        TRY(objects_move(engine, volume, OBJECT_READY, err));
    }
    return ERR_NONE;
}

enum error_code effect_await_attach(struct engine *engine, enum machine_event *event,
                                    struct error *err)
{
    (void)event;
    int64_t begun_ms = clock_now_ms(engine->clock);
    for (;;) {
        size_t open = 0;
        TRY(count_attaching(engine, &open, err));
        if (open == 0)
            return ERR_NONE;
        if (clock_now_ms(engine->clock) > begun_ms + CALL_LIMIT_MS) {
            return error_set(err, ERR_TIMEOUT, "the new volumes did not get attached to '%s'",
                             engine->run.target_instance);
        }
        TRY(poll_pause(engine, begun_ms, err));
    }
}

/* The service is the operator's from here on; learning from the final round must not delay it. */
enum error_code effect_hand_over(struct engine *engine, enum machine_event *event,
                                 struct error *err)
{
    struct error late = {0};
    if (engine->run.up_ms == 0) {
        /* Written at once: what follows may be killed and must not prolong the downtime. */
        engine->run.up_ms = clock_now_ms(engine->clock);
        TRY(store_save_run(engine->store, &engine->run, engine->run.up_ms, err));
    }
    if (shares_take_back(engine, true, &late) != ERR_NONE ||
        keys_take_back(engine, &late) != ERR_NONE)
        log_event(engine->log, LOG_WARN, clock_now_ms(engine->clock), "%s", late.message);
    if (effect_learn(engine, event, &late) != ERR_NONE)
        log_event(engine->log, LOG_WARN, clock_now_ms(engine->clock), "%s", late.message);
    removal_lost(engine);
    return ERR_NONE;
}
