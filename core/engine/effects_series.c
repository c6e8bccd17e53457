#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "core/engine/attempt.h"
#include "core/engine/effects.h"
#include "core/engine/lease.h"
#include "core/engine/listing.h"
#include "core/engine/objects.h"
#include "core/engine/others.h"
#include "core/engine/outlook.h"
#include "core/engine/path.h"
#include "core/engine/poll.h"
#include "core/engine/set.h"
#include "model/instant.h"

/* So long before a round the rest is planned anew, unless the plan is younger than that by then:
 * who plans anew has always come further. */
#define LEAD_MS  MS_PER_MINUTE
#define FRESH_MS (5 * MS_PER_MINUTE)

static void copy_quantiles(const struct quantiles *from, double to[3])
{
    to[0] = from->p05;
    to[1] = from->p50;
    to[2] = from->p95;
}

static struct round round_of(const struct plan_round *planned)
{
    struct round round = {
        .full = planned->full,
        .actual_delta_bytes = -1,
    };
    copy_quantiles(&planned->delta_bytes, round.delta_bytes);
    copy_quantiles(&planned->snapshot_s, round.snapshot_s);
    copy_quantiles(&planned->copy_s, round.copy_s);
    copy_quantiles(&planned->duration_s, round.duration_s);
    return round;
}

/* The final round lasts as long as the downtime, which is what the operator was promised. */
static struct round final_of(const struct plan *plan)
{
    struct round round = {
        .final = true,
        .full = plan->final.full,
        .actual_delta_bytes = -1,
    };
    copy_quantiles(&plan->final.delta_bytes, round.delta_bytes);
    copy_quantiles(&plan->final.snapshot_s, round.snapshot_s);
    copy_quantiles(&plan->final.copy_s, round.copy_s);
    copy_quantiles(&plan->downtime_s, round.duration_s);
    return round;
}

/* The plan's first action, as a round of the journal. */
static struct round next_round(const struct engine *engine, const struct plan *plan)
{
    bool cut = plan->next.action == PLAN_CUT;
    struct round round = cut ? final_of(plan) : round_of(&plan->rounds[0]);
    round.number = engine->run.round + 1;
    round.planned_ms = plan->next.at_ms;
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

/* What a person would do something about, or wonder at. */
static bool is_moved(const struct round *before, const struct round *round)
{
    return before->final != round->final ||
           llabs(round->planned_ms - before->planned_ms) > 2 * LEAD_MS;
}

static bool is_news(const struct round *before, const struct round *round)
{
    return is_moved(before, round) || before->full != round->full ||
           round->duration_s[1] < before->duration_s[0] ||
           round->duration_s[1] > before->duration_s[2];
}

/* In place of what an earlier plan said, if that is no more so. */
static void write_instead(const struct round *before, const struct round *round, char text[48])
{
    char at[INSTANT_TEXT_SIZE];
    text[0] = '\0';
    if (!is_moved(before, round))
        return;
    (void)snprintf(text, 48, ", not %s%s",
                   before->final == round->final ? "at "
                   : before->final               ? "the cut at "
                                                 : "a round at ",
                   instant_text(before->planned_ms / 1000 * 1000, at));
}

/* `before` is what an earlier plan said of this round, NULL if none did. */
static void tell_next(struct engine *engine, const struct round *before, const struct round *round)
{
    char at[INSTANT_TEXT_SIZE];
    char instead[48] = "";
    char low[DURATION_TEXT_SIZE];
    char middle[DURATION_TEXT_SIZE];
    char high[DURATION_TEXT_SIZE];
    if (before != NULL)
        write_instead(before, round, instead);
    log_event(engine->log, before == NULL || is_news(before, round) ? LOG_INFO : LOG_DEBUG,
              clock_now_ms(engine->clock), "%s%s at %s%s: %s %s (%s to %s)",
              before == NULL ? "" : "planned anew: ", round->final ? "cut" : "next round",
              instant_text(round->planned_ms / 1000 * 1000, at), instead,
              round->final ? "downtime" : "will take",
              duration_text((int64_t)(round->duration_s[1] * 1000), middle),
              duration_text((int64_t)(round->duration_s[0] * 1000), low),
              duration_text((int64_t)(round->duration_s[2] * 1000), high));
}

/* Turns the plan's first action into a round of the journal, in place of what an earlier plan had
 * said of it. */
static enum error_code begin_round(struct engine *engine, const struct plan *plan,
                                   enum machine_event *event, struct error *err)
{
    struct round before = {0};
    struct round round = next_round(engine, plan);
    enum error_code code = set_get_round(engine, round.number, &before, err);
    if (code != ERR_NOT_FOUND)
        TRY(code);
    tell_next(engine, code == ERR_NONE ? &before : NULL, &round);
    keep_promise(&engine->run, plan);
    TRY(store_put_round(engine->store, engine->run.id, &round, err));
    engine->run.round = round.number;
    *event = round.final ? EVENT_CUT : EVENT_ROUND;
    return ERR_NONE;
}

static enum error_code check_plan(struct engine *engine, const struct outlook *outlook,
                                  struct error *err)
{
    const struct plan *plan = &outlook->plan;
    if (plan->next.action == PLAN_NEVER) {
        (void)error_set(err, ERR_DEADLINE, "%s", plan->reason);
        others_blame(engine, outlook, err);
        return ERR_DEADLINE;
    }
    if (plan->fits || engine->force)
        return ERR_NONE;
    /* Once a plan was accepted, being a little late is no reason to leave the operator alone: as
     * long as the window is not lost, the best plan goes on. */
    if (engine->run.first_p50_s > 0) {
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
    TRY(check_plan(engine, outlook, err));
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

/* Since when the run waits on its plan. */
static enum error_code get_entered(struct engine *engine, int64_t *entered_ms, struct error *err)
{
    struct journal_step *steps = NULL;
    size_t count = 0;
    TRY(store_get_journal(engine->store, engine->run.id, &steps, &count, err));
    *entered_ms = count > 0 ? steps[count - 1].entered_ms : 0;
    free(steps);
    return ERR_NONE;
}

/* How long before the end of a wait its plan is old. A round that comes before the cut after all
 * shall be over by then, as far as half of the wait is enough for it. */
static int64_t lead_ms(const struct round *round, int64_t wait_ms)
{
    double another_s = round->snapshot_s[2] + round->copy_s[2];
    if (!round->final)
        return LEAD_MS;
    return MIN(LEAD_MS + (int64_t)(another_s * MS_PER_SECOND), wait_ms / 2);
}

/* When the plan that a run waits on since entered_ms is old: near its start, or when that was
 * missed, by a machine that was off. */
static int64_t old_from_ms(const struct round *round, int64_t entered_ms)
{
    int64_t near_ms = round->planned_ms - lead_ms(round, round->planned_ms - entered_ms);
    if (near_ms >= entered_ms + FRESH_MS)
        return near_ms;
    return MAX(round->planned_ms, entered_ms) + FRESH_MS;
}

/* Sleeps until the start, or until the plan is old; *old tells. */
static enum error_code sleep_on_plan(struct engine *engine, bool *old, struct error *err)
{
    struct round round = {0};
    int64_t entered_ms = 0;
    struct counting counting = engine_counting(engine);
    TRY(set_get_round(engine, engine->run.round, &round, err));
    TRY(get_entered(engine, &entered_ms, err));
    int64_t old_ms = old_from_ms(&round, entered_ms);
    TRY(counting_sleep_until(&counting, MIN(round.planned_ms, old_ms), err));
    *old = clock_now_ms(engine->clock) >= old_ms;
    return ERR_NONE;
}

/* The wait may have been of hours. Somebody may have taken over. The database may have written more
 * or less than was foreseen, and somebody may have taken a snapshot: an old plan is made anew. What
 * somebody else has in flight at the start is waited for, as ours would have to wait for it in any
 * case. And a plan holds only while what it builds on is kept: better another round now than a
 * downtime in which everything is carried. */
enum error_code effect_wait(struct engine *engine, enum machine_event *event, struct error *err)
{
    struct pruned pruned = {.round = engine->run.round - 1};
    bool old = false;
    TRY(sleep_on_plan(engine, &old, err));
    TRY(lease_take(engine, err));
    if (!old)
        TRY(others_await(engine, &old, err));
    if (!old)
        TRY(check_bases(engine, &pruned, err));
    if (!old && !pruned.found)
        return ERR_NONE;
    TRY(set_collect(engine, err));
    engine->run.round--;
    *event = EVENT_REPLAN;
    return ERR_NONE;
}
