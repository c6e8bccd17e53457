#include <math.h>
#include <stdlib.h>

#include "bench/policy.h"
#include "model/instant.h"
#include "tests/sim/foresight.h"

/* Rounds and cut begin on a grid: coarse while only large rounds are made, fine from a few hours
 * before the window on. */
#define COARSE_MS    (4 * MS_PER_MINUTE)
#define FINE_MS      (30 * MS_PER_SECOND)
#define FINE_FROM_MS (SCENE_LEAD_MS - 4 * MS_PER_HOUR)
#define END_MS       (SCENE_LEAD_MS + SCENE_WINDOW_MS)
#define COARSE_STEPS (FINE_FROM_MS / COARSE_MS)
#define STEPS        ((size_t)(COARSE_STEPS + (END_MS - FINE_FROM_MS) / FINE_MS))
/* The luck is read by the minute, and some rounds may end late. */
#define MINUTES ((size_t)((END_MS + MS_PER_DAY) / MS_PER_MINUTE))
/* Between the end of something and that it is seen, in the mean. */
#define SEEN_MS 2500.0
/* By so much a snapshot is off, since the blocks scatter around their mean: no plan may hang on copies
 * that begin just before the luck turns. */
#define SCATTER 0.015

/* Everything it knows. Rows and columns of the tables are steps of the grid: [row * STEPS + column]. */
struct oracle {
    struct scene *scene;
    const struct sim_volume *volumes[NATURE_VOLUMES_MAX];
    size_t count;
    int64_t origin_ms;                                  /* of the grid */
    struct transfer_law *snapshots[NATURE_VOLUMES_MAX]; /* by the minute */
    struct transfer_law *copies[NATURE_VOLUMES_MAX];
    int64_t held_ms;       /* from the fence to the cut */
    float *round_ms;       /* of a round that begins at `column` after one that began at `row` */
    float *down_ms;        /* the downtime if the fence goes up at `column`, the same */
    float *least_ms;       /* the least downtime if nothing is done before `column`, the same */
    float *first_round_ms; /* both for the volumes as they are, by column */
    float *first_down_ms;
};

static int64_t instant_of(const struct oracle *oracle, size_t step)
{
    int64_t fine = (int64_t)step - COARSE_STEPS;
    int64_t since_ms = fine < 0 ? (int64_t)step * COARSE_MS : FINE_FROM_MS + fine * FINE_MS;
    return oracle->origin_ms + since_ms;
}

/* The first step at or after an instant, so many ms after the origin; STEPS if there is none. */
static size_t step_at(double since_ms)
{
    double fine_ms = since_ms - (double)FINE_FROM_MS;
    double step = fine_ms <= 0 ? ceil(since_ms / (double)COARSE_MS)
                               : (double)COARSE_STEPS + ceil(fine_ms / (double)FINE_MS);
    return step < (double)STEPS ? (size_t)step : STEPS;
}

static void oracle_done(struct oracle *oracle)
{
    for (size_t i = 0; i < oracle->count; i++) {
        free(oracle->snapshots[i]);
        free(oracle->copies[i]);
    }
    free(oracle->round_ms);
    free(oracle->down_ms);
    free(oracle->least_ms);
    free(oracle->first_round_ms);
    free(oracle->first_down_ms);
}

static enum error_code learn_volume(struct oracle *oracle, size_t index, struct error *err)
{
    struct scene *scene = oracle->scene;
    struct world *world = scene->fake.world;
    struct refusal refusal;
    const struct sim_volume *volume =
        world_volume(world, &scene->here_self.caller, scene->config.volumes[index], &refusal);
    struct transfer_law *snapshots = calloc(MINUTES, sizeof(*snapshots));
    struct transfer_law *copies = calloc(MINUTES, sizeof(*copies));
    oracle->volumes[index] = volume;
    oracle->snapshots[index] = snapshots;
    oracle->copies[index] = copies;
    oracle->count++;
    if (snapshots == NULL || copies == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot look ahead");
    for (size_t i = 0; i < MINUTES; i++) {
        int64_t at_ms = oracle->origin_ms + (int64_t)i * MS_PER_MINUTE;
        snapshots[i] = foresee_snapshot(world, volume, at_ms);
        copies[i] = foresee_copy(world, volume, &scene->there_self.caller, at_ms);
    }
    return ERR_NONE;
}

static size_t minute_at(double since_ms)
{
    size_t minute = (size_t)(since_ms / (double)MS_PER_MINUTE);
    return minute < MINUTES ? minute : MINUTES - 1;
}

/* The slowest copies of a set that may begin between two instants after the origin. */
static double copy_ms(const struct oracle *oracle, const double *bytes, double from_ms,
                      double to_ms)
{
    double slowest_ms = 0;
    for (size_t i = 0; i < oracle->count; i++) {
        const struct transfer_law *laws = oracle->copies[i];
        slowest_ms = fmax(slowest_ms, physics_law_ms(&laws[minute_at(from_ms)], bytes[i]));
        slowest_ms = fmax(slowest_ms, physics_law_ms(&laws[minute_at(to_ms)], bytes[i]));
    }
    return slowest_ms;
}

/* A round that begins then, after a snapshot at base_ms (0: that of the past, and no copy yet). */
static double round_ms(const struct oracle *oracle, int64_t base_ms, int64_t at_ms)
{
    double since_ms = (double)(at_ms - oracle->origin_ms);
    double bytes[NATURE_VOLUMES_MAX];
    double snapshot_ms = 0;
    for (size_t i = 0; i < oracle->count; i++) {
        const struct sim_volume *volume = oracle->volumes[i];
        const struct transfer_law *law = &oracle->snapshots[i][minute_at(since_ms)];
        int64_t from_ms = base_ms == 0 ? foresee_base_ms(volume) : base_ms;
        bytes[i] = foresee_changes(volume, from_ms, at_ms);
        snapshot_ms = fmax(snapshot_ms, physics_law_ms(law, bytes[i]));
        if (base_ms == 0)
            bytes[i] = foresee_full(volume);
    }
    if (!oracle->scene->copies)
        return snapshot_ms + SEEN_MS;
    double seen_ms = since_ms + snapshot_ms + SEEN_MS;
    double scatter_ms = SCATTER * snapshot_ms + SEEN_MS;
    return snapshot_ms + copy_ms(oracle, bytes, seen_ms - scatter_ms, seen_ms + scatter_ms) +
           2 * SEEN_MS;
}

/* The downtime if the fence goes up at a step; infinite before the window. */
static double down_ms(const struct oracle *oracle, int64_t base_ms, size_t step)
{
    int64_t fence_ms = instant_of(oracle, step);
    if (fence_ms < oracle->scene->window_ms)
        return (double)INFINITY;
    return (double)oracle->held_ms + round_ms(oracle, base_ms, fence_ms + oracle->held_ms);
}

static float least_after(const struct oracle *oracle, size_t step, double round_ms)
{
    size_t next = step_at((double)(instant_of(oracle, step) - oracle->origin_ms) + round_ms);
    return next == STEPS ? INFINITY : oracle->least_ms[step * STEPS + next];
}

/* Backwards from the end: what a round leads to is known when its row is filled. */
static void fill_tables(struct oracle *oracle)
{
    for (size_t row = STEPS; row-- > 0;) {
        float best = INFINITY;
        for (size_t step = STEPS; step-- > row + 1;) {
            size_t cell = row * STEPS + step;
            int64_t base_ms = instant_of(oracle, row);
            oracle->round_ms[cell] = (float)round_ms(oracle, base_ms, instant_of(oracle, step));
            oracle->down_ms[cell] = (float)down_ms(oracle, base_ms, step);
            best = fminf(best, least_after(oracle, step, (double)oracle->round_ms[cell]));
            best = fminf(best, oracle->down_ms[cell]);
            oracle->least_ms[cell] = best;
        }
    }
    for (size_t step = 0; step < STEPS; step++) {
        oracle->first_round_ms[step] = (float)round_ms(oracle, 0, instant_of(oracle, step));
        oracle->first_down_ms[step] = (float)down_ms(oracle, 0, step);
    }
}

static enum error_code make_tables(struct oracle *oracle, struct error *err)
{
    oracle->round_ms = calloc(STEPS * STEPS, sizeof(float));
    oracle->down_ms = calloc(STEPS * STEPS, sizeof(float));
    oracle->least_ms = calloc(STEPS * STEPS, sizeof(float));
    oracle->first_round_ms = calloc(STEPS, sizeof(float));
    oracle->first_down_ms = calloc(STEPS, sizeof(float));
    if (oracle->round_ms == NULL || oracle->down_ms == NULL || oracle->least_ms == NULL ||
        oracle->first_round_ms == NULL || oracle->first_down_ms == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot look ahead");
    return ERR_NONE;
}

static enum error_code oracle_look(struct oracle *oracle, struct scene *scene, struct error *err)
{
    *oracle = (struct oracle){
        .scene = scene,
        .origin_ms = scene->fake.now_ms,
        .held_ms = scene->fence_ms + scene->checkpoint_ms,
    };
    TRY(make_tables(oracle, err));
    for (size_t i = 0; i < scene->config.volume_count; i++)
        TRY(learn_volume(oracle, i, err));
    fill_tables(oracle);
    return ERR_NONE;
}

/* What to do next: at a step, a round or the cut. */
struct move {
    size_t step;
    bool cut;
};

/* The best move from a step on; of equal ones the last, which makes fewer rounds. `rounds` and `downs`
 * hold what a round would take at each step, and what a cut would cost. */
static struct move best_move(const struct oracle *oracle, const float *rounds, const float *downs,
                             size_t from)
{
    struct move best = {STEPS, true};
    float least = INFINITY;
    for (size_t step = from; step < STEPS; step++) {
        float then = least_after(oracle, step, (double)rounds[step]);
        if (downs[step] < INFINITY && downs[step] <= least) {
            least = downs[step];
            best = (struct move){step, true};
        }
        if (then < INFINITY && then <= least) {
            least = then;
            best = (struct move){step, false};
        }
    }
    return best;
}

static size_t step_now(const struct oracle *oracle)
{
    return step_at((double)(oracle->scene->fake.now_ms - oracle->origin_ms));
}

/* The tables speak of means and of whole minutes, so after each round they are asked again. */
static enum error_code play(struct oracle *oracle, struct outcome *outcome, struct error *err)
{
    struct scene *scene = oracle->scene;
    struct scene_round round;
    const float *rounds = oracle->first_round_ms;
    const float *downs = oracle->first_down_ms;
    for (;;) {
        struct move move = best_move(oracle, rounds, downs, step_now(oracle));
        if (move.step == STEPS)
            return ERR_NONE;
        TRY(clock_sleep_until(&scene->clock, instant_of(oracle, move.step), err));
        if (move.cut)
            break;
        TRY(scene_round(scene, &round, err));
        outcome->rounds++;
        rounds = &oracle->round_ms[move.step * STEPS];
        downs = &oracle->down_ms[move.step * STEPS];
    }
    outcome->done = true;
    return scene_final(scene, &outcome->down_s, err);
}

enum error_code policy_oracle(struct scene *scene, struct outcome *outcome, struct error *err)
{
    struct oracle oracle;
    enum error_code code = oracle_look(&oracle, scene, err);
    if (code == ERR_NONE)
        code = play(&oracle, outcome, err);
    oracle_done(&oracle);
    return code;
}
