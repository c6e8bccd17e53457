#include "bench/series_cases.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench_clock.h"
#include "bench/episode.h"
#include "bench/table.h"
#include "bench/trace.h"
#include "core/aws/json.h"

/* Price of a round and the wanted confidence, as the recordings' scoreboard has them. */
#define ROUND_PRICE 0.1
#define CONFIDENCE  0.9
#define MAX_ROUNDS  600
#define MAX_ASKS    200
/* Writes that the planner is shown: a week. */
#define SHOWN_TICKS 2016
/* Starts lie on half ticks. */
#define LEAST_PAUSE 0.5
#define MAX_VOLUMES 16

/* One episode while it is played. */
struct play {
    const struct trace *trace;
    const struct jval *luck; /* factor of a duration, by tick */
    double luck_from;
    double fence;
    double overhead;
    double per_block;
    struct episode_round rounds[MAX_ROUNDS]; /* truth, also of what is in flight */
    size_t round_count;
    double last; /* start of the newest snapshot */
    double busy; /* until when it runs */
    size_t made;
};

static double number(const struct jval *object, const char *key)
{
    return jval_real(jval_get(object, key));
}

static double half_tick_up(double tick)
{
    return ceil(tick * 2 - 1e-9) / 2;
}

static double duration_at(const struct play *play, double blocks, double tick)
{
    size_t count = jval_count(play->luck);
    double index = fmin((double)count - 1, fmax(floor(tick) - play->luck_from, 0));
    return (play->overhead + play->per_block * blocks) *
           jval_real(jval_at(play->luck, (size_t)index));
}

static struct episode_round round_of(const struct play *play, double start, double end,
                                     double blocks, double duration)
{
    return (struct episode_round){
        .start = start,
        .end = end,
        .write_bytes = trace_bytes(play->trace, (size_t)start, (size_t)end),
        .write_ops = trace_ops(play->trace, (size_t)start, (size_t)end),
        .changed_blocks = blocks,
        .duration = duration,
    };
}

static enum error_code play_init(struct play *play, const struct jval *row,
                                 const struct trace *trace, struct error *err)
{
    const struct jval *starts = jval_get(row, "starts");
    const struct jval *blocks = jval_get(row, "changed_blocks");
    const struct jval *durations = jval_get(row, "duration_ticks");
    size_t count = jval_count(blocks);
    *play = (struct play){
        .trace = trace,
        .luck = jval_get(row, "e"),
        .luck_from = number(row, "e_from"),
        .fence = number(row, "tw"),
        .overhead = number(row, "overhead_ticks"),
        .per_block = number(row, "ticks_per_block"),
    };
    if (count == 0 || count > MAX_ROUNDS / 2 || jval_count(starts) != count + 1 ||
        jval_count(durations) != count || jval_count(play->luck) == 0)
        return error_set(err, ERR_INVALID, "an episode has no past");
    for (size_t i = 0; i < count; i++) {
        play->rounds[i] =
            round_of(play, jval_real(jval_at(starts, i)), jval_real(jval_at(starts, i + 1)),
                     jval_real(jval_at(blocks, i)), jval_real(jval_at(durations, i)));
    }
    play->round_count = count;
    play->last = play->rounds[count - 1].end;
    play->busy = play->last + play->rounds[count - 1].duration;
    return ERR_NONE;
}

static bool has_room(const struct play *play)
{
    return play->round_count < MAX_ROUNDS;
}

static void make_round(struct play *play, double start)
{
    double blocks = trace_changed(play->trace, play->last, start);
    double duration = duration_at(play, blocks, start);
    double base = play->rounds[play->round_count - 1].end;
    play->rounds[play->round_count++] = round_of(play, base, rint(start), blocks, duration);
    play->last = start;
    play->busy = start + duration;
    play->made++;
}

static double downtime_of(const struct play *play)
{
    double blocks = trace_changed(play->trace, play->last, play->fence);
    double over = fmax(play->fence, play->busy) + duration_at(play, blocks, play->fence);
    return over - play->fence;
}

/* Constant rates: what the last round changed per tick, and carried per tick. */
static bool qemu_would(const struct play *play, double start)
{
    const struct episode_round *last = &play->rounds[play->round_count - 1];
    double dirty = last->changed_blocks / fmax(last->end - last->start, 0.5);
    double carried = last->changed_blocks / last->duration;
    return start + dirty * (start - play->last) / carried <= play->fence;
}

static void play_steadily(struct play *play, double now, enum series_policy policy)
{
    double start = half_tick_up(fmax(now, play->busy));
    while (start < play->fence - LEAST_PAUSE + 1e-9 && has_room(play)) {
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
        .fence = play->fence,
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
    for (size_t tick = first; tick < end && tick < play->trace->tick_count; tick++) {
        writes[episode.write_count++] = (struct write_sample){
            .start_ms = tick_to_ms((double)tick),
            .length_ms = TICK_MS,
            .bytes = llround(play->trace->bytes[tick]),
            .ops = llround(play->trace->ops[tick]),
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
        if (!answer.has_start || start >= play->fence)
            break;
        if (start - 1 > now + 1) {
            now = floor(start - 1);
            continue;
        }
        make_round(play, start);
        now = fmax(floor(fmin(play->busy, play->fence - 1)), floor(start));
        if (now >= play->fence - 1 || play->busy >= play->fence)
            break;
    }
    return ERR_NONE;
}

static void add_result(struct series_result *result, const struct play *play, double promise)
{
    double downtime = downtime_of(play);
    result->downtime += downtime;
    result->rounds += (double)play->made;
    result->cost += downtime + ROUND_PRICE * (double)play->made;
    result->kept += downtime <= promise;
}

static enum error_code play_episode(const struct jval *row, const struct trace *trace,
                                    struct series_results *results, struct error *err)
{
    double now = number(row, "t0");
    struct play *play = calloc(1, sizeof(*play));
    struct view *view = calloc(1, sizeof(*view));
    enum error_code code = ERR_NONE;
    if (play == NULL || view == NULL)
        code = error_set(err, ERR_NO_MEMORY, "cannot hold an episode");
    for (size_t policy = 0; policy < POLICY_COUNT && code == ERR_NONE; policy++) {
        double promise = 0;
        code = play_init(play, row, trace, err);
        if (code == ERR_NONE && policy == POLICY_PLANNER) {
            code = play_planned(play, now, view, &promise, err);
        } else if (code == ERR_NONE) {
            play_steadily(play, now, (enum series_policy)policy);
        }
        if (code == ERR_NONE)
            add_result(&results->policies[policy], play, promise);
    }
    free(play);
    free(view);
    return code;
}

/* The recorded volumes, each read once. */
struct volumes {
    struct trace traces[MAX_VOLUMES];
    char names[MAX_VOLUMES][16];
    size_t count;
};

static void volumes_done(struct volumes *volumes)
{
    for (size_t i = 0; i < volumes->count; i++)
        trace_done(&volumes->traces[i]);
}

static enum error_code find_volume(struct volumes *volumes, const char *directory, const char *name,
                                   const struct trace **trace, struct error *err)
{
    size_t i = 0;
    while (i < volumes->count && strcmp(volumes->names[i], name) != 0)
        i++;
    if (i == MAX_VOLUMES)
        return error_set(err, ERR_INVALID, "more than %d volumes", MAX_VOLUMES);
    if (i == volumes->count) {
        TRY(trace_read(&volumes->traces[i], directory, name, err));
        (void)snprintf(volumes->names[i], sizeof(volumes->names[i]), "%s", name);
        volumes->count++;
    }
    *trace = &volumes->traces[i];
    return ERR_NONE;
}

static enum error_code play_all(const struct jval *rows, const char *directory,
                                struct series_results *results, struct error *err)
{
    CLEANUP(volumes_done) struct volumes volumes = {0};
    for (size_t i = 0; i < jval_count(rows); i++) {
        const struct jval *row = jval_at(rows, i);
        const struct trace *trace = NULL;
        TRY(find_volume(&volumes, directory, jval_text(row, "vol"), &trace, err));
        TRY(play_episode(row, trace, results, err));
        results->episode_count++;
    }
    for (size_t i = 0; i < POLICY_COUNT && results->episode_count > 0; i++) {
        struct series_result *result = &results->policies[i];
        double count = (double)results->episode_count;
        result->downtime /= count;
        result->rounds /= count;
        result->cost /= count;
        result->kept /= count;
    }
    return ERR_NONE;
}

enum error_code series_cases_play(const char *directory, struct series_results *results,
                                  struct error *err)
{
    CLEANUP_JVAL struct jval *root = NULL;
    char path[4096];
    char *text = NULL;
    (void)snprintf(path, sizeof(path), "%s/episodes.json.gz", directory);
    TRY(table_read_text(path, &text, err));
    enum error_code code = jval_parse(text, strlen(text), &root, err);
    free(text);
    return code == ERR_NONE ? play_all(root, directory, results, err) : code;
}
