#include "tests/core/engine/engine_rig.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gsl/gsl_errno.h>

#include "core/engine/engine.h"
#include "core/engine/path.h"
#include "model/instant.h"
#include "tests/sim/dice.h"
#include "tests/support/store_steps.h"

#define VOLUME_GIB INT64_C(40)
#define USED_BYTES (INT64_C(6) << 30)
/* The database rewrites a stretch of its files a minute. */
#define STRETCH_BYTES (INT64_C(24) << 20)
#define WRITE_BYTES   65536

static const struct caller owner = {RIG_ACCOUNT, "us-east-1", ""};

/* ---- the database ---- */

/* Writes what it would have written since the last time, unless it cannot. */
static void write_on(void *self)
{
    struct rig *rig = self;
    int64_t now_ms = rig->world.now_ms;
    if (rig->host.fenced || rig->host.frozen) {
        rig->written_ms = now_ms;
        return;
    }
    for (int64_t minute = rig->written_ms / MS_PER_MINUTE + 1; minute <= now_ms / MS_PER_MINUTE;
         minute++) {
        for (size_t i = 0; i < rig->options.volumes; i++) {
            struct refusal refusal;
            struct sim_volume *volume =
                world_volume(rig->world.world, &owner, rig->config.volumes[i], &refusal);
            struct dice dice = {dice_hash(rig->options.seed + i, (uint64_t)minute)};
            int64_t at = (int64_t)(dice_uniform(&dice) * (double)(USED_BYTES - STRETCH_BYTES));
            if (volume != NULL)
                world_touch(rig->world.world, volume, at, STRETCH_BYTES);
        }
    }
    rig->written_ms = now_ms;
}

void rig_write_batch(struct rig *rig)
{
    struct refusal refusal;
    struct sim_volume *volume =
        world_volume(rig->world.world, &owner, rig->config.volumes[0], &refusal);
    assert(volume != NULL);
    world_touch(rig->world.world, volume, 0, RIG_BATCH_BYTES);
    rig->batch_ms = rig->world.now_ms;
}

/* What the database wrote in a period. The world has no counters where there are no bytes, so that
 * CloudWatch's would all be 0. */
static double written(const struct rig *rig, const struct cloud_metric_request *request,
                      int64_t start_ms)
{
    int64_t length_ms = request->period_s * MS_PER_SECOND;
    double bytes = (double)STRETCH_BYTES * (double)length_ms / MS_PER_MINUTE;
    bool batch = rig->batch_ms >= start_ms && rig->batch_ms < start_ms + length_ms;
    if (batch && strcmp(request->volume_id, rig->config.volumes[0]) == 0)
        bytes += (double)RIG_BATCH_BYTES;
    return strcmp(request->name, "VolumeWriteBytes") == 0 ? bytes : bytes / WRITE_BYTES;
}

static enum error_code get_metric(void *self, const struct cloud_metric_request *request,
                                  struct cloud_metric *metric, struct error *err)
{
    const struct fake_cloud *fake = self;
    const struct rig *rig = fake->in->inhabitant;
    TRY(rig->get_metric(self, request, metric, err));
    for (size_t i = 0; i < metric->count; i++)
        metric->points[i].sum = written(rig, request, metric->points[i].start_ms);
    return ERR_NONE;
}

static void add_volume(struct rig *rig, size_t number)
{
    struct world *world = rig->world.world;
    struct volume_request request = {
        .zone = "us-east-1a", .size_gib = VOLUME_GIB, .type = "gp3", .iops = 3000};
    request.encrypted = rig->options.other_account;
    request.key = rig->options.other_account ? "alias/closed" : NULL;
    struct sim_volume *volume = NULL;
    struct refusal refusal;
    char device[16];
    (void)snprintf(device, sizeof(device), "/dev/sd%c", (char)('f' + number));
    bool made = world_create_volume(world, &owner, &request, &volume, &refusal);
    assert(made);
    rig->world.now_ms += MS_PER_MINUTE;
    world_advance(world);
    struct attach_request attach = {volume->id, rig->world.names.instance, device, false};
    made = world_attach_volume(world, &owner, &attach, &volume, &refusal);
    assert(made);
    rig->world.now_ms += MS_PER_MINUTE;
    world_advance(world);
    world_touch(world, volume, 0, USED_BYTES);
    (void)snprintf(rig->config.volumes[number], CLOUD_ID_SIZE, "%s", volume->id);
    rig->config.volume_count++;
}

void rig_init(struct rig *rig, const struct rig_options *options)
{
    struct error err;
    (void)gsl_set_error_handler_off();
    *rig = (struct rig){.options = *options};
    enum error_code code = fake_world_open(&rig->world, options->seed, NULL, &err);
    assert(code == ERR_NONE);
    config_init(&rig->config);
    /* Rounds are alike: a handful has every step that a dozen has, and is died through in a third of
     * the time. */
    rig->config.round_price_ms = MS_PER_MINUTE;
    for (size_t i = 0; i < options->volumes; i++)
        add_volume(rig, i);
    fake_host_init(&rig->host, &rig->world);
    rig->written_ms = rig->world.now_ms;
    rig->world.live = write_on;
    rig->world.inhabitant = rig;
    rig->world.skew_ms = options->skew_ms;
    rig->world.steps = 0;
    /* In memory where that is possible: processes die here, machines do not. */
    (void)snprintf(rig->directory, sizeof(rig->directory), "%s/ebshift-rig-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    const char *directory = mkdtemp(rig->directory);
    assert(directory != NULL);
}

static void remove_file(const struct rig *rig, const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", rig->directory, name);
    (void)unlink(path);
}

void rig_done(struct rig *rig)
{
    remove_file(rig, "ebshift.db");
    remove_file(rig, "ebshift.db-wal");
    remove_file(rig, "ebshift.db-shm");
    remove_file(rig, "lock");
    (void)rmdir(rig->directory);
    fake_world_close(&rig->world);
}

void rig_arm(struct rig *rig, const char *script)
{
    struct error err;
    enum error_code code = world_arm_fault(rig->world.world, script, &err);
    assert(code == ERR_NONE);
}

/* ---- one process ---- */

#define COPY_TEXT(to, from) (void)snprintf((to), sizeof(to), "%s", (from))

const char *rig_target_account(const struct rig *rig)
{
    return rig->options.other_account ? RIG_OTHER : RIG_ACCOUNT;
}

static struct run wanted_run(const struct rig *rig, int64_t now_ms)
{
    int64_t lead_ms = rig->options.lead_ms > 0 ? rig->options.lead_ms : MS_PER_HOUR;
    struct run run = {
        .id = RIG_RUN,
        .created_ms = now_ms,
        .source_region = "us-east-1",
        .target_region = "eu-west-1",
        .target_zone = "eu-west-1a",
        .fence = rig->options.fence,
        .backup = rig->options.backup,
        .window_start_ms = now_ms + lead_ms,
        .window_end_ms = now_ms + lead_ms + 8 * MS_PER_HOUR,
        .confidence = 0.9,
    };
    COPY_TEXT(run.source_instance, rig->world.names.instance);
    if (rig->options.other_account) {
        COPY_TEXT(run.target_key, "alias/data");
        COPY_TEXT(run.target_account, RIG_OTHER);
    }
    if (!rig->options.no_instance && rig->options.other_account)
        COPY_TEXT(run.target_instance, rig->world.names.target_instance_b);
    else if (!rig->options.no_instance)
        COPY_TEXT(run.target_instance, rig->world.names.target_instance);
    return run;
}

static void keep(struct rig *rig, const char *message)
{
    size_t length = strlen(rig->told);
    (void)snprintf(rig->told + length, sizeof(rig->told) - length, "%s\n", message);
}

/* For whoever looks for the cause of a failure: RIG_TELL in the environment tells the log. */
static void tell(void *self, enum log_level level, int64_t at_ms, const char *message)
{
    char at[INSTANT_TEXT_SIZE];
    struct rig *rig = self;
    if (level >= LOG_INFO)
        keep(rig, message);
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
    if (getenv("RIG_TELL") == NULL)
        return;
    (void)fprintf(stderr, "%s %lld %d %s\n", instant_text(at_ms, at), (long long)rig->world.steps,
                  (int)level, message);
}

static enum error_code act(struct rig *rig, struct store *store, enum rig_verb verb,
                           enum machine_state until, struct error *err)
{
    struct fake_cloud source_self;
    struct fake_cloud target_self;
    struct fake_cloud via_self;
    struct cloud via = fake_cloud_init(&via_self, &rig->world, RIG_ACCOUNT, "eu-west-1");
    struct cloud source = fake_cloud_init(&source_self, &rig->world, RIG_ACCOUNT, "us-east-1");
    struct cloud target =
        fake_cloud_init(&target_self, &rig->world, rig_target_account(rig), "eu-west-1");
    rig->get_metric = source.get_metric;
    if (rig->options.metered)
        source.get_metric = get_metric;
    struct quiesce quiesce = fake_host_quiesce(&rig->host);
    struct clock clock = fake_world_clock(&rig->world);
    struct log log = {.take = tell, .self = rig};
    const struct path_ends ends = {
        .source = &source,
        .target = &target,
        .target_key = rig->options.other_account ? "alias/data" : "",
        .account_id = rig->options.other_account ? RIG_OTHER : "",
        .principal = "arn:aws:iam::" RIG_OTHER ":root",
        .via_source = &via,
        .via_target = &target,
        .via_key = "alias/closed",
    };
    const struct path path = path_make(&ends);
    struct engine engine = {
        .config = &rig->config,
        .source = &source,
        .target = &target,
        .path = &path,
        .quiesce = &quiesce,
        .store = store,
        .clock = &clock,
        .log = &log,
    };
    enum error_code code = store_get_run(store, RIG_RUN, &engine.run, err);
    if (code == ERR_NO_RUN) {
        engine.run = wanted_run(rig, clock_now_ms(&clock));
        code = engine_begin(&engine, err);
    }
    TRY(code);
    return verb == RIG_ABORT ? engine_abort(&engine, err) : engine_run_to(&engine, until, err);
}

static enum error_code drive(struct rig *rig, enum rig_verb verb, enum machine_state until,
                             struct error *err)
{
    CLEANUP_STORE struct store *store = NULL;
    TRY(store_open(rig->directory, &store, err));
    TRY(store_lock(store, rig->world.now_ms, err));
    store_steps_of(&rig->world);
    enum error_code code = act(rig, store, verb, until, err);
    store_steps_of(NULL);
    return code;
}

enum error_code rig_drive(struct rig *rig, enum rig_verb verb, struct error *err)
{
    return drive(rig, verb, STATE_DONE, err);
}

enum error_code rig_drive_to(struct rig *rig, enum machine_state state, struct error *err)
{
    return drive(rig, RIG_RUN_ON, state, err);
}

bool rig_drive_and_die(struct rig *rig, enum rig_verb verb, int64_t die_at, enum error_code *code,
                       struct error *err)
{
    rig->world.die_at = rig->world.steps + die_at;
    *code = rig_drive(rig, verb, err);
    bool died = rig->world.dead;
    if (died)
        fake_host_bury(&rig->host);
    fake_world_bury(&rig->world);
    return died;
}

/* ---- what is there ---- */

bool rig_read(struct rig *rig, struct run *run)
{
    CLEANUP_STORE struct store *store = NULL;
    struct error err;
    enum error_code code = store_open_readonly(rig->directory, &store, &err);
    if (code == ERR_NONE)
        code = store_get_run(store, RIG_RUN, run, &err);
    return code == ERR_NONE;
}

struct object *rig_objects(struct rig *rig, size_t *count)
{
    CLEANUP_STORE struct store *store = NULL;
    struct object *objects = NULL;
    struct error err;
    *count = 0;
    if (store_open_readonly(rig->directory, &store, &err) != ERR_NONE)
        return NULL;
    enum error_code code = store_get_objects(store, RIG_RUN, &objects, count, &err);
    assert(code == ERR_NONE);
    return objects;
}

static bool is_of_run(const struct sim_tags *tags)
{
    const char *run = tags_get(tags, TAG_RUN);
    return run != NULL && strcmp(run, RIG_RUN) == 0;
}

size_t rig_live_snapshots(struct rig *rig, const char *region)
{
    struct caller caller = {RIG_ACCOUNT, "", ""};
    const struct sim_snapshot *snapshot;
    size_t cursor = 0;
    size_t live = 0;
    (void)snprintf(caller.region, sizeof(caller.region), "%s", region);
    world_advance(rig->world.world);
    while ((snapshot = world_next_snapshot(rig->world.world, &caller, &cursor)) != NULL)
        live += is_of_run(&snapshot->tags);
    return live;
}

size_t rig_live_volumes(struct rig *rig)
{
    struct caller caller = {"", "eu-west-1", ""};
    const struct sim_volume *volume;
    size_t cursor = 0;
    size_t live = 0;
    COPY_TEXT(caller.account, rig_target_account(rig));
    world_advance(rig->world.world);
    while ((volume = world_next_volume(rig->world.world, &caller, &cursor)) != NULL)
        live += is_of_run(&volume->tags);
    return live;
}
