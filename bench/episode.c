#include "bench/episode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/bench_clock.h"
#include "model/fit.h"
#include "model/instant.h"
#include "model/plan.h"

/* No limit to the downtime: only its size counts. */
#define WINDOW_MS (30 * MS_PER_DAY)
/* The recordings know no steps of our own, but the planner wants some. */
#define OWN_STEPS_S 0.01
#define SEED        7
/* "No further round" is final, while we plan again at each completion; so as long as one runs the
 * answer names the last moment at which a round could begin. */
#define LAST_MOMENT_TICKS 2.0

/* The past in the model's words. */
struct past {
    struct duration_sample *durations;
    size_t duration_count;
    struct dirty_sample *dirties;
    size_t dirty_count;
};

static void past_done(struct past *past)
{
    free(past->durations);
    free(past->dirties);
}

static void add_dirty(struct past *past, const struct episode_round *round)
{
    struct dirty_sample *dirty = &past->dirties[past->dirty_count++];
    *dirty = (struct dirty_sample){
        .start_ms = tick_to_ms(round->start),
        .end_ms = tick_to_ms(round->end),
        .changed_bytes = llround(round->changed_blocks * BLOCK_BYTES),
        .merged_count = 1,
    };
    (void)snprintf(dirty->id, sizeof(dirty->id), "snap-%.1f", round->end);
}

static void add_duration(struct past *past, const struct episode_round *round)
{
    struct duration_sample *duration = &past->durations[past->duration_count++];
    *duration = (struct duration_sample){
        .kind = TRANSFER_SNAPSHOT,
        .started_ms = tick_to_ms(round->end),
        .duration_ms = llround(round->duration * (double)TICK_MS),
        .delta_bytes = llround(round->changed_blocks * BLOCK_BYTES),
    };
    (void)snprintf(duration->id, sizeof(duration->id), "snap-%.1f", round->end);
}

static enum error_code collect(const struct episode *episode, struct past *past, struct error *err)
{
    past->durations = calloc(episode->round_count + 1, sizeof(*past->durations));
    past->dirties = calloc(episode->round_count + 1, sizeof(*past->dirties));
    if (past->durations == NULL || past->dirties == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu rounds", episode->round_count);
    for (size_t i = 0; i < episode->round_count; i++) {
        const struct episode_round *round = &episode->rounds[i];
        if (isnan(round->changed_blocks) || isnan(round->duration))
            continue;
        add_dirty(past, round);
        add_duration(past, round);
    }
    return ERR_NONE;
}

static enum error_code fit(const struct episode *episode, struct volume_model *model,
                           struct error *err)
{
    CLEANUP(past_done) struct past past = {0};
    TRY(collect(episode, &past, err));
    struct volume_history history = {
        .durations = past.durations,
        .duration_count = past.duration_count,
        .dirties = past.dirties,
        .dirty_count = past.dirty_count,
        .writes = episode->writes,
        .write_count = episode->write_count,
        .writes_current = true,
    };
    return volume_model_fit(&history, tick_to_ms(episode->now), model, err);
}

/* The snapshot that the next one builds on, one in flight aside. */
static double last_tick(const struct episode *episode)
{
    const struct episode_round *last = &episode->rounds[episode->round_count - 1];
    return episode->running ? last->start : last->end;
}

static void read_answer(const struct episode *episode, const struct plan *plan,
                        struct episode_answer *answer)
{
    size_t first = plan->round_count > 0 && plan->rounds[0].in_flight ? 1 : 0;
    *answer = (struct episode_answer){.promise = plan->downtime_promise_s / TICK_S};
    if (plan->round_count > first) {
        int64_t start_ms = plan->rounds[first].starts_at_ms;
        /* A start is held back until nothing is in flight: "when it is over" is now. */
        bool at_once = episode->running && start_ms <= plan->next.at_ms + TICK_MS / 2;
        answer->has_start = true;
        answer->start = at_once ? episode->now : tick_of_ms(start_ms);
    } else if (episode->running && episode->now < episode->fence - 2 * LAST_MOMENT_TICKS) {
        answer->has_start = true;
        answer->start = episode->fence - LAST_MOMENT_TICKS;
    }
}

enum error_code episode_ask(const struct episode *episode, struct episode_answer *answer,
                            struct error *err)
{
    CLEANUP_VOLUME_MODEL struct volume_model model = {0};
    if (episode->round_count == 0)
        return error_set(err, ERR_INVALID, "an episode needs a snapshot");
    TRY(fit(episode, &model, err));
    struct plan_member member = {.model = &model,
                                 /* The scorer's rounds lie on whole ticks. */
                                 .last_snapshot_ms =
                                     tick_to_ms(fmin(last_tick(episode), episode->now))};
    struct plan_input input = {
        .now_ms = tick_to_ms(episode->now),
        .window_start_ms = tick_to_ms(episode->fence),
        .window_end_ms = tick_to_ms(episode->fence) + WINDOW_MS,
        .confidence = episode->confidence,
        .fixed_fence = episode->window <= 0,
        .members = &member,
        .member_count = 1,
        .overhead = {.p50_s = OWN_STEPS_S, .p95_s = OWN_STEPS_S},
        .round_price_s = episode->round_price * TICK_S,
        .seed = SEED,
    };
    if (episode->window > 0) {
        input.max_downtime_ms = llround(episode->limit * (double)TICK_MS);
        input.window_end_ms = tick_to_ms(episode->fence + episode->window) + input.max_downtime_ms;
    }
    if (episode->running) {
        input.phase = PLAN_SNAPSHOT_PENDING;
        /* The scorer rounds the present down to a tick, the start to half a one. */
        input.round_started_ms = tick_to_ms(fmin(episode->running_start, episode->now));
        input.phase_started_ms = input.round_started_ms;
    }
    struct plan plan = {0};
    TRY(plan_make(&input, &plan, err));
    read_answer(episode, &plan, answer);
    return ERR_NONE;
}
