#include "core/engine/canary.h"

#include <stdio.h>
#include <string.h>

#include "core/engine/attempt.h"
#include "core/engine/effects.h"
#include "core/engine/objects.h"
#include "core/engine/poll.h"
#include "core/engine/removal.h"
#include "model/instant.h"

#define CALL_LIMIT_MS (5 * MS_PER_MINUTE)
#define MADE_LIMIT_MS (15 * MS_PER_MINUTE)

/* The volume itself belongs to no round; the rest is of round 1. */
#define NO_ROUND 0

/* The config of the canary: the one of the move, with another set. */
static void name_volume(struct config *config, const char *volume_id)
{
    config->volume_count = volume_id[0] == '\0' ? 0 : 1;
    (void)snprintf(config->volumes[0], sizeof(config->volumes[0]), "%s", volume_id);
}

static enum error_code intend(struct engine *engine, struct object *volume, struct error *err)
{
    *volume = (struct object){
        .kind = OBJECT_VOLUME,
        .state = OBJECT_INTENDED,
        .round = NO_ROUND,
        .intended_ms = clock_now_ms(engine->clock),
    };
    (void)snprintf(volume->token, sizeof(volume->token), "%s/canary", engine->run.id);
    (void)snprintf(volume->region, sizeof(volume->region), "%s", engine->source->region);
    return store_add_object(engine->store, engine->run.id, volume, err);
}

static enum error_code create(struct engine *engine, const struct cloud_volume *like,
                              struct object *volume, struct error *err)
{
    CLEANUP_CLOUD_TAGS struct cloud_tags tags = {0};
    const struct cloud *source = engine->source;
    char id[CLOUD_ID_SIZE] = "";
    TRY(objects_tags(engine, volume->token, &tags, err));
    const struct cloud_volume_request request = {
        .zone = like->zone,
        .type = "gp3", /* comes as small as this */
        .size_bytes = CANARY_BYTES,
        .encrypted = like->encrypted,
        .key_id = like->encrypted ? like->key_id : NULL,
        .client_token = volume->token,
        .tags = &tags,
    };
    enum error_code code = ERR_NONE;
    struct attempt attempt =
        attempt_begin(engine->clock, engine->log, "create the canary's volume", CALL_LIMIT_MS);
    do {
        code = source->create_volume(source->self, &request, id, err);
    } while (attempt_again(&attempt, &code, err));
    TRY(code);
    return objects_created(engine, volume, id, clock_now_ms(engine->clock), err);
}

static enum error_code await_created(struct engine *engine, const char *volume_id,
                                     struct error *err)
{
    int64_t begun_ms = clock_now_ms(engine->clock);
    for (;;) {
        CLEANUP_CLOUD_VOLUMES struct cloud_volumes seen = {0};
        int64_t waited_ms = clock_now_ms(engine->clock) - begun_ms;
        TRY(poll_volumes(engine, engine->source, &volume_id, 1, &seen, err));
        if (seen.count == 1 && seen.items[0].state == CLOUD_VOLUME_AVAILABLE)
            return ERR_NONE;
        if (seen.count == 0 ? waited_ms > VISIBLE_AFTER_MS
                            : seen.items[0].state >= CLOUD_VOLUME_DELETING) {
            return error_set(err, ERR_CLOUD,
                             "the canary's volume '%s' failed or vanished: may its key be used?",
                             volume_id);
        }
        if (waited_ms > MADE_LIMIT_MS)
            return error_set(err, ERR_TIMEOUT, "volume '%s' stays in creation", volume_id);
        TRY(poll_pause(engine, begun_ms, err));
    }
}

/* Runs the machine to a state; *took_ms is how long that was. */
static enum error_code go_to(struct engine *engine, enum machine_state state, int64_t *took_ms,
                             struct error *err)
{
    int64_t begun_ms = clock_now_ms(engine->clock);
    TRY(engine_run_to(engine, state, err));
    *took_ms = clock_now_ms(engine->clock) - begun_ms;
    return ERR_NONE;
}

static enum error_code send(struct engine *engine, const struct cloud_volume *like,
                            struct config *config, struct canary_times *times, struct error *err)
{
    const struct round round = {.number = 1, .final = true, .actual_delta_bytes = -1};
    struct object volume;
    int64_t begun_ms = clock_now_ms(engine->clock);
    TRY(intend(engine, &volume, err));
    TRY(create(engine, like, &volume, err));
    name_volume(config, volume.id);
    TRY(await_created(engine, volume.id, err));
    times->create_ms = clock_now_ms(engine->clock) - begun_ms;
    TRY(store_put_round(engine->store, engine->run.id, &round, err));
    TRY(go_to(engine, STATE_FINAL_COPY, &times->snapshot_ms, err));
    TRY(go_to(engine, STATE_VOLUMES, &times->copy_ms, err));
    return go_to(engine, STATE_ATTACH, &times->volume_ms, err);
}

enum error_code canary_send(struct engine *engine, const struct cloud_volume *like,
                            struct canary_times *times, struct error *err)
{
    struct config config = *engine->config;
    const struct config *of_move = engine->config;
    struct error late = {0};
    *times = (struct canary_times){-1, -1, -1, -1, -1};
    engine->run.state = STATE_CUT;
    engine->run.round = 1;
    TRY(store_add_run(engine->store, &engine->run, err));
    name_volume(&config, "");
    engine->config = &config;
    enum error_code code = send(engine, like, &config, times, err);
    int64_t begun_ms = clock_now_ms(engine->clock);
    enum error_code removed = code == ERR_INTERRUPTED ? code : canary_remove(engine, &late);
    times->remove_ms = clock_now_ms(engine->clock) - begun_ms;
    engine->config = of_move;
    if (code == ERR_NONE && removed != ERR_NONE)
        *err = late;
    if (code == ERR_NONE || removed == ERR_NONE || code == ERR_INTERRUPTED)
        return code == ERR_NONE ? removed : code;
    struct error why = *err;
    return error_set(err, code, "%.240s; and what it made is still there: %.110s", why.message,
                     late.message);
}

static struct object *find_volume(const struct objects *objects)
{
    for (size_t i = 0; i < objects->count; i++) {
        if (objects->items[i].kind == OBJECT_VOLUME && objects->items[i].round == NO_ROUND)
            return &objects->items[i];
    }
    return NULL;
}

/* The source volume first, while it is known that it is there and not at the target. */
static enum error_code remove_all(struct engine *engine, struct config *config, struct error *err)
{
    CLEANUP_OBJECTS struct objects objects = {0};
    struct engine at_source = *engine;
    enum machine_event event = EVENT_OK;
    TRY(objects_load(engine, &objects, err));
    struct object *volume = find_volume(&objects);
    at_source.target = engine->source;
    name_volume(config, volume == NULL ? "" : volume->id);
    if (volume != NULL)
        TRY(removal_object(&at_source, volume, clock_now_ms(engine->clock), err));
    return effect_undo(engine, &event, err);
}

enum error_code canary_remove(struct engine *engine, struct error *err)
{
    struct config config = *engine->config;
    const struct config *of_move = engine->config;
    engine->run.state = STATE_ABORTING;
    TRY(store_save_run(engine->store, &engine->run, clock_now_ms(engine->clock), err));
    engine->config = &config;
    enum error_code code = remove_all(engine, &config, err);
    engine->config = of_move;
    TRY(code);
    engine->run.state = STATE_ABORTED;
    engine->run.finished_ms = clock_now_ms(engine->clock);
    return store_save_run(engine->store, &engine->run, engine->run.finished_ms, err);
}
