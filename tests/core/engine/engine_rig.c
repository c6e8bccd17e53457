#include "tests/core/engine/engine_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <gsl/gsl_errno.h>

#include "core/engine/engine.h"
#include "model/instant.h"

static const char *const volume_ids[] = {"vol-0c41d7e09ab23f586", "vol-0f93b6a2174ce80d5"};
enum { VOLUMES = 2 };

void rig_init(struct rig *rig)
{
    (void)gsl_set_error_handler_off();
    *rig = (struct rig){.fence = true};
    rig->world =
        mmap(NULL, sizeof(*rig->world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(rig->world, MAP_FAILED);
    fake_world_init(rig->world, RIG_START_MS);
    config_init(&rig->config);
    for (size_t i = 0; i < VOLUMES; i++) {
        fake_world_add_volume(rig->world, "us-east-1", volume_ids[i]);
        (void)snprintf(rig->config.volumes[i], CLOUD_ID_SIZE, "%s", volume_ids[i]);
    }
    rig->config.volume_count = VOLUMES;
    /* In memory where that is possible: processes die here, machines do not. */
    (void)snprintf(rig->directory, sizeof(rig->directory), "%s/ebshift-rig-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    cr_assert_not_null(mkdtemp(rig->directory));
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
    (void)munmap(rig->world, sizeof(*rig->world));
}

static struct run wanted_run(const struct rig *rig)
{
    return (struct run){
        .id = RIG_RUN,
        .created_ms = RIG_START_MS,
        .source_region = "us-east-1",
        .source_instance = "i-0a7d3c5e9b1f42680",
        .target_region = "eu-west-1",
        .target_zone = "eu-west-1b",
        .target_instance = "i-04f8e2b6d1a97c35e",
        .fence = rig->fence,
        .backup = rig->backup,
        .window_start_ms = RIG_START_MS + MS_PER_HOUR,
        .window_end_ms = RIG_START_MS + 9 * MS_PER_HOUR,
        .confidence = 0.9,
    };
}

static enum error_code act(struct rig *rig, struct store *store, enum rig_verb verb,
                           struct error *err)
{
    struct fake_region source = {.world = rig->world, .name = "us-east-1"};
    struct fake_region target = {.world = rig->world, .name = "eu-west-1"};
    struct cloud source_cloud = fake_world_cloud(&source);
    struct cloud target_cloud = fake_world_cloud(&target);
    struct quiesce quiesce = fake_world_quiesce(rig->world);
    struct clock clock = fake_world_clock(rig->world);
    struct log log = fake_world_log();
    struct engine engine = {
        .config = &rig->config,
        .source = &source_cloud,
        .target = &target_cloud,
        .quiesce = &quiesce,
        .store = store,
        .clock = &clock,
        .log = &log,
        .run = wanted_run(rig),
        .force = true,
    };
    struct run found;
    enum error_code code = store_get_run(store, RIG_RUN, &found, err);
    if (code == ERR_NONE)
        engine.run = found;
    else
        TRY(engine_begin(&engine, err));
    return verb == RIG_ABORT ? engine_abort(&engine, err) : engine_run(&engine, err);
}

enum error_code rig_drive(struct rig *rig, enum rig_verb verb, struct error *err)
{
    CLEANUP_STORE struct store *store = NULL;
    TRY(store_open(rig->directory, &store, err));
    TRY(store_lock(store, rig->world->now_ms, err));
    return act(rig, store, verb, err);
}

bool rig_drive_and_die(struct rig *rig, enum rig_verb verb, int64_t die_at)
{
    int status = 0;
    rig->world->die_at = rig->world->steps + die_at;
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        struct error err = {0};
        enum error_code code = rig_drive(rig, verb, &err);
        if (code != ERR_NONE)
            (void)fprintf(stderr, "step %d: %s\n", (int)die_at, err.message);
        _exit(code == ERR_NONE ? 0 : 1);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    bool killed = WIFEXITED(status) && WEXITSTATUS(status) == WORLD_KILLED;
    cr_assert(killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0), "status %x", status);
    fake_world_bury(rig->world);
    return killed;
}

void rig_read(struct rig *rig, struct run *run)
{
    CLEANUP_STORE struct store *store = NULL;
    struct error err = {0};
    cr_assert_eq(store_open_readonly(rig->directory, &store, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(store_get_run(store, RIG_RUN, run, &err), ERR_NONE, "%s", err.message);
}

static size_t count_ready(const struct object *objects, size_t count, enum object_kind kind,
                          int round, const char *volume_id)
{
    size_t ready = 0;
    for (size_t i = 0; i < count; i++)
        ready += objects[i].kind == kind && objects[i].state == OBJECT_READY &&
                 objects[i].round == round && strcmp(objects[i].volume_id, volume_id) == 0;
    return ready;
}

/* The final set is only worth something if it was taken while nobody could write. */
static void expect_final_still(const struct rig *rig, const struct run *run,
                               const struct object *objects, size_t count, const char *why)
{
    for (size_t i = 0; i < count; i++) {
        if (objects[i].kind != OBJECT_SNAPSHOT || objects[i].state != OBJECT_READY ||
            objects[i].round != run->round)
            continue;
        const struct world_snapshot *snapshot = fake_world_snapshot(rig->world, objects[i].id);
        cr_assert_not_null(snapshot, "%s", why);
        cr_assert(snapshot->frozen, "%s: the final snapshot was not frozen", why);
        cr_assert_eq(snapshot->fenced, rig->fence, "%s: fence at the cut", why);
    }
}

/* Returns the rounds that kept their set; all do, unless the test lets one fail at the service. */
static size_t expect_objects(struct rig *rig, const struct run *run, const char *why)
{
    size_t kept = 0;
    CLEANUP_STORE struct store *store = NULL;
    struct error err = {0};
    struct object *objects = NULL;
    size_t count = 0;
    cr_assert_eq(store_open_readonly(rig->directory, &store, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(store_get_objects(store, RIG_RUN, &objects, &count, &err), ERR_NONE);
    for (int round = 1; round <= run->round; round++) {
        if (rig->may_lose_round && round < run->round &&
            count_ready(objects, count, OBJECT_SNAPSHOT, round, volume_ids[0]) == 0)
            continue;
        kept++;
        for (size_t i = 0; i < VOLUMES; i++) {
            cr_assert_eq(count_ready(objects, count, OBJECT_SNAPSHOT, round, volume_ids[i]), 1,
                         "%s: snapshots of round %d", why, round);
            cr_assert_eq(count_ready(objects, count, OBJECT_COPY, round, volume_ids[i]), 1,
                         "%s: copies of round %d", why, round);
        }
    }
    for (size_t i = 0; i < VOLUMES; i++)
        cr_assert_eq(count_ready(objects, count, OBJECT_VOLUME, run->round, volume_ids[i]), 1,
                     "%s: volumes", why);
    expect_final_still(rig, run, objects, count, why);
    free(objects);
    return kept;
}

void rig_expect_done(struct rig *rig, const char *why)
{
    struct run run;
    rig_read(rig, &run);
    cr_assert_eq(run.state, STATE_DONE, "%s: ended in '%s': %s", why, machine_name(run.state),
                 run.failure);
    size_t each = expect_objects(rig, &run, why) * VOLUMES;
    cr_assert_eq(fake_world_live_snapshots(rig->world, "us-east-1"), each,
                 "%s: %zu snapshots for %d rounds", why,
                 fake_world_live_snapshots(rig->world, "us-east-1"), run.round);
    cr_assert_eq(fake_world_live_snapshots(rig->world, "eu-west-1"), each,
                 "%s: %zu copies for %d rounds", why,
                 fake_world_live_snapshots(rig->world, "eu-west-1"), run.round);
    cr_assert_eq(fake_world_live_volumes(rig->world), VOLUMES, "%s: live volumes", why);
    cr_assert_leq(rig->world->fence_records, 2, "%s", why);
    cr_assert_str_eq(run.consistency, "frozen", "%s", why);
    cr_assert(run.down_ms > 0 && run.down_ms <= run.cut_ms && run.cut_ms < run.up_ms &&
                  run.up_ms <= run.finished_ms,
              "%s: times out of order", why);
}

void rig_expect_gone(struct rig *rig, const char *why)
{
    struct run run;
    rig_read(rig, &run);
    cr_assert_eq(run.state, STATE_ABORTED, "%s: ended in '%s': %s", why, machine_name(run.state),
                 run.failure);
    cr_assert_eq(fake_world_live_snapshots(rig->world, "us-east-1"), 0, "%s: snapshots left", why);
    cr_assert_eq(fake_world_live_snapshots(rig->world, "eu-west-1"), 0, "%s: copies left", why);
    cr_assert_eq(fake_world_live_volumes(rig->world), 0, "%s: volumes left", why);
    cr_assert_not(rig->world->fenced, "%s: writers are still shut out", why);
}
