#include "bench/play.h"

#include <math.h>
#include <stdlib.h>

#include "bench/bench_clock.h"

/* Price of a round and the wanted confidence, as the recordings' scoreboard has them. */
#define ROUND_PRICE 0.1
#define CONFIDENCE  0.9
#define MAX_ROUNDS  600
#define MAX_ASKS    200
/* Writes that the planner is shown: a week. */
#define SHOWN_TICKS 2016
/* Starts lie on half ticks. */
#define LEAST_PAUSE 0.5

/* A night while it is played. */
struct play {
    const struct night *night;
    struct episode_round rounds[MAX_ROUNDS]; /* truth, also of what is in flight */
    size_t round_count;
    double last; /* start of the newest snapshot */
    double busy; /* until when it runs */
    size_t made;
};

static double half_tick_up(double tick)
{
    return ceil(tick * 2 - 1e-9) / 2;
}

static void play_begin(struct play *play, const struct night *night)
{
    *play = (struct play){.night = night, .round_count = night->past_count};
    for (size_t i = 0; i < night->past_count; i++)
        play->rounds[i] = night->past[i];
    play->last = play->rounds[play->round_count - 1].end;
    play->busy = play->last + play->rounds[play->round_count - 1].duration;
}

static bool has_room(const struct play *play)
{
    return play->round_count < MAX_ROUNDS;
}

static void make_round(struct play *play, double start)
{
    double base = play->rounds[play->round_count - 1].end;
    double blocks = trace_changed(play->night->trace, play->last, start);
    double duration = night_duration(play->night, blocks, start);
    play->rounds[play->round_count++] =
        night_round(play->night, base, rint(start), blocks, duration);
    play->last = start;
    play->busy = start + duration;
    play->made++;
}

static double downtime_of(const struct play *play)
{
    double blocks = trace_changed(play->night->trace, play->last, play->night->fence);
    double over = fmax(play->night->fence, play->busy) +
                  night_duration(play->night, blocks, play->night->fence);
    return over - play->night->fence;
}

/* Constant rates: what the last round changed per tick, and carried per tick. */
static bool qemu_would(const struct play *play, double start)
{
    const struct episode_round *last = &play->rounds[play->round_count - 1];
    double dirty = last->changed_blocks / fmax(last->end - last->start, 0.5);
    double carried = last->changed_blocks / last->duration;
    return start + dirty * (start - play->last) / carried <= play->night->fence;
}

static void play_steadily(struct play *play, double now, enum series_policy policy)
{
    double start = half_tick_up(fmax(now, play->busy));
    while (start < play->night->fence - LEAST_PAUSE + 1e-9 && has_room(play)) {
        if (policy == POLICY_QEMU && !qemu_would(play, start))
            return;
        make_round(play, start);
        start = half_tick_up(fmax(play->busy, start + LEAST_PAUSE));
    }
}

/* What is known at `now`; rounds[] and writes[] have room. */
static struct episode known_at(const struct play *play, double now, struct episode_round *rounds,
                               struct write_sample *writes)
{
    struct episode episode = {
        .now = now,
        .fence = play->night->fence,
        .confidence = CONFIDENCE,
        .round_price = ROUND_PRICE,
        .running = play->busy > now,
        .running_start = play->last,
        .rounds = rounds,
        .round_count = play->round_count,
        .writes = writes,
    };
    for (size_t i = 0; i < play->round_count; i++) {
        rounds[i] = play->rounds[i];
        if (rounds[i].end + rounds[i].duration > now)
            rounds[i].changed_blocks = rounds[i].duration = (double)NAN;
    }
    size_t end = (size_t)now;
    size_t first = end > SHOWN_TICKS ? end - SHOWN_TICKS : 0;
    for (size_t tick = first; tick < end && tick < play->night->trace->tick_count; tick++) {
        writes[episode.write_count++] = (struct write_sample){
            .start_ms = tick_to_ms((double)tick),
            .length_ms = TICK_MS,
            .bytes = llround(play->night->trace->bytes[tick]),
            .ops = llround(play->night->trace->ops[tick]),
        };
    }
    return episode;
}

/* Room for what the planner is shown. */
struct view {
    struct episode_round rounds[MAX_ROUNDS];
    struct write_sample writes[SHOWN_TICKS];
};

static enum error_code ask(const struct play *play, double now, struct view *view,
                           struct episode_answer *answer, struct error *err)
{
    struct episode episode = known_at(play, now, view->rounds, view->writes);
    return episode_ask(&episode, answer, err);
}

static enum error_code play_planned(struct play *play, double now, struct view *view,
                                    double *promise, struct error *err)
{
    for (size_t asked = 0; asked < MAX_ASKS && has_room(play); asked++) {
        struct episode_answer answer = {0};
        TRY(ask(play, now, view, &answer, err));
        if (asked == 0)
            *promise = answer.promise;
        double start = half_tick_up(fmax(fmax(answer.start, play->busy), now));
        if (!answer.has_start || start >= play->night->fence)
            break;
        if (start - 1 > now + 1) {
            now = floor(start - 1);
            continue;
        }
        make_round(play, start);
        now = fmax(floor(fmin(play->busy, play->night->fence - 1)), floor(start));
        if (now >= play->night->fence - 1 || play->busy >= play->night->fence)
            break;
    }
    return ERR_NONE;
}

static enum error_code play_on(struct play *play, enum series_policy policy, double *promise,
                               struct error *err)
{
    double begin = play->night->begin;
    if (policy != POLICY_PLANNER) {
        play_steadily(play, begin, policy);
        return ERR_NONE;
    }
    struct view *view = calloc(1, sizeof(*view));
    if (view == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold a night");
    enum error_code code = play_planned(play, begin, view, promise, err);
    free(view);
    return code;
}

enum error_code play_night(const struct night *night, enum series_policy policy,
                           struct series_result *result, struct error *err)
{
    double promise = 0;
    struct play *play = calloc(1, sizeof(*play));
    if (play == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold a night");
    play_begin(play, night);
    enum error_code code = play_on(play, policy, &promise, err);
    double downtime = downtime_of(play);
    *result = (struct series_result){
        .downtime = downtime,
        .rounds = (double)play->made,
        .cost = downtime + ROUND_PRICE * (double)play->made,
        .kept = downtime <= promise,
    };
    free(play);
    return code;
}
