#include <string.h>

#include "tests/sim/sim_ec2.h"

#define RESOURCES_MAX 1000
#define TAGS_MAX      50

static struct sim_instance *instance_by_id(struct sim_call *call, const char *id)
{
    struct sim_instance *instance;
    size_t cursor = 0;
    while ((instance = world_next_instance(call->world, &call->caller, &cursor)) != NULL) {
        if (strcmp(instance->id, id) == 0)
            return instance;
    }
    refuse(&call->refusal, "InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", id);
    return NULL;
}

static struct sim_tags *snapshot_tags(struct sim_call *call, const char *id)
{
    struct sim_snapshot *snapshot = world_snapshot(call->world, &call->caller, id, &call->refusal);
    if (snapshot == NULL)
        return NULL;
    if (strcmp(snapshot->account, call->caller.account) != 0) {
        refuse(&call->refusal, "UnauthorizedOperation",
               "You are not authorized to perform this operation.");
        return NULL;
    }
    return &snapshot->tags;
}

/* The tags of a resource of any kind, or NULL with the refusal set. */
static struct sim_tags *tags_of(struct sim_call *call, const char *id)
{
    if (strncmp(id, "vol-", 4) == 0 && sim_call_check_id(call, SIM_ID_VOLUME, "ResourceId", id)) {
        struct sim_volume *volume = world_volume(call->world, &call->caller, id, &call->refusal);
        return volume == NULL ? NULL : &volume->tags;
    }
    if (strncmp(id, "snap-", 5) == 0 && sim_call_check_id(call, SIM_ID_SNAPSHOT, "ResourceId", id))
        return snapshot_tags(call, id);
    if (strncmp(id, "i-", 2) == 0 && sim_call_check_id(call, SIM_ID_INSTANCE, "ResourceId", id)) {
        struct sim_instance *instance = instance_by_id(call, id);
        return instance == NULL ? NULL : &instance->tags;
    }
    if (call->refusal.code[0] == '\0')
        refuse(&call->refusal, "InvalidID", "The ID '%s' is not valid", id);
    return NULL;
}

/* Looks every resource up before any is changed. */
static bool check_resources(struct sim_call *call, size_t *count)
{
    const char *id;
    *count = 0;
    while ((id = sim_query_get(&call->query, "ResourceId.%zu", *count + 1)) != NULL) {
        if (tags_of(call, id) == NULL)
            return false;
        (*count)++;
    }
    if (*count == 0) {
        return refuse(&call->refusal, "MissingParameter",
                      "The request must contain the parameter resourceIdSet");
    }
    if (*count > RESOURCES_MAX) {
        return refuse(&call->refusal, "InvalidParameterValue",
                      "At most %d resources may be tagged in one call", RESOURCES_MAX);
    }
    return true;
}

static struct sim_tags *resource_tags(struct sim_call *call, size_t n)
{
    return tags_of(call, sim_query_get(&call->query, "ResourceId.%zu", n));
}

static bool fits(struct sim_call *call, const struct sim_tags *old, const struct sim_tags *more)
{
    size_t count = old->count;
    for (size_t i = 0; i < more->count; i++)
        count += tags_get(old, more->items[i].key) == NULL;
    if (count > TAGS_MAX) {
        return refuse(&call->refusal, "TagLimitExceeded",
                      "The maximum number of tags for a resource is %d.", TAGS_MAX);
    }
    return true;
}

bool sim_ec2_create_tags(struct sim_call *call)
{
    CLEANUP(tags_done) struct sim_tags tags = {0};
    size_t count;

    if (!check_resources(call, &count) || !sim_call_tags(call, "Tag", &tags))
        return false;
    if (tags.count == 0) {
        return refuse(&call->refusal, "MissingParameter",
                      "The request must contain the parameter tagSet");
    }
    for (size_t n = 1; n <= count; n++) {
        if (!fits(call, resource_tags(call, n), &tags))
            return false;
    }
    if (!sim_call_ready(call))
        return false;
    for (size_t n = 1; n <= count; n++)
        tags_merge(resource_tags(call, n), &tags);
    world_checkpoint(call->world); /* the world did not see its tags change */
    sim_ec2_write_true(call);
    return true;
}

/* Removes Tag.N from one resource: by key, and by value too if one is sent. Without any Tag.N all
 * tags go. */
static void remove_tags(struct sim_call *call, struct sim_tags *tags)
{
    const char *key;
    size_t n = 1;
    for (; (key = sim_query_get(&call->query, "Tag.%zu.Key", n)) != NULL; n++)
        tags_remove(tags, key, sim_query_get(&call->query, "Tag.%zu.Value", n));
    if (n == 1)
        tags_done(tags);
}

bool sim_ec2_delete_tags(struct sim_call *call)
{
    struct sim_tags none = {0};
    size_t count;

    if (!check_resources(call, &count))
        return false;
    remove_tags(call, &none); /* reads the parameters, so that they count as known */
    if (!sim_call_ready(call))
        return false;
    for (size_t n = 1; n <= count; n++)
        remove_tags(call, resource_tags(call, n));
    world_checkpoint(call->world);
    sim_ec2_write_true(call);
    return true;
}
