#include <string.h>

#include "tests/sim/world_inner.h"

static const struct sim_zone zones[] = {
    {"us-east-1", "us-east-1a", "use1-az1"},       {"us-east-1", "us-east-1b", "use1-az2"},
    {"us-east-1", "us-east-1c", "use1-az4"},       {"us-east-2", "us-east-2a", "use2-az1"},
    {"us-east-2", "us-east-2b", "use2-az2"},       {"us-east-2", "us-east-2c", "use2-az3"},
    {"us-west-2", "us-west-2a", "usw2-az1"},       {"us-west-2", "us-west-2b", "usw2-az2"},
    {"us-west-2", "us-west-2c", "usw2-az3"},       {"eu-west-1", "eu-west-1a", "euw1-az1"},
    {"eu-west-1", "eu-west-1b", "euw1-az2"},       {"eu-west-1", "eu-west-1c", "euw1-az3"},
    {"eu-central-1", "eu-central-1a", "euc1-az2"}, {"eu-central-1", "eu-central-1b", "euc1-az3"},
    {"eu-central-1", "eu-central-1c", "euc1-az1"},
};
#define ZONE_COUNT (sizeof(zones) / sizeof(zones[0]))

#define BOOT_VOLUME_GIB 8

const struct sim_zone *world_zone_at(size_t index)
{
    return index < ZONE_COUNT ? &zones[index] : NULL;
}

bool world_region_exists(const char *region)
{
    for (size_t i = 0; i < ZONE_COUNT; i++) {
        if (strcmp(zones[i].region, region) == 0)
            return true;
    }
    return false;
}

static void make_boot_volume(struct world *world, const struct sim_instance *instance)
{
    struct sim_volume *volume = world_add_volume(world);
    world_text(volume->account, sizeof(volume->account), instance->account);
    world_text(volume->region, sizeof(volume->region), instance->region);
    world_text(volume->zone, sizeof(volume->zone), instance->zone);
    world_text(volume->type, sizeof(volume->type), "gp3");
    volume->size_gib = BOOT_VOLUME_GIB;
    volume->iops = 3000;
    volume->throughput_mib_per_s = 125;
    volume->created_ms = instance->launched_ms;
    volume->available_ms = instance->launched_ms;
    volume->attachment = ATTACHMENT_ATTACHED;
    volume->attach_ms = instance->launched_ms;
    volume->delete_on_termination = true;
    world_text(volume->instance_id, sizeof(volume->instance_id), instance->id);
    world_text(volume->device, sizeof(volume->device), instance->root_device);
    if (world->pool != NULL && pool_allot(world->pool, volume->zone, volume->size_gib * GIB,
                                          &volume->inner->offset_bytes, NULL) != ERR_NONE)
        volume->inner->offset_bytes = 0;
}

static void make_instance(struct world *world, const char *account, const struct sim_zone *zone)
{
    world->instances =
        world_grow(world->instances, world->instance_count, sizeof(*world->instances));
    struct sim_instance *instance = &world->instances[world->instance_count++];
    world_new_id(world, "i-", instance->id);
    world_text(instance->account, sizeof(instance->account), account);
    world_text(instance->region, sizeof(instance->region), zone->region);
    world_text(instance->zone, sizeof(instance->zone), zone->name);
    world_text(instance->type, sizeof(instance->type), "r6i.2xlarge");
    world_text(instance->root_device, sizeof(instance->root_device), "/dev/xvda");
    instance->launched_ms = world->origin_ms - 61 * MS_PER_DAY;
    tags_set(&instance->tags, "Name", zone->name);
    make_boot_volume(world, instance);
}

void world_make_places(struct world *world)
{
    for (size_t i = 0; i < ZONE_COUNT; i++)
        make_instance(world, account_a, &zones[i]);
    for (size_t i = 0; i < ZONE_COUNT; i++) {
        if (zones[i].name[strlen(zones[i].name) - 1] == 'a')
            make_instance(world, account_b, &zones[i]);
    }
}

struct sim_instance *world_find_instance(struct world *world, const struct caller *caller,
                                         const char *id)
{
    struct sim_instance *instance;
    size_t cursor = 0;
    while ((instance = world_next_instance(world, caller, &cursor)) != NULL) {
        if (strcmp(instance->id, id) == 0)
            return instance;
    }
    return NULL;
}

struct sim_instance *world_next_instance(struct world *world, const struct caller *caller,
                                         size_t *cursor)
{
    while (*cursor < world->instance_count) {
        struct sim_instance *instance = &world->instances[(*cursor)++];
        if (strcmp(instance->account, caller->account) == 0 &&
            strcmp(instance->region, caller->region) == 0)
            return instance;
    }
    return NULL;
}

/* The first instance of an account in a zone. */
static const char *instance_in(const struct world *world, const char *account, const char *zone)
{
    for (size_t i = 0; i < world->instance_count; i++) {
        if (strcmp(world->instances[i].account, account) == 0 &&
            strcmp(world->instances[i].zone, zone) == 0)
            return world->instances[i].id;
    }
    return "";
}

void world_names(struct world *world, struct world_names *names)
{
    *names = (struct world_names){
        .key_a = world->credentials[0],
        .key_b = world->credentials[1],
        .role_b = "arn:aws:iam::444455556666:role/ebshift-target",
        .role_b_external = "arn:aws:iam::444455556666:role/ebshift-external",
        .external_id = "contract-42",
        .instance_b = instance_in(world, account_b, "us-east-1a"),
        .target_instance_b = instance_in(world, account_b, "eu-west-1a"),
        .instance = instance_in(world, account_a, "us-east-1a"),
        .target_instance = instance_in(world, account_a, "eu-west-1a"),
    };
    size_t used = 0;
    for (size_t i = 0; i < world->volume_count; i++) {
        const struct sim_volume *volume = world->volumes[i];
        if (volume->inner->ghost == NULL || volume->inner->gone ||
            used + SIM_ID_SIZE > sizeof(names->volumes))
            continue;
        if (used > 0)
            names->volumes[used++] = ' ';
        world_text(names->volumes + used, sizeof(names->volumes) - used, volume->id);
        used += strlen(volume->id);
    }
}
