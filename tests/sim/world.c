#include "tests/sim/world.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/sim/world_inner.h"
#include "tests/sim/world_quota.h"

const char account_a[] = "111122223333";
const char account_b[] = "444455556666";

bool refuse(struct refusal *refusal, const char *code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    world_text(refusal->code, sizeof(refusal->code), code);
    (void)vsnprintf(refusal->message, sizeof(refusal->message), format, arguments);
    va_end(arguments);
    return false;
}

void *world_grow(void *items, size_t count, size_t item_size)
{
    void *grown = reallocarray(items, count + 1, item_size);
    assert(grown != NULL);
    memset((char *)grown + count * item_size, 0, item_size);
    return grown;
}

void world_text(char *field, size_t size, const char *text)
{
    size_t length = strnlen(text, size - 1);
    memcpy(field, text, length);
    field[length] = '\0';
}

struct dice world_birth(struct world *world)
{
    world->births++;
    return (struct dice){dice_hash(world->seed, (uint64_t)world->births)};
}

struct dice world_luck(struct world *world, uint64_t path_key, int64_t begin_ms)
{
    int64_t lasts_ms = world->nature.pace.luck_ms;
    if (lasts_ms == 0)
        return world_birth(world);
    return (struct dice){dice_hash(path_key ^ 61, (uint64_t)(begin_ms / lasts_ms))};
}

void world_new_id(struct world *world, const char *prefix, char id[SIM_ID_SIZE])
{
    struct dice dice = world_birth(world);
    char digits[17];
    dice_hex(&dice, digits, sizeof(digits));
    (void)snprintf(id, SIM_ID_SIZE, "%s0%s", prefix, digits);
}

void world_random_hex(struct world *world, char *text, size_t size)
{
    dice_hex(&world->door_dice, text, size);
}

static enum error_code open_state_dir(struct world *world, const char *dir, struct error *err)
{
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return error_set(err, ERR_SYSTEM, "cannot create '%s': %s", dir, strerrordesc_np(errno));
    world->dir = realpath(dir, NULL);
    if (world->dir == NULL)
        return error_set(err, ERR_SYSTEM, "cannot find '%s': %s", dir, strerrordesc_np(errno));
    char path[4200];
    (void)snprintf(path, sizeof(path), "%s/blocks", world->dir);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return error_set(err, ERR_SYSTEM, "cannot create '%s': %s", path, strerrordesc_np(errno));
    (void)snprintf(path, sizeof(path), "%s/lock", world->dir);
    world->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (world->lock_fd < 0 || flock(world->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return error_set(err, ERR_SYSTEM, "another server uses '%s'", world->dir);
    enum error_code code = pool_open(&world->pool, world->dir, err);
    return code == ERR_STATE ? ERR_NONE : code;
}

/* What was attached when the server stopped is attached again, maybe under another number. */
static enum error_code attach_again(struct world *world, struct error *err)
{
    for (size_t i = 0; i < world->volume_count; i++) {
        struct sim_volume *volume = world->volumes[i];
        const struct sim_instance *instance = NULL;
        volume->inner->loop_number = -1;
        for (size_t j = 0; j < world->instance_count; j++) {
            if (strcmp(world->instances[j].id, volume->instance_id) == 0)
                instance = &world->instances[j];
        }
        if (volume->attachment == ATTACHMENT_NONE || world->pool == NULL || instance == NULL ||
            strcmp(volume->device, instance->root_device) == 0)
            continue;
        TRY(world_volume_device_on(world, volume, err));
    }
    return ERR_NONE;
}

static void make_new(struct world *world, const struct world_options *options)
{
    world->seed = options->seed;
    world->seeded = options->seeded;
    world->origin_ms = world->now_ms;
    world_make_access(world);
    world_make_places(world);
    if (options->seeded)
        world_make_history(world);
    world->dirty = true;
}

static enum error_code load_or_make(struct world *world, const struct world_options *options,
                                    struct error *err)
{
    enum error_code code = world->dir == NULL ? ERR_NOT_FOUND : world_load(world, err);
    if (code == ERR_NOT_FOUND) {
        make_new(world, options);
        code = ERR_NONE;
    }
    return code;
}

static enum error_code open_world(struct world *world, const struct world_options *options,
                                  struct error *err)
{
    if (options->state_dir != NULL)
        TRY(open_state_dir(world, options->state_dir, err));
    TRY(load_or_make(world, options, err));
    TRY(attach_again(world, err));
    world_save(world);
    return ERR_NONE;
}

enum error_code world_open(struct world **world, const struct world_options *options,
                           struct error *err)
{
    struct world *made = calloc(1, sizeof(*made));
    assert(made != NULL);
    (void)pthread_mutex_init(&made->lock, NULL);
    made->lock_fd = -1;
    made->time = options->time;
    made->nature = options->nature == NULL ? nature_usual : *options->nature;
    made->now_ms = made->time.now_ms(made->time.self);
    made->faults.dice = (struct dice){dice_hash(options->seed, 41)};
    made->door_dice = (struct dice){dice_hash(options->seed, (uint64_t)made->now_ms)};
    enum error_code code = open_world(made, options, err);
    if (code != ERR_NONE) {
        world_close(made);
        return code;
    }
    *world = made;
    return ERR_NONE;
}

static void free_things(struct world *world)
{
    for (size_t i = 0; i < world->snapshot_count; i++)
        world_free_snapshot(world->snapshots[i]);
    for (size_t i = 0; i < world->volume_count; i++)
        world_free_volume(world->volumes[i]);
    for (size_t i = 0; i < world->cut_count; i++)
        world_free_cut(world->cuts[i]);
    for (size_t i = 0; i < world->instance_count; i++)
        tags_done(&world->instances[i].tags);
    for (size_t i = 0; i < world->credential_count; i++)
        free(world->credentials[i]);
    free(world->snapshots);
    free(world->volumes);
    free(world->cuts);
    free(world->instances);
    world_free_keys(world);
    world_free_documents(world);
    world_free_quotas(world);
    free(world->credentials);
    free(world->tracks);
    free(world->buckets);
    fault_script_done(&world->faults);
}

void world_close(struct world *world)
{
    if (world == NULL)
        return;
    if (world->volume_count > 0) {
        world_advance(world);
        world_checkpoint(world);
    }
    for (size_t i = 0; i < world->volume_count; i++)
        world_volume_device_off(world, world->volumes[i]);
    pool_close(world->pool);
    free_things(world);
    if (world->lock_fd >= 0)
        (void)close(world->lock_fd);
    free(world->dir);
    (void)pthread_mutex_destroy(&world->lock);
    free(world);
}

void world_lock(struct world *world)
{
    (void)pthread_mutex_lock(&world->lock);
}

void world_unlock(struct world *world)
{
    (void)pthread_mutex_unlock(&world->lock);
}

int64_t world_now_ms(struct world *world)
{
    return world->time.now_ms(world->time.self);
}

void world_advance(struct world *world)
{
    world->now_ms = world_now_ms(world);
    world_settle_snapshots(world);
    world_read_faults(world);
    world_count_devices(world);
    world_advance_volumes(world);
    world_advance_snapshots(world);
}
