#include "bench/play.h"

#include <math.h>
#include <stdlib.h>

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

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
/* Four hours in which the cut may be made. */
#define WINDOW_TICKS 48.0
/* Rounds that the next final is compared with by its blocks. */
#define PAST_COMPARED 12

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

/* Writers stop at `fence`; what runs then is waited for. */
static double downtime_at(const struct play *play, double fence)
{
    double blocks = trace_changed(play->night->trace, play->last, fence);
    return fmax(fence, play->busy) + night_duration(play->night, blocks, fence) - fence;
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
    double downtime = downtime_at(play, play->night->fence);
    *result = (struct series_result){
        .downtime = downtime,
        .rounds = (double)play->made,
        .cost = downtime + ROUND_PRICE * (double)play->made,
        .kept = downtime <= promise,
    };
    free(play);
    return code;
}

/* One night in its window: what the rules share, and what came of each. */
struct window {
    struct play play;
    struct view view;
    double limit; /* promised for the first cut */
    bool has_cut[WINDOW_RULE_COUNT];
    struct series_result *results;
};

static struct series_result result_at(const struct window *window, double cut)
{
    double downtime = downtime_at(&window->play, cut);
    return (struct series_result){
        .downtime = downtime,
        .rounds = (double)window->play.made,
        .cost = downtime + ROUND_PRICE * (double)window->play.made,
        .kept = downtime <= window->limit,
    };
}

/* Whether the planner would make another round at `now`; *limit is what it would promise. */
static enum error_code ask_window(struct window *window, double now, bool *another, double *promise,
                                  struct error *err)
{
    struct episode_answer answer = {0};
    struct episode episode = known_at(&window->play, now, window->view.rounds, window->view.writes);
    if (window->limit > 0) {
        episode.window = WINDOW_TICKS;
        episode.limit = window->limit;
    } else {
        episode.fence = now;
    }
    TRY(episode_ask(&episode, &answer, err));
    *another = answer.has_start;
    *promise = answer.promise;
    return ERR_NONE;
}

/* The first cut that is possible, where the promise is made. */
static enum error_code cut_first(struct window *window, double cut, struct error *err)
{
    bool another = false;
    TRY(ask_window(window, cut, &another, &window->limit, err));
    window->results[WINDOW_FIRST] = result_at(window, cut);
    window->results[WINDOW_ORACLE] = window->results[WINDOW_FIRST];
    return ERR_NONE;
}

/* Whether a final now would carry no more than half of the rounds before, or two more would not fit. */
static bool is_small(const struct play *play, double now)
{
    double past[PAST_COMPARED];
    size_t count = play->round_count < PAST_COMPARED ? play->round_count : PAST_COMPARED;
    double blocks = trace_changed(play->night->trace, play->last, now);
    double usual_ticks = play->night->overhead + play->night->per_block * blocks;
    for (size_t i = 0; i < count; i++)
        past[i] = play->rounds[play->round_count - 1 - i].changed_blocks;
    gsl_sort(past, 1, count);
    return blocks <= gsl_stats_median_from_sorted_data(past, 1, count) ||
           now + 2 * usual_ticks > play->night->fence + WINDOW_TICKS;
}

static void cut_at(struct window *window, enum window_rule rule, double now)
{
    if (!window->has_cut[rule])
        window->results[rule] = result_at(window, now);
    window->has_cut[rule] = true;
}

/* Nothing is in flight at `now`, in the window: each rule may cut. */
static enum error_code cut_perhaps(struct window *window, double now, struct error *err)
{
    struct series_result here = result_at(window, now);
    bool another = false;
    double promise = 0;
    if (here.cost < window->results[WINDOW_ORACLE].cost)
        window->results[WINDOW_ORACLE] = here;
    if (is_small(&window->play, now))
        cut_at(window, WINDOW_BLOCKS, now);
    if (window->has_cut[WINDOW_PLANNER])
        return ERR_NONE;
    TRY(ask_window(window, now, &another, &promise, err));
    if (!another)
        cut_at(window, WINDOW_PLANNER, now);
    return ERR_NONE;
}

static enum error_code play_through(struct window *window, struct error *err)
{
    struct play *play = &window->play;
    double fence = play->night->fence;
    play_steadily(play, play->night->begin, POLICY_BACK_TO_BACK);
    double now = fmax(fence, play->busy);
    TRY(cut_first(window, now, err));
    do {
        TRY(cut_perhaps(window, now, err));
        make_round(play, half_tick_up(fmax(now, play->last + LEAST_PAUSE)));
        now = play->busy;
    } while (has_room(play) && now <= fence + WINDOW_TICKS);
    /* Who began a round that outlasts the window must take it. */
    cut_at(window, WINDOW_BLOCKS, now);
    cut_at(window, WINDOW_PLANNER, now);
    return ERR_NONE;
}

enum error_code play_window(const struct night *night,
                            struct series_result results[WINDOW_RULE_COUNT], struct error *err)
{
    struct window *window = calloc(1, sizeof(*window));
    if (window == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold a night");
    window->results = results;
    play_begin(&window->play, night);
    enum error_code code = play_through(window, err);
    free(window);
    return code;
}
