#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/sim/world_inner.h"
#include "tests/sim/world_quota.h"

#define SETTLE_MS            1500 /* attaching and detaching take this long to show */
#define INVISIBLE_MS         (2 * MS_PER_MINUTE)
#define LAZY_MIB_PER_S       50
#define ATTACHMENT_TEXT_SIZE 16

/* Limits and defaults of the EC2 API reference, CreateVolume. */
struct volume_type {
    const char *name;
    int64_t min_gib;
    int64_t max_gib;
    int64_t min_iops; /* 0: cannot be asked for */
    int64_t max_iops;
    int64_t default_iops; /* 0: must be asked for, where it can */
};
static const struct volume_type types[] = {
    {"gp2", 1, 16384, 0, 0, 100},     {"gp3", 1, 65536, 3000, 80000, 3000},
    {"io1", 4, 16384, 100, 64000, 0}, {"io2", 4, 65536, 100, 256000, 0},
    {"st1", 125, 16384, 0, 0, 500},   {"sc1", 125, 16384, 0, 0, 250},
    {"standard", 1, 1024, 0, 0, 100},
};

static const struct volume_type *find_type(const char *name)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    }
    return NULL;
}

struct sim_volume *world_add_volume(struct world *world)
{
    struct sim_volume *volume = calloc(1, sizeof(*volume));
    assert(volume != NULL);
    volume->inner = calloc(1, sizeof(*volume->inner));
    assert(volume->inner != NULL);
    world_new_id(world, "vol-", volume->id);
    volume->vanishes_ms = INT64_MAX;
    volume->inner->lineage = ++world->lineages_made;
    volume->inner->loop_number = -1;
    world->volumes = world_grow(world->volumes, world->volume_count, sizeof(struct sim_volume *));
    world->volumes[world->volume_count++] = volume;
    return volume;
}

void world_free_volume(struct sim_volume *volume)
{
    ghost_free(volume->inner->ghost);
    block_set_done(&volume->inner->touched);
    block_set_done(&volume->inner->written);
    free(volume->inner->minutes);
    free(volume->inner);
    tags_done(&volume->tags);
    free(volume);
}

struct pool_range world_volume_range(const struct sim_volume *volume)
{
    return (struct pool_range){volume->zone, volume->inner->offset_bytes, volume->size_gib * GIB};
}

const char *world_volume_status(struct world *world, const struct sim_volume *volume)
{
    if (world->now_ms < volume->available_ms)
        return "creating";
    return volume->attachment == ATTACHMENT_NONE ? "available" : "in-use";
}

const char *sim_attachment_text(enum sim_attachment_state state)
{
    static const char texts[][ATTACHMENT_TEXT_SIZE] = {
        [ATTACHMENT_NONE] = "detached",     [ATTACHMENT_ATTACHING] = "attaching",
        [ATTACHMENT_ATTACHED] = "attached", [ATTACHMENT_DETACHING] = "detaching",
        [ATTACHMENT_BUSY] = "busy",
    };
    return texts[state];
}

int world_volume_init_percent(struct world *world, const struct sim_volume *volume)
{
    if (volume->inner->init_bytes == 0)
        return 100;
    int64_t rate = volume->init_rate_mib_per_s > 0 ? volume->init_rate_mib_per_s : LAZY_MIB_PER_S;
    double loaded = (double)(world->now_ms - volume->available_ms) / 1000 * (double)rate * 1048576;
    double percent = 100 * loaded / (double)volume->inner->init_bytes;
    return percent >= 100 ? 100 : percent < 0 ? 0 : (int)percent;
}

static bool is_callers(const struct world *world, const struct caller *caller,
                       const struct sim_volume *volume)
{
    return !volume->inner->gone && volume->visible_ms <= world->now_ms &&
           strcmp(volume->account, caller->account) == 0 &&
           strcmp(volume->region, caller->region) == 0;
}

struct sim_volume *world_volume(struct world *world, const struct caller *caller, const char *id,
                                struct refusal *refusal)
{
    for (size_t i = 0; i < world->volume_count; i++) {
        if (strcmp(world->volumes[i]->id, id) == 0 && is_callers(world, caller, world->volumes[i]))
            return world->volumes[i];
    }
    (void)refuse(refusal, "InvalidVolume.NotFound", "The volume '%.60s' does not exist.", id);
    return NULL;
}

struct sim_volume *world_next_volume(struct world *world, const struct caller *caller,
                                     size_t *cursor)
{
    while (*cursor < world->volume_count) {
        struct sim_volume *volume = world->volumes[(*cursor)++];
        if (is_callers(world, caller, volume))
            return volume;
    }
    return NULL;
}

static bool link_path(const struct world *world, const struct sim_volume *volume, char *path,
                      size_t size)
{
    if (world->dir == NULL)
        return false;
    (void)snprintf(path, size, "%s/by-id", world->dir);
    (void)mkdir(path, 0755);
    (void)snprintf(path, size, "%s/by-id/nvme-Amazon_Elastic_Block_Store_vol%s", world->dir,
                   volume->id + strlen("vol-"));
    return true;
}

enum error_code world_volume_device_on(struct world *world, struct sim_volume *volume,
                                       struct error *err)
{
    char path[4300];
    char device[32];
    struct pool_range range = world_volume_range(volume);
    if (!link_path(world, volume, path, sizeof(path)))
        return error_set(err, ERR_STATE, "this world has no bytes");
    TRY(pool_attach(world->pool, &range, &volume->inner->loop_number, err));
    (void)snprintf(device, sizeof(device), "/dev/loop%d", volume->inner->loop_number);
    (void)unlink(path);
    if (symlink(device, path) != 0)
        return error_set(err, ERR_SYSTEM, "cannot link '%s'", path);
    return ERR_NONE;
}

void world_volume_device_off(struct world *world, struct sim_volume *volume)
{
    char path[4300];
    if (volume->inner->loop_number < 0)
        return;
    if (link_path(world, volume, path, sizeof(path)))
        (void)unlink(path);
    pool_detach(volume->inner->loop_number);
    volume->inner->loop_number = -1;
    volume->inner->counters_ms = 0;
}

/* What CreateVolume works out before anything is made. */
struct volume_plan {
    const struct volume_type *type;
    const struct sim_snapshot *snapshot;
    const struct sim_key *key;
    bool bad_key;
    bool encrypted;
    int64_t size_gib;
    int64_t iops;
};

static bool plan_zone(const struct caller *caller, const struct volume_request *request,
                      struct refusal *refusal)
{
    const struct sim_zone *zone;
    for (size_t i = 0; (zone = world_zone_at(i)) != NULL; i++) {
        if (strcmp(zone->name, request->zone) == 0 && strcmp(zone->region, caller->region) == 0)
            return true;
    }
    return refuse(refusal, "InvalidZone.NotFound", "The zone '%.60s' does not exist.",
                  request->zone);
}

static bool plan_source(struct world *world, const struct caller *caller,
                        const struct volume_request *request, struct volume_plan *plan,
                        struct refusal *refusal)
{
    plan->size_gib = request->size_gib;
    if (request->snapshot_id == NULL) {
        if (request->size_gib == 0) {
            return refuse(refusal, "MissingParameter",
                          "The request must contain the parameter size or snapshotId");
        }
        return true;
    }
    plan->snapshot = world_snapshot(world, caller, request->snapshot_id, refusal);
    if (plan->snapshot == NULL)
        return false;
    if (world_snapshot_completion_ms(world, plan->snapshot) == 0) {
        return refuse(refusal, "IncorrectState", "Snapshot is in invalid state - %s",
                      world_snapshot_status(world, plan->snapshot));
    }
    if (request->size_gib == 0)
        plan->size_gib = plan->snapshot->volume_size_gib;
    if (plan->size_gib < plan->snapshot->volume_size_gib) {
        return refuse(refusal, "InvalidParameterValue",
                      "The size of a volume must be equal to or greater than its snapshot: %lldGiB",
                      (long long)plan->snapshot->volume_size_gib);
    }
    return true;
}

static bool plan_shape(const struct volume_request *request, struct volume_plan *plan,
                       struct refusal *refusal)
{
    const char *name = request->type == NULL ? "gp2" : request->type;
    plan->type = find_type(name);
    if (plan->type == NULL)
        return refuse(refusal, "UnknownVolumeType", "Unsupported volume type '%.60s'.", name);
    if (plan->size_gib < plan->type->min_gib || plan->size_gib > plan->type->max_gib) {
        return refuse(refusal, "InvalidParameterValue",
                      "Volume of %lldGiB is out of the range of %s: %lld to %lld GiB",
                      (long long)plan->size_gib, name, (long long)plan->type->min_gib,
                      (long long)plan->type->max_gib);
    }
    plan->iops = request->iops == 0 ? plan->type->default_iops : request->iops;
    if (request->iops != 0 && plan->type->min_iops == 0) {
        return refuse(refusal, "InvalidParameterCombination",
                      "The parameter iops is not supported for %s volumes", name);
    }
    if (plan->iops == 0) {
        return refuse(refusal, "MissingParameter", "The parameter iops must be specified for %s",
                      name);
    }
    if (plan->type->min_iops != 0 &&
        (plan->iops < plan->type->min_iops || plan->iops > plan->type->max_iops)) {
        return refuse(refusal, "InvalidParameterValue",
                      "Volume iops of %lld is out of range; minimum is %lld, maximum is %lld",
                      (long long)plan->iops, (long long)plan->type->min_iops,
                      (long long)plan->type->max_iops);
    }
    return true;
}

static bool plan_throughput(const struct volume_request *request, const struct volume_plan *plan,
                            struct refusal *refusal)
{
    int64_t asked = request->throughput_mib_per_s;
    if (asked == 0)
        return true;
    if (strcmp(plan->type->name, "gp3") != 0) {
        return refuse(refusal, "InvalidParameterCombination",
                      "The parameter throughput is not supported for %s volumes", plan->type->name);
    }
    if (asked < 125 || asked > 2000 || asked * 4 > plan->iops) {
        return refuse(refusal, "InvalidParameterValue",
                      "Throughput of %lld MiB/s is out of range for %lld iops", (long long)asked,
                      (long long)plan->iops);
    }
    return true;
}

/* An unusable key is found out later, as in AWS: the volume vanishes while creating. */
static bool plan_key(struct world *world, const struct caller *caller,
                     const struct volume_request *request, struct volume_plan *plan,
                     struct refusal *refusal)
{
    plan->encrypted = request->encrypted || (plan->snapshot != NULL && plan->snapshot->encrypted);
    if (request->key != NULL && !request->encrypted) {
        return refuse(refusal, "InvalidParameterDependency",
                      "The parameter KmsKeyId requires the parameter Encrypted to be set.");
    }
    if (!plan->encrypted)
        return true;
    const char *name = request->key;
    if (name == NULL && plan->snapshot != NULL && plan->snapshot->encrypted)
        name = plan->snapshot->key_arn;
    plan->key = world_key(world, caller, name == NULL ? "alias/aws/ebs" : name);
    plan->bad_key = !world_key_serves(world, caller, plan->key, KEY_USE_WRITE);
    if (plan->snapshot != NULL && plan->snapshot->encrypted &&
        !world_key_serves(world, caller, world_key(world, caller, plan->snapshot->key_arn),
                          KEY_USE_READ))
        plan->bad_key = true;
    return true;
}

static int64_t default_throughput(const struct volume_type *type)
{
    return strcmp(type->name, "gp3") == 0 ? 125 : 0;
}

static void fill_volume(struct world *world, const struct caller *caller,
                        const struct volume_request *request, const struct volume_plan *plan,
                        struct sim_volume *volume)
{
    struct dice dice = {dice_hash_text(world->seed, volume->id)};
    world_text(volume->account, sizeof(volume->account), caller->account);
    world_text(volume->region, sizeof(volume->region), caller->region);
    world_text(volume->zone, sizeof(volume->zone), request->zone);
    world_text(volume->type, sizeof(volume->type), plan->type->name);
    volume->size_gib = plan->size_gib;
    volume->iops = plan->iops;
    if (strcmp(volume->type, "gp2") == 0) {
        volume->iops = plan->size_gib * 3 < 100     ? 100
                       : plan->size_gib * 3 > 16000 ? 16000
                                                    : plan->size_gib * 3;
    }
    volume->throughput_mib_per_s = request->throughput_mib_per_s != 0
                                       ? request->throughput_mib_per_s
                                       : default_throughput(plan->type);
    volume->encrypted = plan->encrypted;
    if (plan->key != NULL)
        world_text(volume->key_arn, sizeof(volume->key_arn), plan->key->arn);
    if (request->client_token != NULL)
        world_text(volume->client_token, sizeof(volume->client_token), request->client_token);
    if (request->request_hash != NULL)
        world_text(volume->request_hash, sizeof(volume->request_hash), request->request_hash);
    volume->init_rate_mib_per_s = request->init_rate_mib_per_s;
    volume->multi_attach = request->multi_attach;
    volume->created_ms = world->now_ms;
    volume->available_ms = world->now_ms + (int64_t)dice_lognormal(&dice, 3000, 0.4);
    if (plan->bad_key || world_is_struck(world, FAULT_VANISH)) {
        volume->vanishes_ms = volume->available_ms + 5000;
        volume->available_ms = INT64_MAX;
    }
    if (world_is_struck(world, FAULT_INVISIBLE))
        volume->visible_ms = world->now_ms + INVISIBLE_MS;
    tags_merge(&volume->tags, request->tags);
}

/* The increment of an own volume under the same key goes on where its snapshot was. */
static void fill_source(const struct caller *caller, const struct volume_plan *plan,
                        struct sim_volume *volume)
{
    const struct sim_snapshot *snapshot = plan->snapshot;
    if (snapshot == NULL)
        return;
    world_text(volume->snapshot_id, sizeof(volume->snapshot_id), snapshot->id);
    volume->inner->base = snapshot->inner->cut;
    volume->inner->base_id = snapshot->inner->cut->id;
    volume->inner->init_bytes = snapshot->full_size_bytes;
    if (strcmp(snapshot->account, caller->account) == 0 &&
        strcmp(snapshot->key_arn, volume->key_arn) == 0)
        volume->inner->lineage = snapshot->inner->lineage;
}

static enum error_code fill_bytes(struct world *world, struct sim_volume *volume, struct error *err)
{
    if (world->pool == NULL)
        return ERR_NONE;
    TRY(pool_allot(world->pool, volume->zone, volume->size_gib * GIB, &volume->inner->offset_bytes,
                   err));
    const struct cut *base = volume->inner->base;
    if (base == NULL || !base->has_bytes)
        return ERR_NONE;
    struct pool_range range = world_volume_range(volume);
    return pool_restore(world->pool, base->id, &range, err);
}

static struct sim_volume *find_by_token(const struct world *world, const struct caller *caller,
                                        const char *token)
{
    for (size_t i = 0; token != NULL && token[0] != '\0' && i < world->volume_count; i++) {
        struct sim_volume *volume = world->volumes[i];
        if (strcmp(volume->client_token, token) == 0 &&
            strcmp(volume->account, caller->account) == 0 &&
            strcmp(volume->region, caller->region) == 0)
            return volume;
    }
    return NULL;
}

bool world_create_volume(struct world *world, const struct caller *caller,
                         const struct volume_request *request, struct sim_volume **volume,
                         struct refusal *refusal)
{
    struct sim_volume *known = find_by_token(world, caller, request->client_token);
    if (known != NULL) {
        if (request->request_hash != NULL &&
            strcmp(known->request_hash, request->request_hash) != 0) {
            return refuse(refusal, "IdempotentParameterMismatch",
                          "Client token '%.64s' was used with other parameters.",
                          request->client_token);
        }
        *volume = known;
        return true;
    }
    struct volume_plan plan = {0};
    if (!plan_zone(caller, request, refusal) ||
        !plan_source(world, caller, request, &plan, refusal) ||
        !plan_shape(request, &plan, refusal) || !plan_throughput(request, &plan, refusal) ||
        !plan_key(world, caller, request, &plan, refusal) ||
        !world_quota_fits_volume(world, caller, plan.type->name, plan.size_gib, plan.iops, refusal))
        return false;

    struct sim_volume *made = world_add_volume(world);
    struct error err;
    fill_volume(world, caller, request, &plan, made);
    fill_source(caller, &plan, made);
    world->dirty = true;
    if (fill_bytes(world, made, &err) != ERR_NONE) {
        made->inner->gone = true;
        return refuse(refusal, "InternalError", "%.200s", err.message);
    }
    *volume = made;
    return true;
}

static bool check_attach(struct world *world, const struct sim_volume *volume,
                         const struct sim_instance *instance, const char *device,
                         struct refusal *refusal)
{
    if (strcmp(volume->zone, instance->zone) != 0) {
        return refuse(refusal, "InvalidVolume.ZoneMismatch",
                      "The volume '%s' is not in the same availability zone as instance '%s'",
                      volume->id, instance->id);
    }
    if (volume->attachment != ATTACHMENT_NONE)
        return refuse(refusal, "VolumeInUse", "%s is already attached to an instance", volume->id);
    if (strcmp(world_volume_status(world, volume), "available") != 0)
        return refuse(refusal, "IncorrectState", "Volume '%s' is not 'available'.", volume->id);
    for (size_t i = 0; i < world->volume_count; i++) {
        const struct sim_volume *other = world->volumes[i];
        if (!other->inner->gone && other->attachment != ATTACHMENT_NONE &&
            strcmp(other->instance_id, instance->id) == 0 && strcmp(other->device, device) == 0) {
            return refuse(refusal, "InvalidParameterValue",
                          "Invalid value '%.60s' for unixDevice. Attachment point %.60s is already "
                          "in use",
                          device, device);
        }
    }
    return true;
}

bool world_attach_volume(struct world *world, const struct caller *caller,
                         const struct attach_request *request, struct sim_volume **volume,
                         struct refusal *refusal)
{
    struct sim_volume *found = world_volume(world, caller, request->volume_id, refusal);
    if (found == NULL)
        return false;
    const struct sim_instance *instance = world_find_instance(world, caller, request->instance_id);
    if (instance == NULL) {
        return refuse(refusal, "InvalidInstanceID.NotFound",
                      "The instance ID '%.60s' does not exist", request->instance_id);
    }
    if (!check_attach(world, found, instance, request->device, refusal))
        return false;
    struct error err;
    if (world->dir != NULL && world->pool == NULL) {
        return refuse(refusal, "UnsupportedOperation",
                      "this simulator has no root or no reflink, so it cannot attach volumes");
    }
    if (world->pool != NULL && world_volume_device_on(world, found, &err) != ERR_NONE)
        return refuse(refusal, "InternalError", "%.200s", err.message);
    found->attachment = ATTACHMENT_ATTACHING;
    found->attach_ms = world->now_ms;
    found->inner->settled_ms = world->now_ms + SETTLE_MS;
    world_text(found->instance_id, sizeof(found->instance_id), instance->id);
    world_text(found->device, sizeof(found->device), request->device);
    world->dirty = true;
    *volume = found;
    return true;
}

static void begin_detach(struct world *world, struct sim_volume *volume)
{
    world_count_devices(world);
    world_volume_device_off(world, volume);
    volume->attachment = ATTACHMENT_DETACHING;
    volume->inner->settled_ms = world->now_ms + SETTLE_MS;
    world->dirty = true;
}

bool world_detach_volume(struct world *world, const struct caller *caller,
                         const struct attach_request *request, struct sim_volume **volume,
                         struct refusal *refusal)
{
    struct sim_volume *found = world_volume(world, caller, request->volume_id, refusal);
    if (found == NULL)
        return false;
    if (found->attachment == ATTACHMENT_NONE || found->attachment == ATTACHMENT_DETACHING) {
        return refuse(refusal, "IncorrectState", "Volume '%s' is in the '%s' state.", found->id,
                      world_volume_status(world, found));
    }
    if ((request->instance_id != NULL && strcmp(request->instance_id, found->instance_id) != 0) ||
        (request->device != NULL && strcmp(request->device, found->device) != 0)) {
        return refuse(refusal, "InvalidAttachment.NotFound",
                      "The volume '%s' is not attached to that instance and device.", found->id);
    }
    int loop_number = found->inner->loop_number;
    if (loop_number >= 0 && !request->force && pool_is_busy(loop_number)) {
        found->attachment = ATTACHMENT_BUSY;
    } else {
        begin_detach(world, found);
    }
    world->dirty = true;
    *volume = found;
    return true;
}

bool world_delete_volume(struct world *world, const struct caller *caller, const char *volume_id,
                         struct refusal *refusal)
{
    struct sim_volume *found = world_volume(world, caller, volume_id, refusal);
    if (found == NULL)
        return false;
    if (found->attachment != ATTACHMENT_NONE) {
        return refuse(refusal, "VolumeInUse", "Volume %s is currently attached to %s", found->id,
                      found->instance_id);
    }
    if (strcmp(world_volume_status(world, found), "available") != 0)
        return refuse(refusal, "IncorrectState", "The volume '%s' is 'creating'", found->id);
    struct pool_range range = world_volume_range(found);
    found->inner->gone = true;
    if (world->pool != NULL)
        pool_release(world->pool, &range);
    if (found->inner->base != NULL)
        world_drop_unused_bytes(world, found->inner->base);
    world->dirty = true;
    return true;
}

static void advance_volume(struct world *world, struct sim_volume *volume)
{
    if (volume->vanishes_ms <= world->now_ms) {
        volume->inner->gone = true;
        world->dirty = true;
    }
    if (volume->attachment == ATTACHMENT_BUSY && !pool_is_busy(volume->inner->loop_number))
        begin_detach(world, volume);
    if (volume->inner->settled_ms > world->now_ms)
        return;
    enum sim_attachment_state before = volume->attachment;
    if (before == ATTACHMENT_ATTACHING) {
        volume->attachment = ATTACHMENT_ATTACHED;
    } else if (before == ATTACHMENT_DETACHING) {
        volume->attachment = ATTACHMENT_NONE;
    }
    world->dirty |= volume->attachment != before;
}

void world_advance_volumes(struct world *world)
{
    for (size_t i = 0; i < world->volume_count; i++) {
        if (!world->volumes[i]->inner->gone)
            advance_volume(world, world->volumes[i]);
    }
}

void world_touch(struct world *world, struct sim_volume *volume, int64_t offset_bytes,
                 int64_t length_bytes)
{
    (void)world;
    block_set_add_range(&volume->inner->touched, offset_bytes / SIM_BLOCK_BYTES,
                        (offset_bytes + length_bytes - 1) / SIM_BLOCK_BYTES);
}
