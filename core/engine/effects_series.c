#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine/attempt.h"
#include "core/engine/effects.h"
#include "core/engine/lease.h"
#include "core/engine/listing.h"
#include "core/engine/objects.h"
#include "core/engine/outlook.h"
#include "core/engine/path.h"
#include "core/engine/poll.h"
#include "core/engine/set.h"
#include "model/instant.h"

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
