#include <inttypes.h>
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
#include "model/timed_copy.h"

/* Longest time a refused call is tried again: full quotas empty slowly. */
#define CALL_LIMIT_MS (30 * MS_PER_MINUTE)

enum error_code effect_snapshot(struct engine *engine, enum machine_event *event, struct error *err)
{
    (void)event;
    return set_take(engine, NULL, err);
}

/* The member of `snapshots` with an id, NULL if it is not there. */
static const struct cloud_snapshot *by_id(const struct cloud_snapshots *snapshots, const char *id)
{
    for (size_t i = 0; i < snapshots->count; i++) {
        if (strcmp(snapshots->items[i].id, id) == 0)
            return &snapshots->items[i];
    }
    return NULL;
}

/* What a look at the objects of a round found. */
struct sighting {
    size_t open;        /* still pending */
    bool lost;          /* at least one failed at the service */
    struct error worst; /* how, if one failed just now; an earlier process may have told it */
};

/* Takes over what the service says of one object. */
static enum error_code observe(struct engine *engine, struct object *object,
                               const struct cloud_snapshot *seen, struct sighting *sighting,
                               struct error *err)
{
    static const struct cloud_snapshot gone = {
        .state = CLOUD_SNAPSHOT_ERROR, .state_message = "the service does not know it any more"};
    int64_t now_ms = clock_now_ms(engine->clock);
    if (object->state == OBJECT_READY)
        return ERR_NONE;
    if (seen == NULL ? now_ms < object->intended_ms + VISIBLE_AFTER_MS
                     : seen->state == CLOUD_SNAPSHOT_PENDING) {
        sighting->open++;
        return ERR_NONE;
    }
    if (seen == NULL)
        seen = &gone;
    if (seen->state == CLOUD_SNAPSHOT_COMPLETED) {
        object->done_ms = seen->completed_ms > 0 ? seen->completed_ms : now_ms;
        return objects_move(engine, object, OBJECT_READY, err);
    }
    sighting->lost = true;
    (void)error_set(&sighting->worst, ERR_CLOUD, "%s '%s' of volume '%s' failed: %.100s",
                    object->kind == OBJECT_SNAPSHOT ? "snapshot" : "copy", object->id,
                    object->volume_id,
                    seen->state_message[0] == '\0' ? "no reason given" : seen->state_message);
    log_event(engine->log, LOG_WARN, now_ms, "%s", sighting->worst.message);
    return objects_move(engine, object, OBJECT_LOST, err);
}

/* One look at all objects of a kind in the present round, in one call. One that is missing was lost
 * by an earlier process, which died before it could say so. */
static enum error_code look(struct engine *engine, const struct cloud *cloud, enum object_kind kind,
                            struct sighting *sighting, struct error *err)
{
    CLEANUP_OBJECTS struct objects objects = {0};
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots seen = {0};
    const char *ids[CLOUD_SET_MAX];
    struct object *awaited[CLOUD_SET_MAX];
    size_t count = 0;
    TRY(objects_load(engine, &objects, err));
    for (size_t i = 0; i < engine->config->volume_count; i++) {
        struct object *object =
            objects_find(&objects, kind, engine->run.round, engine->config->volumes[i]);
        if (object == NULL) {
            sighting->lost = true;
            continue;
        }
        awaited[count] = object;
        ids[count++] = object->id;
    }
    if (count > 0)
        TRY(poll_snapshots(engine, cloud, ids, count, &seen, err));
    for (size_t i = 0; i < count; i++)
        TRY(observe(engine, awaited[i], by_id(&seen, awaited[i]->id), sighting, err));
    return ERR_NONE;
}

/* Polls until every object of the kind is ready, or one is lost. Objects that are never seen are
 * missing once the time of eventual consistency is over. */
static enum error_code await(struct engine *engine, const struct cloud *cloud,
                             enum object_kind kind, struct sighting *sighting, struct error *err)
{
    int64_t begun_ms = clock_now_ms(engine->clock);
    for (;;) {
        *sighting = (struct sighting){0};
        TRY(look(engine, cloud, kind, sighting, err));
        if (sighting->lost || sighting->open == 0)
            return ERR_NONE;
        TRY(poll_pause(engine, begun_ms, err));
    }
}

/* What failed just now is taken again, unless that was tried often enough: then the cause is one
 * that only the operator can mend. */
static enum error_code take_again(struct engine *engine, enum object_kind kind,
                                  const struct sighting *sighting, enum machine_event *event,
                                  struct error *err)
{
    CLEANUP_OBJECTS struct objects objects = {0};
    TRY(objects_load(engine, &objects, err));
    *event = EVENT_LOST;
    for (size_t i = 0; i < engine->config->volume_count; i++) {
        int failures = objects_failures(&objects, kind, engine->config->volumes[i]);
        if (sighting->worst.code != ERR_NONE && failures > 0 && failures % FAILURES_MAX == 0) {
            return error_set(err, ERR_CLOUD, "%s (%d times in a row)", sighting->worst.message,
                             failures);
        }
    }
    return ERR_NONE;
}

enum error_code effect_await_snapshot(struct engine *engine, enum machine_event *event,
                                      struct error *err)
{
    struct sighting sighting = {0};
    TRY(await(engine, engine->source, OBJECT_SNAPSHOT, &sighting, err));
    if (!sighting.lost)
        return set_record_snapshots(engine, err);
    TRY(set_retire(engine, clock_now_ms(engine->clock), err));
    return take_again(engine, OBJECT_SNAPSHOT, &sighting, event, err);
}

/* ---- copies: hop by hop ---- */

/* The first hop that still lacks a copy, the last one if none does. */
static size_t present_hop(const struct engine *engine, const struct objects *objects)
{
    const struct path *path = engine->path;
    for (size_t hop = 0; hop + 1 < path->count; hop++) {
        for (size_t i = 0; i < engine->config->volume_count; i++) {
            const struct object *copy = objects_find(objects, path_kind(path, hop),
                                                     engine->run.round, engine->config->volumes[i]);
            if (copy == NULL || copy->state != OBJECT_READY)
                return hop;
        }
    }
    return path->count - 1;
}

/* Sends one copy, or finds that it was sent before. */
static enum error_code send_copy(struct engine *engine, const struct cloud *cloud,
                                 struct object *copy, const struct cloud_copy_request *request,
                                 bool look_up_first, struct error *err)
{
    char id[CLOUD_ID_SIZE] = "";
    bool look_up = look_up_first;
    enum error_code code = ERR_NONE;
    struct attempt attempt =
        attempt_begin(engine->clock, engine->log, "copy a snapshot", CALL_LIMIT_MS);
    do {
        if (look_up) {
            CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots found = {0};
            struct objects_wanted wanted = {
                .token = copy->token,
                .count = 1,
                .since_ms = clock_now_ms(engine->clock),
            };
            TRY(objects_look_up(engine, cloud, &wanted, &found, err));
            if (found.count > 0) {
                return objects_created(engine, copy, found.items[0].id, found.items[0].started_ms,
                                       err);
            }
        }
        code = cloud->copy_snapshot(cloud->self, request, id, err);
        look_up = attempt_unsure(code);
    } while (attempt_again(&attempt, &code, err));
    TRY(code);
    return objects_created(engine, copy, id, clock_now_ms(engine->clock), err);
}

/* The tags of a copy say what it stands for, because its own volume id is meaningless. */
static enum error_code copy_tags(struct engine *engine, const char *volume_id, const char *token,
                                 struct cloud_tags *tags, struct error *err)
{
    CLEANUP_OBJECTS struct objects objects = {0};
    char instant[INSTANT_TEXT_SIZE];
    TRY(objects_load(engine, &objects, err));
    const struct object *snapshot =
        objects_find(&objects, OBJECT_SNAPSHOT, engine->run.round, volume_id);
    if (snapshot == NULL) {
        return error_set(err, ERR_STATE, "round %d has no snapshot of volume '%s'",
                         engine->run.round, volume_id);
    }
    TRY(objects_tags(engine, token, tags, err));
    TRY(cloud_tags_set(tags, TAG_VOLUME, volume_id, err));
    return cloud_tags_set(tags, TAG_INSTANT, instant_text(snapshot->started_ms, instant), err);
}

/* The intent of a copy; its letter and hop make the token of each hop its own. */
static enum error_code intend_copy(struct engine *engine, struct objects *objects, size_t hop,
                                   const struct object *from, struct object **copy,
                                   struct error *err)
{
    const struct path *path = engine->path;
    int round = engine->run.round;
    struct object wanted = {.kind = path_kind(path, hop), .round = round};
    char letter[8] = "c";
    if (wanted.kind != OBJECT_COPY)
        (void)snprintf(letter, sizeof(letter), "r%zu-", hop + 1);
    (void)snprintf(wanted.token, sizeof(wanted.token), "%s/%s%d.%d/%s", engine->run.id, letter,
                   round, objects_attempts(objects, wanted.kind, round, from->volume_id) + 1,
                   from->volume_id + strlen("vol-"));
    (void)snprintf(wanted.volume_id, sizeof(wanted.volume_id), "%s", from->volume_id);
    (void)snprintf(wanted.from_id, sizeof(wanted.from_id), "%s", from->id);
    (void)snprintf(wanted.region, sizeof(wanted.region), "%s", path->hops[hop].to->region);
    TRY(objects_intend(engine, objects, &wanted, err));
    *copy = &objects->items[objects->count - 1];
    return ERR_NONE;
}

/* The key that a snapshot or copy lies under, "" if it is not encrypted. */
static enum error_code key_of(struct engine *engine, const struct cloud *cloud, const char *id,
                              char key_id[CLOUD_KEY_SIZE], struct error *err)
{
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots seen = {0};
    TRY(poll_snapshots(engine, cloud, &id, 1, &seen, err));
    key_id[0] = '\0';
    if (seen.count == 1)
        (void)snprintf(key_id, CLOUD_KEY_SIZE, "%s", seen.items[0].key_id);
    return ERR_NONE;
}

/* The minutes to ask for, 0 for a standard copy. One in time takes up to what was asked for, also where
 * a standard one would be quicker and is cheaper: it is asked for where that is foretold to take longer. */
static enum error_code copy_duration(struct engine *engine, const struct cloud *cloud,
                                     const char *id, int *minutes, struct error *err)
{
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots seen = {0};
    struct round round = {0};
    int64_t limit_ms = engine->config->copy_duration_ms;
    int hops = (int)engine->path->count;
    *minutes = 0;
    if (limit_ms == 0)
        return ERR_NONE;
    TRY(set_get_round(engine, engine->run.round, &round, err));
    if (round.full)
        TRY(poll_snapshots(engine, cloud, &id, 1, &seen, err));
    double bytes = seen.count == 1 ? (double)seen.items[0].full_bytes : round.delta_bytes[1];
    if (round.copy_s[1] >= timed_copy_longest_s(limit_ms, hops, bytes) - 1)
        *minutes = (int)(timed_copy_ms(limit_ms, bytes) / MS_PER_MINUTE);
    return ERR_NONE;
}

/* What the other account needs to copy: the snapshot, and its key. */
static enum error_code lend(struct engine *engine, const struct hop *hop, const char *id,
                            struct error *err)
{
    char key_id[CLOUD_KEY_SIZE];
    TRY(key_of(engine, hop->from, id, key_id, err));
    if (key_id[0] != '\0')
        TRY(keys_lend(engine, hop, key_id, err));
    return shares_lend(engine, hop, id, err);
}

static enum error_code copy_one(struct engine *engine, struct objects *objects, size_t number,
                                const char *volume_id, bool encrypted, struct error *err)
{
    const struct path *path = engine->path;
    const struct hop *hop = &path->hops[number];
    int round = engine->run.round;
    const struct object *found =
        objects_find(objects, path_source_kind(path, number), round, volume_id);
    struct object *copy = objects_find(objects, path_kind(path, number), round, volume_id);
    bool intended = copy != NULL;
    if (copy != NULL && copy->state != OBJECT_INTENDED)
        return ERR_NONE;
    if (found == NULL) {
        return error_set(err, ERR_NOT_FOUND, "round %d has nothing to copy of volume '%s'", round,
                         volume_id);
    }
    struct object from = *found;
    if (copy == NULL)
        TRY(intend_copy(engine, objects, number, &from, &copy, err));
    if (hop->crosses)
        TRY(lend(engine, hop, from.id, err));
    CLEANUP_CLOUD_TAGS struct cloud_tags tags = {0};
    char description[128];
    (void)snprintf(description, sizeof(description), "ebshift %s round %d of %s", engine->run.id,
                   round, volume_id);
    TRY(copy_tags(engine, volume_id, copy->token, &tags, err));
    struct cloud_copy_request request = {
        .source_region = hop->from->region,
        .source_snapshot_id = from.id,
        .description = description,
        .encrypted = encrypted,
        .key_id = encrypted ? hop->key_id : NULL,
        .tags = &tags,
    };
    TRY(copy_duration(engine, hop->from, from.id, &request.duration_min, err));
    return send_copy(engine, hop->to, copy, &request, intended, err);
}

/* Whether the set is encrypted is asked of its volumes: the key must then be named, or the copy
 * would fall under a key that can never be shared. */
static enum error_code check_keys(struct engine *engine, size_t hop, bool encrypted[CLOUD_SET_MAX],
                                  struct error *err)
{
    CLEANUP_CLOUD_VOLUMES struct cloud_volumes volumes = {0};
    const struct path *path = engine->path;
    TRY(set_volumes(engine, &volumes, err));
    for (size_t i = 0; i < volumes.count; i++) {
        encrypted[i] = path_encrypts(path, hop, volumes.items[i].encrypted);
        if (encrypted[i] && path->hops[hop].key_id[0] == '\0') {
            return error_set(err, ERR_CONFIG,
                             "the copy of volume '%s' in %s will be encrypted: set %s",
                             volumes.items[i].id, path->hops[hop].to->region,
                             hop + 1 == path->count ? "target.kms_key_id" : "via.kms_key_id");
        }
    }
    return ERR_NONE;
}

static enum error_code copy_all(struct engine *engine, struct objects *objects, size_t hop,
                                struct error *err)
{
    bool encrypted[CLOUD_SET_MAX] = {false};
    TRY(check_keys(engine, hop, encrypted, err));
    for (size_t i = 0; i < engine->config->volume_count; i++)
        TRY(copy_one(engine, objects, hop, engine->config->volumes[i], encrypted[i], err));
    return ERR_NONE;
}

/* Whether something of a kind that the round needs now is there no more; if so, *id names it. */
static enum error_code find_gone(struct engine *engine, const struct objects *objects,
                                 enum object_kind kind, const char **id, struct error *err)
{
    const struct cloud *cloud = path_cloud(engine->path, kind, engine->source, engine->target);
    *id = NULL;
    for (size_t i = 0; *id == NULL && i < engine->config->volume_count; i++) {
        const char *volume_id = engine->config->volumes[i];
        const struct object *object = objects_find(objects, kind, engine->run.round, volume_id);
        bool gone = object == NULL;
        if (object != NULL)
            TRY(poll_is_gone(engine, cloud, object, &gone, err));
        if (gone)
            *id = object == NULL ? volume_id : object->id;
    }
    return ERR_NONE;
}

/* Somebody deleted a snapshot before it was used. The set is of one instant, so none of it, and nothing
 * made from it, is worth anything to the next one. */
static enum error_code give_up_set(struct engine *engine, struct objects *objects, const char *id,
                                   struct error *err)
{
    log_event(engine->log, LOG_WARN, clock_now_ms(engine->clock),
              "somebody deleted the snapshot '%s' of round %d: the set is taken again", id,
              engine->run.round);
    TRY(objects_give_up(engine, objects, OBJECT_VOLUME, err));
    for (size_t hop = engine->path->count; hop > 0; hop--)
        TRY(objects_give_up(engine, objects, path_kind(engine->path, hop - 1), err));
    return objects_give_up(engine, objects, OBJECT_SNAPSHOT, err);
}

enum error_code effect_copy(struct engine *engine, enum machine_event *event, struct error *err)
{
    CLEANUP_OBJECTS struct objects objects = {0};
    const char *gone = NULL;
    enum error_code code = ERR_NOT_FOUND;
    enum object_kind needed = OBJECT_SNAPSHOT;
    TRY(objects_load(engine, &objects, err));
    if (engine_copies(engine)) {
        size_t hop = present_hop(engine, &objects);
        needed = path_source_kind(engine->path, hop);
        code = copy_all(engine, &objects, hop, err);
    }
    if (code != ERR_NOT_FOUND)
        return code;
    struct error cause = *err;
    TRY(find_gone(engine, &objects, needed, &gone, err));
    if (gone == NULL) {
        *err = cause;
        return engine_copies(engine) ? code : ERR_NONE;
    }
    *event = EVENT_LOST;
    return give_up_set(engine, &objects, gone, err);
}

/* A key may be the cause of a failed copy, and then nothing but the operator helps. */
static enum error_code blame_keys(struct engine *engine, size_t hop,
                                  const struct sighting *sighting, struct error *err)
{
    CLEANUP_OBJECTS struct objects objects = {0};
    char key_id[CLOUD_KEY_SIZE];
    bool again = false;
    TRY(objects_load(engine, &objects, err));
    const struct object *from = objects_find(&objects, path_source_kind(engine->path, hop),
                                             engine->run.round, engine->config->volumes[0]);
    if (sighting->worst.code == ERR_NONE || from == NULL)
        return ERR_NONE;
    for (size_t i = 0; i < engine->config->volume_count; i++)
        again |= objects_failures(&objects, path_kind(engine->path, hop),
                                  engine->config->volumes[i]) > 1;
    TRY(key_of(engine, engine->path->hops[hop].from, from->id, key_id, err));
    *err = sighting->worst;
    return keys_blame(engine, &engine->path->hops[hop], key_id, again, err);
}

enum error_code effect_await_copy(struct engine *engine, enum machine_event *event,
                                  struct error *err)
{
    CLEANUP_OBJECTS struct objects objects = {0};
    struct sighting sighting = {0};
    if (!engine_copies(engine))
        return ERR_NONE;
    TRY(objects_load(engine, &objects, err));
    size_t hop = present_hop(engine, &objects);
    enum object_kind kind = path_kind(engine->path, hop);
    TRY(await(engine, engine->path->hops[hop].to, kind, &sighting, err));
    if (!sighting.lost && hop + 1 < engine->path->count) {
        *event = EVENT_HOP;
        return ERR_NONE;
    }
    if (!sighting.lost)
        return set_record_copies(engine, err);
    TRY(blame_keys(engine, hop, &sighting, err));
    return take_again(engine, kind, &sighting, event, err);
}
