#include "core/engine/set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine/attempt.h"
#include "core/engine/collect.h"
#include "core/engine/path.h"
#include "core/engine/poll.h"
#include "core/engine/removal.h"
#include "model/instant.h"

#define CREATE_LIMIT_MS (30 * MS_PER_MINUTE)
/* A run reads only the gaps that it made itself; history was collected before. */
#define GAPS_OF_A_ROUND 2

static void list_ids(const struct engine *engine, const char *ids[CLOUD_SET_MAX])
{
    for (size_t i = 0; i < engine->config->volume_count; i++)
        ids[i] = engine->config->volumes[i];
}

/* The service answers in any order; the set has its own. */
static bool move_to(struct cloud_volumes *volumes, size_t place, const char *id)
{
    for (size_t i = place; i < volumes->count; i++) {
        if (strcmp(volumes->items[i].id, id) != 0)
            continue;
        struct cloud_volume found = volumes->items[i];
        volumes->items[i] = volumes->items[place];
        volumes->items[place] = found;
        return true;
    }
    return false;
}

enum error_code set_volumes(struct engine *engine, struct cloud_volumes *volumes, struct error *err)
{
    const char *ids[CLOUD_SET_MAX];
    list_ids(engine, ids);
    TRY(poll_volumes(engine, engine->source, ids, engine->config->volume_count, volumes, err));
    for (size_t i = 0; i < engine->config->volume_count; i++) {
        if (!move_to(volumes, i, ids[i])) {
            return error_set(err, ERR_CLOUD, "volume '%s' does not exist in %s", ids[i],
                             engine->source->region);
        }
    }
    return ERR_NONE;
}

enum error_code set_intend(struct engine *engine, struct objects *objects, bool *fresh,
                           struct error *err)
{
    const struct config *config = engine->config;
    int round = engine->run.round;
    *fresh = objects_find(objects, OBJECT_SNAPSHOT, round, config->volumes[0]) == NULL;
    int attempt = objects_attempts(objects, OBJECT_SNAPSHOT, round, config->volumes[0]) + 1;
    for (size_t i = 0; i < config->volume_count; i++) {
        const struct object *first =
            objects_find(objects, OBJECT_SNAPSHOT, round, config->volumes[0]);
        if (objects_find(objects, OBJECT_SNAPSHOT, round, config->volumes[i]) != NULL)
            continue;
        struct object wanted = {.kind = OBJECT_SNAPSHOT, .round = round};
        if (first == NULL) {
            (void)snprintf(wanted.token, sizeof(wanted.token), "%s/s%d.%d", engine->run.id, round,
                           attempt);
        } else {
            (void)snprintf(wanted.token, sizeof(wanted.token), "%s", first->token);
        }
        (void)snprintf(wanted.volume_id, sizeof(wanted.volume_id), "%s", config->volumes[i]);
        (void)snprintf(wanted.region, sizeof(wanted.region), "%s", engine->run.source_region);
        TRY(objects_intend(engine, objects, &wanted, err));
    }
    return ERR_NONE;
}

static const char *token_of(const struct engine *engine, const struct objects *objects)
{
    return objects_find(objects, OBJECT_SNAPSHOT, engine->run.round, engine->config->volumes[0])
        ->token;
}

enum error_code set_send(struct engine *engine, const struct objects *objects,
                         const struct cut *cut, struct cloud_set_result *result, struct error *err)
{
    CLEANUP_CLOUD_TAGS struct cloud_tags tags = {0};
    const char *ids[CLOUD_SET_MAX];
    char description[128];
    list_ids(engine, ids);
    TRY(objects_tags(engine, token_of(engine, objects), &tags, err));
    (void)snprintf(description, sizeof(description), "ebshift %s round %d", engine->run.id,
                   engine->run.round);
    struct cloud_set_request request = {
        .instance_id = engine->run.source_instance,
        .volume_ids = ids,
        .volume_count = engine->config->volume_count,
        .description = description,
        .tags = &tags,
        .cut = cut,
    };
    return engine->source->start_snapshot_set(engine->source->self, &request, result, err);
}

static const struct cloud_snapshot *of_volume(const struct cloud_snapshots *snapshots,
                                              const char *volume_id)
{
    for (size_t i = 0; i < snapshots->count; i++) {
        if (strcmp(snapshots->items[i].volume_id, volume_id) == 0)
            return &snapshots->items[i];
    }
    return NULL;
}

enum error_code set_adopt(struct engine *engine, struct objects *objects,
                          const struct cloud_snapshots *snapshots, struct error *err)
{
    for (size_t i = 0; i < engine->config->volume_count; i++) {
        const char *volume_id = engine->config->volumes[i];
        const struct cloud_snapshot *snapshot = of_volume(snapshots, volume_id);
        struct object *object =
            objects_find(objects, OBJECT_SNAPSHOT, engine->run.round, volume_id);
        if (snapshot == NULL) {
            return error_set(err, ERR_CLOUD, "the snapshot set has no member for volume '%s'",
                             volume_id);
        }
        TRY(objects_created(engine, object, snapshot->id, snapshot->started_ms, err));
    }
    return ERR_NONE;
}

/* Adopts the set if its token is visible at the service; *found tells. */
static enum error_code adopt_by_token(struct engine *engine, struct objects *objects, bool *found,
                                      struct error *err)
{
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots seen = {0};
    struct objects_wanted wanted = {
        .token = token_of(engine, objects),
        .count = engine->config->volume_count,
        .since_ms = clock_now_ms(engine->clock),
    };
    TRY(objects_look_up(engine, engine->source, &wanted, &seen, err));
    *found = seen.count > 0;
    return *found ? set_adopt(engine, objects, &seen, err) : ERR_NONE;
}

static bool is_taken(const struct engine *engine, const struct objects *objects)
{
    for (size_t i = 0; i < engine->config->volume_count; i++) {
        const struct object *object =
            objects_find(objects, OBJECT_SNAPSHOT, engine->run.round, engine->config->volumes[i]);
        if (object == NULL || object->state == OBJECT_INTENDED)
            return false;
    }
    return true;
}

enum error_code set_take(struct engine *engine, const struct cut *cut, struct error *err)
{
    CLEANUP_OBJECTS struct objects objects = {0};
    struct cloud_set_result result = {0};
    enum error_code code = ERR_NONE;
    bool fresh = true;
    TRY(objects_load(engine, &objects, err));
    if (is_taken(engine, &objects))
        return ERR_NONE;
    TRY(set_intend(engine, &objects, &fresh, err));

    bool look_up = !fresh;
    struct attempt attempt =
        attempt_begin(engine->clock, engine->log, "take the snapshot", CREATE_LIMIT_MS);
    do {
        bool found = false;
        if (look_up)
            TRY(adopt_by_token(engine, &objects, &found, err));
        if (found)
            return ERR_NONE;
        code = set_send(engine, &objects, cut, &result, err);
        look_up = attempt_unsure(code);
    } while (attempt_again(&attempt, &code, err));
    if (code == ERR_NONE)
        code = set_adopt(engine, &objects, &result.snapshots, err);
    cloud_snapshots_done(&result.snapshots);
    return code;
}

/* An intent of which nobody knows whether it was sent is looked up by its token, with patience. */
static enum error_code retire_intent(struct engine *engine, const struct object *object,
                                     int64_t since_ms, struct error *err)
{
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots seen = {0};
    struct objects_wanted wanted = {
        .token = object->token,
        .count = engine->config->volume_count,
        .since_ms = since_ms,
    };
    TRY(objects_look_up(engine, engine->source, &wanted, &seen, err));
    for (size_t i = 0; i < seen.count; i++)
        TRY(removal_snapshot(engine, engine->source, seen.items[i].id, 0, err));
    return ERR_NONE;
}

enum error_code set_retire(struct engine *engine, int64_t since_ms, struct error *err)
{
    CLEANUP_OBJECTS struct objects objects = {0};
    TRY(objects_load(engine, &objects, err));
    for (size_t i = 0; i < objects.count; i++) {
        struct object *object = &objects.items[i];
        if (object->kind != OBJECT_SNAPSHOT || object->round != engine->run.round ||
            object->state == OBJECT_DELETED)
            continue;
        if (object->id[0] != '\0') {
            TRY(removal_snapshot(engine, engine->source, object->id, object->intended_ms, err));
        } else if (object->state == OBJECT_INTENDED) {
            TRY(retire_intent(engine, object, since_ms, err));
        }
        TRY(objects_move(engine, object, OBJECT_DELETED, err));
    }
    return ERR_NONE;
}

enum error_code set_get_round(struct engine *engine, int number, struct round *round,
                              struct error *err)
{
    struct round *rounds = NULL;
    size_t count = 0;
    TRY(store_get_rounds(engine->store, engine->run.id, &rounds, &count, err));
    enum error_code code =
        error_set(err, ERR_NOT_FOUND, "run '%s' has no round %d", engine->run.id, number);
    for (size_t i = 0; i < count; i++) {
        if (rounds[i].number != number)
            continue;
        *round = rounds[i];
        code = ERR_NONE;
    }
    free(rounds);
    return code;
}

/* The slowest member decides how long a set took; the first start is the set's instant. */
static enum error_code span_of(struct engine *engine, enum object_kind kind, int64_t *started_ms,
                               int64_t *done_ms, struct error *err)
{
    CLEANUP_OBJECTS struct objects objects = {0};
    TRY(objects_load(engine, &objects, err));
    *started_ms = INT64_MAX;
    *done_ms = 0;
    for (size_t i = 0; i < engine->config->volume_count; i++) {
        const struct object *object =
            objects_find(&objects, kind, engine->run.round, engine->config->volumes[i]);
        if (object == NULL)
            return error_set(err, ERR_STATE, "round %d lost an object", engine->run.round);
        if (object->started_ms < *started_ms)
            *started_ms = object->started_ms;
        if (object->done_ms > *done_ms)
            *done_ms = object->done_ms;
    }
    return ERR_NONE;
}

enum error_code set_record_snapshots(struct engine *engine, struct error *err)
{
    struct round round = {0};
    TRY(set_get_round(engine, engine->run.round, &round, err));
    TRY(span_of(engine, OBJECT_SNAPSHOT, &round.started_ms, &round.snapshot_done_ms, err));
    return store_put_round(engine->store, engine->run.id, &round, err);
}

enum error_code set_record_copies(struct engine *engine, struct error *err)
{
    struct round round = {0};
    if (!engine_copies(engine))
        return ERR_NONE;
    TRY(set_get_round(engine, engine->run.round, &round, err));
    int64_t unused_ms = 0;
    TRY(span_of(engine, path_kind(engine->path, 0), &round.copy_started_ms, &unused_ms, err));
    TRY(span_of(engine, OBJECT_COPY, &unused_ms, &round.copy_done_ms, err));
    return store_put_round(engine->store, engine->run.id, &round, err);
}

enum error_code set_collect(struct engine *engine, struct error *err)
{
    struct collect_request request = {
        .source = engine->source,
        .path = engine->path,
        .store = engine->store,
        .clock = engine->clock,
        .log = engine->log,
        .max_gaps = GAPS_OF_A_ROUND,
        .patience_ms = PATIENCE_OF_A_RUN_MS,
    };
    for (size_t i = 0; i < engine->config->volume_count; i++) {
        struct collect_result result;
        TRY(collect_volume(&request, engine->config->volumes[i], &result, err));
    }
    return ERR_NONE;
}
