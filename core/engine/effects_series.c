#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine/attempt.h"
#include "core/engine/collect.h"
#include "core/engine/effects.h"
#include "core/engine/lease.h"
#include "core/engine/listing.h"
#include "core/engine/objects.h"
#include "core/engine/outlook.h"
#include "core/engine/path.h"
#include "core/engine/poll.h"
#include "core/engine/set.h"
#include "core/engine/shares.h"
#include "model/instant.h"

/* A run reads only the gaps that it made itself; history was collected before. */
#define GAPS_OF_A_ROUND 2

static void copy_quantiles(const struct quantiles *from, double to[3])
{
    to[0] = from->p05;
    to[1] = from->p50;
    to[2] = from->p95;
}

static struct round round_of(const struct engine *engine, const struct plan_round *planned)
{
    struct round round = {
        .number = engine->run.round,
        .full = planned->full,
        .planned_ms = planned->starts_at_ms,
        .actual_delta_bytes = -1,
    };
    copy_quantiles(&planned->delta_bytes, round.delta_bytes);
    copy_quantiles(&planned->snapshot_s, round.snapshot_s);
    copy_quantiles(&planned->copy_s, round.copy_s);
    copy_quantiles(&planned->duration_s, round.duration_s);
    return round;
}

/* The final round lasts as long as the downtime, which is what the operator was promised. */
static struct round final_of(const struct engine *engine, const struct plan *plan)
{
    struct round round = {
        .number = engine->run.round,
        .final = true,
        .full = plan->final.full,
        .planned_ms = plan->final.cut_at_ms,
        .actual_delta_bytes = -1,
    };
    copy_quantiles(&plan->final.delta_bytes, round.delta_bytes);
    copy_quantiles(&plan->final.snapshot_s, round.snapshot_s);
    copy_quantiles(&plan->final.copy_s, round.copy_s);
    copy_quantiles(&plan->downtime_s, round.duration_s);
    return round;
}

static void keep_promise(struct run *run, const struct plan *plan)
{
    if (run->first_p50_s <= 0) {
        run->first_p05_s = plan->downtime_s.p05;
        run->first_p50_s = plan->downtime_s.p50;
        run->first_p95_s = plan->downtime_s.p95;
        run->drawn_p05_s = plan->drawn_downtime_s.p05;
        run->drawn_p50_s = plan->drawn_downtime_s.p50;
        run->drawn_p95_s = plan->drawn_downtime_s.p95;
    }
    run->downtime_p05_s = plan->downtime_s.p05;
    run->downtime_p50_s = plan->downtime_s.p50;
    run->downtime_p95_s = plan->downtime_s.p95;
    run->miss_probability = plan->window_miss_probability;
}

static void tell_next(struct engine *engine, const struct plan *plan, int64_t at_ms)
{
    char at[INSTANT_TEXT_SIZE];
    char low[DURATION_TEXT_SIZE];
    char middle[DURATION_TEXT_SIZE];
    char high[DURATION_TEXT_SIZE];
    bool cut = plan->next.action == PLAN_CUT;
    const struct quantiles *q = cut ? &plan->downtime_s : &plan->rounds[0].duration_s;
    log_event(engine->log, LOG_INFO, clock_now_ms(engine->clock), "%s at %s: %s %s (%s to %s)",
              cut ? "cut" : "next round", instant_text(at_ms / 1000 * 1000, at),
              cut ? "downtime" : "will take", duration_text((int64_t)(q->p50 * 1000), middle),
              duration_text((int64_t)(q->p05 * 1000), low),
              duration_text((int64_t)(q->p95 * 1000), high));
}

/* Turns the plan's first action into a round of the journal. */
static enum error_code begin_round(struct engine *engine, const struct plan *plan,
                                   enum machine_event *event, struct error *err)
{
    struct round round;
    engine->run.round++;
    keep_promise(&engine->run, plan);
    if (plan->next.action == PLAN_CUT) {
        *event = EVENT_CUT;
        round = final_of(engine, plan);
    } else {
        *event = EVENT_ROUND;
        round = round_of(engine, &plan->rounds[0]);
    }
    round.planned_ms = plan->next.at_ms;
    tell_next(engine, plan, round.planned_ms);
    enum error_code code = store_put_round(engine->store, engine->run.id, &round, err);
    /* The failure is saved with the run, and a resume shall not pass over this number. */
    if (code != ERR_NONE)
        engine->run.round--;
    return code;
}

static enum error_code check_plan(struct engine *engine, const struct plan *plan, struct error *err)
{
    if (plan->next.action == PLAN_NEVER)
        return error_set(err, ERR_DEADLINE, "%s", plan->reason);
    if (plan->fits || engine->force)
        return ERR_NONE;
    /* Once rounds were made, being a little late is no reason to leave the operator alone: as long
     * as the window is not lost, the best plan goes on. */
    if (engine->run.round > 0) {
        log_event(engine->log, LOG_WARN, clock_now_ms(engine->clock), "%s", plan->reason);
        return ERR_NONE;
    }
    return error_set(err, plan->converges ? ERR_DEADLINE : ERR_NO_CONVERGENCE, "%s", plan->reason);
}

static enum error_code plan_and_begin(struct engine *engine, struct outlook *outlook,
                                      enum machine_event *event, struct error *err)
{
    struct outlook_request request = {
        .config = engine->config,
        .source = engine->source,
        .path = engine->path,
        .store = engine->store,
        .clock = engine->clock,
        .log = engine->log,
        .window_start_ms = engine->run.window_start_ms,
        .window_end_ms = engine->run.window_end_ms,
        .max_downtime_ms = engine->run.max_downtime_ms,
        .confidence = engine->run.confidence,
        .patience_ms = PATIENCE_OF_A_RUN_MS,
    };
    struct counting counting = engine_counting(engine);
    TRY(counting_read(&counting, err));
    TRY(outlook_make(&request, outlook, err));
    TRY(check_plan(engine, &outlook->plan, err));
    return begin_round(engine, &outlook->plan, event, err);
}

/* What the last finished round made and is there no more. */
struct pruned {
    int round;
    bool forget; /* journal it as lost */
    bool found;
};

static enum error_code find_pruned(struct engine *engine, struct objects *objects,
                                   enum object_kind kind, struct pruned *pruned, struct error *err)
{
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots seen = {0};
    const struct cloud *cloud = path_cloud(engine->path, kind, engine->source, engine->target);
    struct object *made[CLOUD_SET_MAX];
    const char *ids[CLOUD_SET_MAX];
    size_t count = 0;
    for (size_t i = 0; i < engine->config->volume_count; i++) {
        made[count] = objects_find(objects, kind, pruned->round, engine->config->volumes[i]);
        if (made[count] == NULL)
            continue;
        ids[count] = made[count]->id;
        count++;
    }
    if (count > 0)
        TRY(poll_snapshots(engine, cloud, ids, count, &seen, err));
    for (size_t i = 0; i < count; i++) {
        if (listing_has(&seen, ids[i]))
            continue;
        pruned->found = true;
        log_event(engine->log, LOG_WARN, clock_now_ms(engine->clock),
                  "somebody deleted '%s' of round %d, on which the next was to build", ids[i],
                  pruned->round);
        if (pruned->forget)
            TRY(objects_move(engine, made[i], OBJECT_LOST, err));
    }
    return ERR_NONE;
}

static enum error_code check_bases(struct engine *engine, struct pruned *pruned, struct error *err)
{
    CLEANUP_OBJECTS struct objects objects = {0};
    TRY(objects_load(engine, &objects, err));
    TRY(find_pruned(engine, &objects, OBJECT_SNAPSHOT, pruned, err));
    for (size_t hop = 0; hop < engine->path->count; hop++)
        TRY(find_pruned(engine, &objects, path_kind(engine->path, hop), pruned, err));
    return ERR_NONE;
}

enum error_code effect_plan(struct engine *engine, enum machine_event *event, struct error *err)
{
    struct pruned pruned = {.round = engine->run.round, .forget = true};
    TRY(lease_take(engine, err));
    TRY(check_bases(engine, &pruned, err));
    struct outlook *outlook = calloc(1, sizeof(*outlook));
    if (outlook == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot plan");
    enum error_code code = plan_and_begin(engine, outlook, event, err);
    outlook_done(outlook);
    free(outlook);
    return code;
}

/* The wait may have been of hours. Somebody may have taken over; and a plan holds only while what it
 * builds on is kept: better another round now than a downtime in which everything is carried. */
enum error_code effect_wait(struct engine *engine, enum machine_event *event, struct error *err)
{
    struct round round = {0};
    struct pruned pruned = {.round = engine->run.round - 1};
    TRY(set_get_round(engine, engine->run.round, &round, err));
    struct counting counting = engine_counting(engine);
    TRY(counting_sleep_until(&counting, round.planned_ms, err));
    TRY(lease_take(engine, err));
    TRY(check_bases(engine, &pruned, err));
    if (!pruned.found)
        return ERR_NONE;
    engine->run.round--;
    *event = EVENT_LOST;
    return ERR_NONE;
}

/* The bytes that changed in the gap before an instant, -1 if no row tells. */
static int64_t changed_before(const struct volume_rows *rows, int64_t instant_ms)
{
    for (size_t i = 0; i < rows->dirty_count; i++) {
        if (rows->dirties[i].end_ms == instant_ms && rows->dirties[i].merged_count == 1)
            return rows->dirties[i].changed_bytes;
    }
    return -1;
}

/* The bytes that an incremental round carried, over all volumes; -1 if one of them is unknown. */
static enum error_code sum_changed(struct engine *engine, int64_t instant_ms, int64_t *bytes,
                                   struct error *err)
{
    *bytes = 0;
    for (size_t i = 0; i < engine->config->volume_count && *bytes >= 0; i++) {
        CLEANUP_VOLUME_ROWS struct volume_rows rows = {0};
        TRY(store_get_volume_rows(engine->store, engine->config->volumes[i], engine->path->name,
                                  &rows, err));
        int64_t changed = changed_before(&rows, instant_ms);
        *bytes = changed < 0 ? -1 : *bytes + changed;
    }
    return ERR_NONE;
}

/* The bytes that a full round carried: every block ever written, as the service counts them. */
static enum error_code sum_full(struct engine *engine, int64_t *bytes, struct error *err)
{
    CLEANUP_OBJECTS struct objects objects = {0};
    TRY(objects_load(engine, &objects, err));
    *bytes = 0;
    for (size_t i = 0; i < engine->config->volume_count && *bytes >= 0; i++) {
        CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots seen = {0};
        const struct object *snapshot =
            objects_find(&objects, OBJECT_SNAPSHOT, engine->run.round, engine->config->volumes[i]);
        const char *id = snapshot == NULL ? "" : snapshot->id;
        TRY(poll_snapshots(engine, engine->source, &id, 1, &seen, err));
        bool known = seen.count == 1 && seen.items[0].full_bytes > 0;
        *bytes = known ? *bytes + (int64_t)seen.items[0].full_bytes : -1;
    }
    return ERR_NONE;
}

static void tell_learned(struct engine *engine, const struct round *round)
{
    char took[DURATION_TEXT_SIZE];
    char low[DURATION_TEXT_SIZE];
    char high[DURATION_TEXT_SIZE];
    int64_t end_ms = round->copy_done_ms > 0 ? round->copy_done_ms : round->snapshot_done_ms;
    log_event(engine->log, LOG_INFO, clock_now_ms(engine->clock),
              "round %d took %s (predicted %s to %s)", round->number,
              duration_text(end_ms - round->started_ms, took),
              duration_text((int64_t)(round->duration_s[0] * 1000), low),
              duration_text((int64_t)(round->duration_s[2] * 1000), high));
}

enum error_code effect_learn(struct engine *engine, enum machine_event *event, struct error *err)
{
    (void)event;
    struct round round = {0};
    struct collect_request request = {
        .source = engine->source,
        .path = engine->path,
        .store = engine->store,
        .clock = engine->clock,
        .log = engine->log,
        .max_gaps = GAPS_OF_A_ROUND,
        .patience_ms = PATIENCE_OF_A_RUN_MS,
    };
    TRY(shares_take_back(engine, false, err));
    for (size_t i = 0; i < engine->config->volume_count; i++) {
        struct collect_result result;
        TRY(collect_volume(&request, engine->config->volumes[i], &result, err));
    }
    TRY(set_get_round(engine, engine->run.round, &round, err));
    if (round.full)
        TRY(sum_full(engine, &round.actual_delta_bytes, err));
    else
        TRY(sum_changed(engine, round.started_ms, &round.actual_delta_bytes, err));
    TRY(store_put_round(engine->store, engine->run.id, &round, err));
    if (!round.final)
        tell_learned(engine, &round);
    return ERR_NONE;
}
