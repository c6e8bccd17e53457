#include "core/engine/engine.h"

#include <stdio.h>
#include <string.h>

#include "core/engine/effects.h"
#include "core/engine/lease.h"
#include "core/engine/path.h"

/* What the first process of a run records, before anything is made. */
#define TEXT_SET      "volumes"
#define TEXT_DATABASE "data_directory"

struct counting engine_counting(const struct engine *engine)
{
    return (struct counting){
        .counter = engine->counter,
        .config = engine->config,
        .store = engine->store,
        .clock = engine->clock,
        .log = engine->log,
    };
}

bool engine_copies(const struct engine *engine)
{
    return engine->path->count > 0;
}

static effect_function *const effects[] = {
    [EFFECT_PLAN] = effect_plan,
    [EFFECT_WAIT_ROUND] = effect_wait,
    [EFFECT_SNAPSHOT] = effect_snapshot,
    [EFFECT_AWAIT_SNAPSHOT] = effect_await_snapshot,
    [EFFECT_COPY] = effect_copy,
    [EFFECT_AWAIT_COPY] = effect_await_copy,
    [EFFECT_LEARN] = effect_learn,
    [EFFECT_WAIT_CUT] = effect_wait,
    [EFFECT_FENCE] = effect_fence,
    [EFFECT_CUT] = effect_cut,
    [EFFECT_CREATE_VOLUMES] = effect_create_volumes,
    [EFFECT_AWAIT_VOLUMES] = effect_await_volumes,
    [EFFECT_ATTACH] = effect_attach,
    [EFFECT_AWAIT_ATTACH] = effect_await_attach,
    [EFFECT_HAND_OVER] = effect_hand_over,
    [EFFECT_UNDO] = effect_undo,
};

static enum error_code save(struct engine *engine, struct error *err)
{
    return store_save_run(engine->store, &engine->run, clock_now_ms(engine->clock), err);
}

enum error_code engine_begin(struct engine *engine, struct error *err)
{
    TRY(lease_check(engine, err));
    engine->run.state = STATE_PLAN;
    return store_add_run(engine->store, &engine->run, err);
}

static bool is_named(const struct engine *engine, const char *volume_id)
{
    for (size_t i = 0; i < engine->config->volume_count; i++) {
        if (strcmp(engine->config->volumes[i], volume_id) == 0)
            return true;
    }
    return false;
}

/* Compares the recorded set, one id a line, with the one named now. */
static enum error_code compare_set(const struct engine *engine, const char *recorded,
                                   struct error *err)
{
    const struct config *config = engine->config;
    char id[CLOUD_ID_SIZE];
    for (const char *at = recorded; *at != '\0'; at += strcspn(at, "\n") + 1) {
        (void)snprintf(id, sizeof(id), "%.*s", (int)strcspn(at, "\n"), at);
        if (!is_named(engine, id)) {
            return error_set(err, ERR_CONFIG, "run '%s' began with volume '%s', which is not named",
                             engine->run.id, id);
        }
    }
    for (size_t i = 0; i < config->volume_count; i++) {
        if (strstr(recorded, config->volumes[i]) == NULL) {
            return error_set(err, ERR_CONFIG,
                             "run '%s' began without volume '%s', which is named now",
                             engine->run.id, config->volumes[i]);
        }
    }
    return ERR_NONE;
}

/* Appends what the run's first process recorded under `name`; a first process records `now`. */
static enum error_code recall(struct engine *engine, const char *name, const char *now,
                              struct strbuf *recorded, struct error *err)
{
    enum error_code code = store_get_text(engine->store, engine->run.id, name, recorded, err);
    if (code != ERR_NOT_FOUND)
        return code;
    strbuf_puts(recorded, now);
    TRY(strbuf_check(recorded, err));
    return store_put_text(engine->store, engine->run.id, name, now, err);
}

/* A run goes on with the set it began with: a volume more or less would be half moved, unnoticed. */
static enum error_code check_set(struct engine *engine, struct error *err)
{
    CLEANUP_STRBUF struct strbuf recorded = {.max_bytes = CLOUD_SET_MAX * (CLOUD_ID_SIZE + 1)};
    CLEANUP_STRBUF struct strbuf now = {.max_bytes = recorded.max_bytes};
    for (size_t i = 0; i < engine->config->volume_count; i++)
        strbuf_printf(&now, "%s\n", engine->config->volumes[i]);
    TRY(strbuf_check(&now, err));
    TRY(recall(engine, TEXT_SET, strbuf_text(&now), &recorded, err));
    return compare_set(engine, strbuf_text(&recorded), err);
}

/* And with its database: without one, or with another, nobody would be shut out and nothing frozen.
 * Past the cut nobody needs it; what an abort needs of it, it says itself. */
static enum error_code check_database(struct engine *engine, struct error *err)
{
    CLEANUP_STRBUF struct strbuf recorded = {.max_bytes = CONFIG_TEXT_SIZE};
    const char *now = engine->config->data_directory;
    TRY(recall(engine, TEXT_DATABASE, now, &recorded, err));
    const char *begun = strbuf_text(&recorded);
    if (engine->run.state > STATE_CUT || strcmp(begun, now) == 0)
        return ERR_NONE;
    return error_set(err, ERR_CONFIG,
                     "run '%s' began with the data directory '%s', and '%s' is named now",
                     engine->run.id, begun, now);
}

/* One turn of the machine: effect, event, next state, journal. Whoever asked to stop is not shut out
 * of the database first, by a turn that never sleeps. */
static enum error_code turn(struct engine *engine, struct error *err)
{
    enum machine_event event = EVENT_OK;
    enum machine_state next = engine->run.state;
    TRY(clock_check_stop(err));
    TRY(check_database(engine, err));
    /* What lifts a fence stands in the store alone; once it is up, going on is the better way out. */
    if (engine->run.state <= STATE_FENCE)
        TRY(store_check_there(engine->store, err));
    log_event(engine->log, LOG_DEBUG, clock_now_ms(engine->clock), "%s",
              machine_sentence(engine->run.state));
    TRY(effects[machine_effect(engine->run.state)](engine, &event, err));
    TRY(machine_next(engine->run.state, event, &next, err));
    engine->run.state = next;
    engine->run.failure[0] = '\0';
    if (machine_is_final(next)) {
        engine->run.finished_ms = clock_now_ms(engine->clock);
        lease_end(engine);
    }
    return save(engine, err);
}

/* The failure is kept for status; that the store itself fails must not hide the first reason. */
static enum error_code keep_failure(struct engine *engine, enum error_code code,
                                    const struct error *err)
{
    (void)snprintf(engine->run.failure, sizeof(engine->run.failure), "%s", err->message);
    (void)save(engine, NULL);
    return code;
}

enum error_code engine_run_to(struct engine *engine, enum machine_state state, struct error *err)
{
    TRY(check_set(engine, err));
    while (engine->run.state != state && !machine_is_final(engine->run.state)) {
        enum error_code code = turn(engine, err);
        if (code != ERR_NONE)
            return keep_failure(engine, code, err);
    }
    return ERR_NONE;
}

enum error_code engine_run(struct engine *engine, struct error *err)
{
    return engine_run_to(engine, STATE_DONE, err);
}

enum error_code engine_abort(struct engine *engine, struct error *err)
{
    TRY(check_set(engine, err));
    if (engine->run.state != STATE_ABORTING) {
        enum machine_state next = engine->run.state;
        TRY(machine_next(engine->run.state, EVENT_ABORT, &next, err));
        engine->run.state = next;
        TRY(save(engine, err));
    }
    return engine_run(engine, err);
}
