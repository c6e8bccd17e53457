#include "bench/scene.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/still.h"
#include "model/instant.h"
#include "tests/sim/dice.h"

#define ACCOUNT "111122223333"
#define HERE    "us-east-1"
#define THERE   "eu-west-1"
#define LOOK_MS (5 * MS_PER_SECOND)

static void drop_event(void *self, enum log_level level, int64_t at_ms, const char *message)
{
    (void)self;
    (void)level;
    (void)at_ms;
    (void)message;
}

/* Every factor between is as likely as every other. */
static int64_t draw_ms(struct dice *dice, double least_s, double most_s)
{
    return (int64_t)(1000 * least_s * pow(most_s / least_s, dice_uniform(dice)));
}

/* Seven in ten go to another region. Sessions end in seconds, unless some do not want to; a flush has
 * to write what a busy server holds in memory. */
static void draw_plan(struct scene *scene)
{
    struct dice dice = {dice_hash(scene->seed, 71)};
    scene->copies = dice_uniform(&dice) < 0.7;
    scene->fence_ms = draw_ms(&dice, 2, 15);
    scene->checkpoint_ms = draw_ms(&dice, 3, 60);
}

enum error_code scene_open(struct scene *scene, uint64_t seed, struct error *err)
{
    *scene = (struct scene){
        .seed = seed,
        .nature = nature_of(seed),
        .log = {.take = drop_event},
    };
    draw_plan(scene);
    TRY(fake_world_open(&scene->fake, seed, &scene->nature, err));
    scene->zone = scene->copies ? THERE "a" : HERE "b";
    scene->instance = scene->copies ? scene->fake.names.target_instance : "";
    scene->here = fake_cloud_init(&scene->here_self, &scene->fake, ACCOUNT, HERE);
    scene->there =
        fake_cloud_init(&scene->there_self, &scene->fake, ACCOUNT, scene->copies ? THERE : HERE);
    const struct path_ends ends = {
        .source = &scene->here, .target = &scene->there, .target_key = "", .account_id = ""};
    scene->path = path_make(&ends);
    scene->clock = fake_world_clock(&scene->fake);
    scene->window_ms = scene->fake.now_ms + SCENE_LEAD_MS;
    config_init(&scene->config);
    TRY(config_set(&scene->config, "source.volume", scene->fake.names.volumes, err));
    return config_set(&scene->config, "source.instance", scene->fake.names.instance, err);
}

void scene_close(struct scene *scene)
{
    fake_world_close(&scene->fake);
}

/* Ids of one step of a round, one for each volume. */
struct ids {
    char text[CLOUD_SET_MAX][CLOUD_ID_SIZE];
    const char *list[CLOUD_SET_MAX];
};

static enum error_code are_done(struct scene *scene, const struct cloud *cloud,
                                const struct ids *ids, bool *done, struct error *err)
{
    size_t count = scene->config.volume_count;
    struct cloud_snapshot_filter filter = {.ids = ids->list, .id_count = count};
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots seen = {0};
    TRY(cloud->list_snapshots(cloud->self, &filter, &seen, err));
    *done = seen.count == count;
    for (size_t i = 0; i < seen.count; i++) {
        if (seen.items[i].state == CLOUD_SNAPSHOT_ERROR)
            return error_set(err, ERR_CLOUD, "snapshot '%s' failed", seen.items[i].id);
        *done = *done && seen.items[i].state == CLOUD_SNAPSHOT_COMPLETED;
    }
    return ERR_NONE;
}

static enum error_code wait_for(struct scene *scene, const struct cloud *cloud,
                                const struct ids *ids, struct error *err)
{
    bool done = false;
    for (;;) {
        TRY(are_done(scene, cloud, ids, &done, err));
        if (done)
            return ERR_NONE;
        TRY(clock_sleep_until(&scene->clock, scene->fake.now_ms + LOOK_MS, err));
    }
}

static enum error_code take_set(struct scene *scene, struct ids *ids, int64_t *cut_ms,
                                struct error *err)
{
    const char *volume_ids[CLOUD_SET_MAX];
    for (size_t i = 0; i < scene->config.volume_count; i++)
        volume_ids[i] = scene->config.volumes[i];
    struct cloud_set_request request = {
        .instance_id = scene->fake.names.instance,
        .volume_ids = volume_ids,
        .volume_count = scene->config.volume_count,
    };
    struct cloud_set_result result = {0};
    TRY(scene->here.start_snapshot_set(scene->here.self, &request, &result, err));
    *cut_ms = result.snapshots.items[0].started_ms;
    for (size_t i = 0; i < result.snapshots.count; i++) {
        memcpy(ids->text[i], result.snapshots.items[i].id, CLOUD_ID_SIZE);
        ids->list[i] = ids->text[i];
    }
    cloud_snapshots_done(&result.snapshots);
    return wait_for(scene, &scene->here, ids, err);
}

static enum error_code copy_set(struct scene *scene, struct ids *ids, struct error *err)
{
    for (size_t i = 0; i < scene->config.volume_count; i++) {
        struct cloud_copy_request copy = {
            .source_region = HERE,
            .source_snapshot_id = ids->text[i],
        };
        char copy_id[CLOUD_ID_SIZE] = "";
        TRY(scene->there.copy_snapshot(scene->there.self, &copy, copy_id, err));
        memcpy(ids->text[i], copy_id, CLOUD_ID_SIZE);
    }
    return wait_for(scene, &scene->there, ids, err);
}

static double bytes_moved(struct scene *scene, const struct ids *ids)
{
    double bytes = 0;
    for (size_t i = 0; i < scene->config.volume_count; i++) {
        struct refusal refusal;
        const struct sim_snapshot *snapshot =
            world_snapshot(scene->fake.world, &scene->there_self.caller, ids->text[i], &refusal);
        bytes += snapshot == NULL ? 0 : (double)world_snapshot_moved_bytes(snapshot);
    }
    return bytes;
}

static enum error_code make_round(struct scene *scene, struct ids *ids, struct scene_round *round,
                                  struct error *err)
{
    TRY(take_set(scene, ids, &round->started_ms, err));
    if (scene->copies)
        TRY(copy_set(scene, ids, err));
    round->bytes = bytes_moved(scene, ids);
    round->ended_ms = scene->fake.now_ms;
    return ERR_NONE;
}

enum error_code scene_round(struct scene *scene, struct scene_round *round, struct error *err)
{
    struct ids ids;
    return make_round(scene, &ids, round, err);
}

/* Until all of them are available, or attached. */
static enum error_code wait_for_volumes(struct scene *scene, const struct ids *ids, bool attached,
                                        struct error *err)
{
    struct cloud_volume_filter filter = {.ids = ids->list, .id_count = scene->config.volume_count};
    for (;;) {
        CLEANUP_CLOUD_VOLUMES struct cloud_volumes seen = {0};
        size_t there = 0;
        TRY(scene->there.list_volumes(scene->there.self, &filter, &seen, err));
        for (size_t i = 0; i < seen.count; i++)
            there += attached ? seen.items[i].attachment == CLOUD_ATTACHED
                              : seen.items[i].state == CLOUD_VOLUME_AVAILABLE;
        if (there == scene->config.volume_count)
            return ERR_NONE;
        TRY(clock_sleep_until(&scene->clock, scene->fake.now_ms + MS_PER_SECOND, err));
    }
}

static enum error_code make_volumes(struct scene *scene, struct ids *ids, struct error *err)
{
    for (size_t i = 0; i < scene->config.volume_count; i++) {
        struct cloud_volume_request volume = {
            .zone = scene->zone,
            .type = "gp3",
            .snapshot_id = ids->text[i],
        };
        char volume_id[CLOUD_ID_SIZE] = "";
        TRY(scene->there.create_volume(scene->there.self, &volume, volume_id, err));
        memcpy(ids->text[i], volume_id, CLOUD_ID_SIZE);
    }
    return wait_for_volumes(scene, ids, false, err);
}

static enum error_code attach_volumes(struct scene *scene, const struct ids *ids, struct error *err)
{
    static const char *const devices[NATURE_VOLUMES_MAX] = {"/dev/sdf", "/dev/sdg", "/dev/sdh"};
    for (size_t i = 0; i < scene->config.volume_count; i++) {
        TRY(scene->there.attach_volume(scene->there.self, ids->text[i], scene->instance, devices[i],
                                       err));
    }
    return wait_for_volumes(scene, ids, true, err);
}

enum error_code scene_final(struct scene *scene, double *down_s, struct error *err)
{
    struct ids ids;
    struct scene_round round;
    int64_t down_ms = scene->fake.now_ms;
    TRY(still_hold(scene, err));
    TRY(make_round(scene, &ids, &round, err));
    TRY(make_volumes(scene, &ids, err));
    if (scene->instance[0] != '\0')
        TRY(attach_volumes(scene, &ids, err));
    *down_s = (double)(scene->fake.now_ms - down_ms) / (double)MS_PER_SECOND;
    return ERR_NONE;
}
