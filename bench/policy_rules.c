#include "bench/policy.h"
#include "model/instant.h"

/* What the service asks for between two snapshots of a volume. */
#define SPACING_MS (15 * MS_PER_SECOND)

static enum error_code sleep_until(struct scene *scene, int64_t instant_ms, struct error *err)
{
    return instant_ms > scene->fake.now_ms ? clock_sleep_until(&scene->clock, instant_ms, err)
                                           : ERR_NONE;
}

static enum error_code cut(struct scene *scene, struct outcome *outcome, struct error *err)
{
    TRY(sleep_until(scene, scene->window_ms, err));
    TRY(scene_final(scene, &outcome->down_s, err));
    outcome->done = true;
    return ERR_NONE;
}

/* Rounds begin `every_ms` apart, or at once when the last took longer; most_rounds of them. */
static enum error_code play_rule(struct scene *scene, int64_t every_ms, double most_rounds,
                                 struct outcome *outcome, struct error *err)
{
    struct scene_round round;
    while (scene->fake.now_ms < scene->window_ms && outcome->rounds < most_rounds) {
        int64_t next_ms = scene->fake.now_ms + every_ms;
        TRY(scene_round(scene, &round, err));
        outcome->rounds++;
        TRY(sleep_until(scene, next_ms, err));
    }
    return cut(scene, outcome, err);
}

enum error_code policy_back_to_back(struct scene *scene, struct outcome *outcome, struct error *err)
{
    return play_rule(scene, SPACING_MS, 1e9, outcome, err);
}

enum error_code policy_hourly(struct scene *scene, struct outcome *outcome, struct error *err)
{
    return play_rule(scene, MS_PER_HOUR, 1e9, outcome, err);
}

enum error_code policy_once(struct scene *scene, struct outcome *outcome, struct error *err)
{
    return play_rule(scene, SPACING_MS, 1, outcome, err);
}

/* How long what changed since the last round will take: constant rate, last bandwidth. What the first
 * round, which is full, says of the rate is nothing; one more tells it. */
static int64_t next_round_ms(const struct scene_round *before, const struct scene_round *last,
                             int64_t now_ms)
{
    if (before->started_ms == 0)
        return 0;
    double rate = last->bytes / (double)(last->started_ms - before->started_ms);
    double bandwidth = last->bytes / (double)(last->ended_ms - last->started_ms);
    return bandwidth <= 0 ? 0 : (int64_t)(rate * (double)(now_ms - last->started_ms) / bandwidth);
}

enum error_code policy_qemu(struct scene *scene, struct outcome *outcome, struct error *err)
{
    struct scene_round before = {0};
    struct scene_round last = {0};
    TRY(scene_round(scene, &last, err));
    outcome->rounds = 1;
    for (;;) {
        TRY(sleep_until(scene, last.started_ms + SPACING_MS, err));
        int64_t now_ms = scene->fake.now_ms;
        if (now_ms + next_round_ms(&before, &last, now_ms) >= scene->window_ms)
            break;
        before = last;
        TRY(scene_round(scene, &last, err));
        outcome->rounds++;
    }
    return cut(scene, outcome, err);
}
