/* series_bench: whole migrations on the simulator's stepped clock, ours beside simpler policies.
 *
 *     series-bench [WORLDS] [FIRST_SEED]      (default 12 worlds from seed 101)
 *
 * Every world has sixty days of history and a volume of 2.2 TiB; every policy gets the same forty
 * hours before the window opens and the same call interface. The downtime runs from the cut until
 * the last copy has completed. Prints one table; nothing in it is wall time. */
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gsl/gsl_errno.h>

#include "core/engine/attempt.h"
#include "core/engine/collect.h"
#include "core/engine/engine.h"
#include "core/engine/outlook.h"
#include "model/instant.h"
#include "tests/sim/fake_cloud.h"

#define ACCOUNT    "111122223333"
#define LEAD_MS    (40 * MS_PER_HOUR)
#define WINDOW_MS  (6 * MS_PER_HOUR)
#define CONFIDENCE 0.9
#define WORLDS_MAX 200
/* Gaps whose blocks are listed, as the command line does. */
#define GAPS 30

/* One world under one policy. */
struct scene {
    struct fake_world fake;
    struct fake_cloud here_self;
    struct fake_cloud there_self;
    struct cloud here;
    struct cloud there;
    struct path path;
    struct clock clock;
    struct log log;
    struct config config;
    int64_t window_ms; /* its start */
    char directory[64];
    struct store *store;
};

/* What came of it. */
struct outcome {
    double down_s;
    double rounds;
    bool promised; /* this policy says beforehand what the downtime will be */
    bool kept;     /* within the promise made forty hours before */
    bool covered;  /* inside p05 to p95 as told at the cut */
};

static void drop_event(void *self, enum log_level level, int64_t at_ms, const char *message)
{
    (void)self;
    (void)level;
    (void)at_ms;
    (void)message;
}

static enum error_code scene_open(struct scene *scene, uint64_t seed, struct error *err)
{
    *scene = (struct scene){.log = {.take = drop_event}};
    (void)snprintf(scene->directory, sizeof(scene->directory), "/tmp/ebshift-series-XXXXXX");
    if (mkdtemp(scene->directory) == NULL)
        return error_set(err, ERR_SYSTEM, "cannot make a directory");
    TRY(fake_world_open(&scene->fake, seed, &nature_usual, err));
    scene->here = fake_cloud_init(&scene->here_self, &scene->fake, ACCOUNT, "us-east-1");
    scene->there = fake_cloud_init(&scene->there_self, &scene->fake, ACCOUNT, "eu-west-1");
    const struct path_ends ends = {
        .source = &scene->here, .target = &scene->there, .target_key = "", .account_id = ""};
    scene->path = path_make(&ends);
    scene->clock = fake_world_clock(&scene->fake);
    scene->window_ms = scene->fake.now_ms + LEAD_MS;
    config_init(&scene->config);
    TRY(config_set(&scene->config, "source.volume", scene->fake.names.volumes, err));
    TRY(config_set(&scene->config, "source.instance", scene->fake.names.instance, err));
    return store_open(scene->directory, &scene->store, err);
}

static int remove_entry(const char *path, const struct stat *facts, int kind, struct FTW *place)
{
    (void)facts;
    (void)kind;
    (void)place;
    return remove(path);
}

static void scene_close(struct scene *scene)
{
    store_close(scene->store);
    fake_world_close(&scene->fake);
    (void)nftw(scene->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- ours: the engine as it is ---- */

static struct outlook_request request_of(struct scene *scene)
{
    return (struct outlook_request){
        .config = &scene->config,
        .source = &scene->here,
        .path = &scene->path,
        .store = scene->store,
        .clock = &scene->clock,
        .log = &scene->log,
        .window_start_ms = scene->window_ms,
        .window_end_ms = scene->window_ms + WINDOW_MS,
        .confidence = CONFIDENCE,
        .patience_ms = PATIENCE_AT_A_PROMPT_MS,
    };
}

/* Learns from the history and says what will be promised. */
static enum error_code promise_of(struct scene *scene, double *promise_s, struct error *err)
{
    struct outlook_request request = request_of(scene);
    struct collect_result result;
    struct collect_request collect = {
        .source = &scene->here,
        .path = &scene->path,
        .store = scene->store,
        .clock = &scene->clock,
        .log = &scene->log,
        .max_gaps = GAPS,
        .patience_ms = PATIENCE_AT_A_PROMPT_MS,
    };
    TRY(collect_volume(&collect, scene->config.volumes[0], &result, err));
    struct outlook *outlook = calloc(1, sizeof(*outlook));
    if (outlook == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot plan");
    enum error_code code = outlook_make(&request, outlook, err);
    *promise_s = outlook->plan.downtime_promise_s;
    outlook_done(outlook);
    free(outlook);
    return code;
}

static struct run run_of(const struct scene *scene)
{
    struct run run = {
        .id = "bench",
        .created_ms = scene->fake.now_ms,
        .source_region = "us-east-1",
        .target_region = "eu-west-1",
        .target_zone = "eu-west-1a",
        .window_start_ms = scene->window_ms,
        .window_end_ms = scene->window_ms + WINDOW_MS,
        .confidence = CONFIDENCE,
    };
    (void)snprintf(run.source_instance, sizeof(run.source_instance), "%s",
                   scene->fake.names.instance);
    return run;
}

static enum error_code play_ours(struct scene *scene, struct outcome *outcome, struct error *err)
{
    double promise_s = 0;
    TRY(promise_of(scene, &promise_s, err));
    struct engine engine = {
        .config = &scene->config,
        .source = &scene->here,
        .target = &scene->there,
        .path = &scene->path,
        .store = scene->store,
        .clock = &scene->clock,
        .log = &scene->log,
        .run = run_of(scene),
        .force = true,
    };
    TRY(engine_begin(&engine, err));
    TRY(engine_run(&engine, err));
    const struct run *run = &engine.run;
    double down_s = (double)(run->up_ms - run->down_ms) / 1000;
    *outcome = (struct outcome){
        .down_s = down_s,
        .rounds = run->round - 1,
        .promised = true,
        .kept = down_s <= promise_s,
        .covered = run->downtime_p05_s <= down_s && down_s <= run->downtime_p95_s,
    };
    return ERR_NONE;
}

/* ---- the others: rounds by a rule, then the cut as soon as the window is open ---- */

static enum error_code wait_for(struct scene *scene, const struct cloud *cloud, const char *id,
                                struct error *err)
{
    struct cloud_snapshot_filter filter = {.ids = &id, .id_count = 1};
    for (;;) {
        CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots seen = {0};
        TRY(cloud->list_snapshots(cloud->self, &filter, &seen, err));
        if (seen.count == 1 && seen.items[0].state == CLOUD_SNAPSHOT_COMPLETED)
            return ERR_NONE;
        if (seen.count == 1 && seen.items[0].state != CLOUD_SNAPSHOT_PENDING)
            return error_set(err, ERR_CLOUD, "snapshot '%s' failed", id);
        TRY(clock_sleep_until(&scene->clock, scene->fake.now_ms + 5 * MS_PER_SECOND, err));
    }
}

/* One snapshot and its copy, waited for. */
static enum error_code play_round(struct scene *scene, struct error *err)
{
    const char *volume_id = scene->config.volumes[0];
    struct cloud_set_request request = {.volume_ids = &volume_id, .volume_count = 1};
    struct cloud_set_result result = {0};
    char snapshot_id[CLOUD_ID_SIZE] = "";
    char copy_id[CLOUD_ID_SIZE] = "";
    TRY(scene->here.start_snapshot_set(scene->here.self, &request, &result, err));
    (void)snprintf(snapshot_id, sizeof(snapshot_id), "%s", result.snapshots.items[0].id);
    cloud_snapshots_done(&result.snapshots);
    TRY(wait_for(scene, &scene->here, snapshot_id, err));
    struct cloud_copy_request copy = {
        .source_region = "us-east-1",
        .source_snapshot_id = snapshot_id,
    };
    TRY(scene->there.copy_snapshot(scene->there.self, &copy, copy_id, err));
    return wait_for(scene, &scene->there, copy_id, err);
}

/* Rounds begin `every_ms` apart, or at once when the last took longer; most_rounds of them. */
static enum error_code play_rule(struct scene *scene, int64_t every_ms, int most_rounds,
                                 struct outcome *outcome, struct error *err)
{
    int rounds = 0;
    while (scene->fake.now_ms < scene->window_ms && rounds < most_rounds) {
        int64_t next_ms = scene->fake.now_ms + every_ms;
        TRY(play_round(scene, err));
        rounds++;
        if (next_ms > scene->fake.now_ms)
            TRY(clock_sleep_until(&scene->clock, next_ms, err));
    }
    TRY(clock_sleep_until(&scene->clock, scene->window_ms, err));
    int64_t cut_ms = scene->fake.now_ms;
    TRY(play_round(scene, err));
    *outcome = (struct outcome){
        .down_s = (double)(scene->fake.now_ms - cut_ms) / 1000,
        .rounds = rounds,
    };
    return ERR_NONE;
}

static enum error_code play_back_to_back(struct scene *scene, struct outcome *outcome,
                                         struct error *err)
{
    return play_rule(scene, 15 * MS_PER_SECOND, 100000, outcome, err);
}

static enum error_code play_hourly(struct scene *scene, struct outcome *outcome, struct error *err)
{
    return play_rule(scene, MS_PER_HOUR, 100000, outcome, err);
}

static enum error_code play_once(struct scene *scene, struct outcome *outcome, struct error *err)
{
    return play_rule(scene, 15 * MS_PER_SECOND, 1, outcome, err);
}

/* ---- the table ---- */

struct policy {
    const char *name;
    enum error_code (*play)(struct scene *scene, struct outcome *outcome, struct error *err);
};

static const struct policy policies[] = {
    {"ours", play_ours},
    {"back-to-back", play_back_to_back},
    {"hourly", play_hourly},
    {"one round", play_once},
};

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static void print_row(const struct policy *policy, const struct outcome *outcomes, size_t count)
{
    double down[WORLDS_MAX];
    double sum = 0;
    double rounds = 0;
    double kept = 0;
    double covered = 0;
    for (size_t i = 0; i < count; i++) {
        down[i] = outcomes[i].down_s / 60;
        sum += down[i];
        rounds += outcomes[i].rounds;
        kept += outcomes[i].kept;
        covered += outcomes[i].covered;
    }
    double n = (double)count;
    qsort(down, count, sizeof(down[0]), by_size);
    (void)printf("%-13s %9.1f %9.1f %9.1f %8.1f", policy->name, sum / n, down[count / 2],
                 down[(size_t)(0.9 * (n - 1) + 0.5)], rounds / n);
    if (outcomes[0].promised)
        (void)printf(" %8.0f %% %8.0f %%", 100 * kept / n, 100 * covered / n);
    (void)printf("\n");
}

static enum error_code play_worlds(const struct policy *policy, uint64_t first_seed, size_t count,
                                   struct outcome *outcomes, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        struct scene scene;
        enum error_code code = scene_open(&scene, first_seed + i, err);
        if (code == ERR_NONE)
            code = policy->play(&scene, &outcomes[i], err);
        scene_close(&scene);
        if (code != ERR_NONE)
            return error_prefix(err, "%s, seed %zu", policy->name, (size_t)first_seed + i);
    }
    return ERR_NONE;
}

int main(int argc, char **argv)
{
    static struct outcome outcomes[WORLDS_MAX];
    struct error err = {0};
    size_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 12;
    uint64_t first_seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 101;
    if (count == 0 || count > WORLDS_MAX) {
        (void)fprintf(stderr, "usage: series-bench [WORLDS (1 to %d)] [FIRST_SEED]\n", WORLDS_MAX);
        return 2;
    }
    (void)gsl_set_error_handler_off();
    (void)printf("%zu worlds, %d h before a window of %d h, promise at p = %.1f; minutes\n\n",
                 count, (int)(LEAD_MS / MS_PER_HOUR), (int)(WINDOW_MS / MS_PER_HOUR), CONFIDENCE);
    (void)printf("%-13s %9s %9s %9s %8s %10s %10s\n", "policy", "mean", "median", "p90", "rounds",
                 "kept", "p05-p95");
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        if (play_worlds(&policies[i], first_seed, count, outcomes, &err) != ERR_NONE) {
            (void)fprintf(stderr, "series-bench: %s\n", err.message);
            return 1;
        }
        print_row(&policies[i], outcomes, count);
        (void)fflush(stdout);
    }
    return 0;
}
