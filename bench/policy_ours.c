#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/policy.h"
#include "bench/still.h"
#include "core/engine/attempt.h"
#include "core/engine/collect.h"
#include "core/engine/engine.h"
#include "core/engine/outlook.h"
#include "model/instant.h"

/* Gaps whose blocks are listed, as the command line does. */
#define GAPS 30

/* Learns from the history, as `ebshift history` does. */
static enum error_code learn(struct scene *scene, struct store *store, struct error *err)
{
    struct collect_request collect = {
        .source = &scene->here,
        .path = &scene->path,
        .store = store,
        .clock = &scene->clock,
        .log = &scene->log,
        .max_gaps = GAPS,
        .patience_ms = PATIENCE_AT_A_PROMPT_MS,
    };
    for (size_t i = 0; i < scene->config.volume_count; i++) {
        struct collect_result result;
        TRY(collect_volume(&collect, scene->config.volumes[i], &result, err));
    }
    return ERR_NONE;
}

/* What is promised before anything begins, as `ebshift plan` does. */
static enum error_code promise(struct scene *scene, struct store *store, struct outcome *outcome,
                               struct error *err)
{
    struct outlook_request request = {
        .config = &scene->config,
        .source = &scene->here,
        .path = &scene->path,
        .store = store,
        .clock = &scene->clock,
        .log = &scene->log,
        .window_start_ms = scene->window_ms,
        .window_end_ms = scene->window_ms + SCENE_WINDOW_MS,
        .confidence = SCENE_CONFIDENCE,
        .patience_ms = PATIENCE_AT_A_PROMPT_MS,
    };
    struct outlook *outlook = calloc(1, sizeof(*outlook));
    if (outlook == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot plan");
    enum error_code code = outlook_make(&request, outlook, err);
    outcome->promise_s = outlook->plan.downtime_promise_s;
    outcome->told_rounds = outlook->plan.expected_rounds;
    outlook_done(outlook);
    free(outlook);
    return code;
}

static struct run run_of(const struct scene *scene)
{
    struct run run = {
        .id = "bench",
        .created_ms = scene->fake.now_ms,
        .window_start_ms = scene->window_ms,
        .window_end_ms = scene->window_ms + SCENE_WINDOW_MS,
        .confidence = SCENE_CONFIDENCE,
        .fence = true,
    };
    (void)snprintf(run.source_region, sizeof(run.source_region), "%s", scene->here.region);
    (void)snprintf(run.target_region, sizeof(run.target_region), "%s", scene->there.region);
    (void)snprintf(run.target_zone, sizeof(run.target_zone), "%s", scene->zone);
    (void)snprintf(run.source_instance, sizeof(run.source_instance), "%s",
                   scene->fake.names.instance);
    (void)snprintf(run.target_instance, sizeof(run.target_instance), "%s", scene->instance);
    return run;
}

static struct quantiles quantiles_from(const double three[3])
{
    return (struct quantiles){three[0], three[1], three[2]};
}

/* The full round is not counted: it comes once, and what it carries is known. */
static enum error_code count_rounds(struct store *store, const char *run_id,
                                    struct outcome *outcome, struct error *err)
{
    struct round *rounds = NULL;
    size_t count = 0;
    TRY(store_get_rounds(store, run_id, &rounds, &count, err));
    for (size_t i = 0; i < count; i++) {
        const struct round *round = &rounds[i];
        struct quantiles bytes = quantiles_from(round->delta_bytes);
        struct quantiles seconds = quantiles_from(round->duration_s);
        int64_t end_ms = round->copy_done_ms > 0 ? round->copy_done_ms : round->snapshot_done_ms;
        if (round->final || round->full)
            continue;
        tally_add(&outcome->round_bytes, &bytes, (double)round->actual_delta_bytes);
        tally_add(&outcome->round_seconds, &seconds,
                  (double)(end_ms - round->started_ms) / (double)MS_PER_SECOND);
    }
    free(rounds);
    return ERR_NONE;
}

static enum error_code play(struct scene *scene, struct store *store, struct outcome *outcome,
                            struct error *err)
{
    TRY(learn(scene, store, err));
    TRY(promise(scene, store, outcome, err));
    struct quiesce quiesce = still_quiesce(scene);
    struct engine engine = {
        .config = &scene->config,
        .source = &scene->here,
        .target = scene->copies ? &scene->there : &scene->here,
        .path = &scene->path,
        .quiesce = &quiesce,
        .store = store,
        .clock = &scene->clock,
        .log = &scene->log,
        .run = run_of(scene),
        .force = true,
    };
    TRY(engine_begin(&engine, err));
    enum error_code code = engine_run(&engine, err);
    if (code == ERR_DEADLINE)
        return ERR_NONE;
    TRY(code);
    const struct run *run = &engine.run;
    outcome->done = true;
    outcome->down_s = (double)(run->up_ms - run->down_ms) / (double)MS_PER_SECOND;
    outcome->rounds = run->round - 1;
    outcome->first_s = (struct quantiles){run->first_p05_s, run->first_p50_s, run->first_p95_s};
    outcome->drawn_s = (struct quantiles){run->drawn_p05_s, run->drawn_p50_s, run->drawn_p95_s};
    outcome->cut_s =
        (struct quantiles){run->downtime_p05_s, run->downtime_p50_s, run->downtime_p95_s};
    return count_rounds(store, run->id, outcome, err);
}

static int remove_entry(const char *path, const struct stat *facts, int kind, struct FTW *place)
{
    (void)facts;
    (void)kind;
    (void)place;
    return remove(path);
}

enum error_code policy_ours(struct scene *scene, struct outcome *outcome, struct error *err)
{
    char directory[] = "/tmp/ebshift-series-XXXXXX";
    struct store *store = NULL;
    if (mkdtemp(directory) == NULL)
        return error_set(err, ERR_SYSTEM, "cannot make a directory");
    enum error_code code = store_open(directory, &store, err);
    if (code == ERR_NONE)
        code = play(scene, store, outcome, err);
    store_close(store);
    (void)nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    return code;
}
