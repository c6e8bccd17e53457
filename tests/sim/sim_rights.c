#include "tests/sim/sim_rights.h"

#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "tests/sim/world_iam.h"

#define ARN_SIZE 224

/* ---- one question ---- */

static const char *denial_of(const char *service)
{
    static const char *const of_query[] = {"sts", "iam", "monitoring"};
    for (size_t i = 0; i < sizeof(of_query) / sizeof(of_query[0]); i++) {
        if (strcmp(of_query[i], service) == 0)
            return "AccessDenied";
    }
    return strcmp(service, "ec2") == 0 ? "UnauthorizedOperation" : "AccessDeniedException";
}

static bool deny(struct sim_call *call, const char *action, const char *resource)
{
    return refuse(&call->refusal, denial_of(call->service),
                  "User: %.70s is not authorized to perform: %.45s on resource: %.70s because no "
                  "identity-based policy allows it",
                  call->caller.arn, action, resource);
}

static bool may(struct sim_call *call, const char *action, const char *resource,
                const struct iam_context *facts)
{
    struct iam_context context = *facts;
    iam_context_add(&context, "aws:RequestedRegion", NULL, call->caller.region);
    if (world_iam_says(call->world, &call->caller, action, resource, &context) == IAM_ALLOWED)
        return true;
    return deny(call, action, resource);
}

static const char *arn_of(const struct caller *caller, const char *kind, const char *id,
                          char arn[ARN_SIZE])
{
    bool has_account = strcmp(kind, "snapshot") != 0;
    (void)snprintf(arn, ARN_SIZE, "arn:aws:ec2:%s:%s:%s/%s", caller->region,
                   has_account ? caller->account : "", kind, id);
    return arn;
}

static void add_resource_tags(struct iam_context *context, const struct sim_tags *tags)
{
    for (size_t i = 0; i < tags->count; i++)
        iam_context_add(context, "aws:ResourceTag/", tags->items[i].key, tags->items[i].value);
}

/* The tags that the request brings, in "Tag.N" or "TagSpecification.1.Tag.N". */
static void add_request_tags(struct sim_call *call, const char *list, struct iam_context *context)
{
    const char *key;
    for (size_t n = 1; (key = sim_query_get(&call->query, "%s.%zu.Key", list, n)) != NULL; n++) {
        iam_context_add(context, "aws:RequestTag/", key,
                        sim_query_get(&call->query, "%s.%zu.Value", list, n));
        iam_context_add(context, "aws:TagKeys", NULL, key);
    }
}

static bool may_on_volume(struct sim_call *call, const char *action, const char *volume_id,
                          const struct iam_context *facts)
{
    char arn[ARN_SIZE];
    struct refusal unused;
    struct iam_context context = *facts;
    const struct sim_volume *volume = world_volume(call->world, &call->caller, volume_id, &unused);
    if (volume != NULL)
        add_resource_tags(&context, &volume->tags);
    return may(call, action, arn_of(&call->caller, "volume", volume_id, arn), &context);
}

/* Somebody else's tags are not to be seen. */
static bool may_on_snapshot(struct sim_call *call, const char *action, const char *snapshot_id,
                            const struct iam_context *facts)
{
    char arn[ARN_SIZE];
    struct refusal unused;
    struct iam_context context = *facts;
    const struct sim_snapshot *snapshot =
        world_snapshot(call->world, &call->caller, snapshot_id, &unused);
    if (snapshot != NULL && strcmp(snapshot->account, call->caller.account) == 0)
        add_resource_tags(&context, &snapshot->tags);
    return may(call, action, arn_of(&call->caller, "snapshot", snapshot_id, arn), &context);
}

static bool may_on_instance(struct sim_call *call, const char *action, const char *instance_id)
{
    char arn[ARN_SIZE];
    const struct iam_context none = {.count = 0};
    return may(call, action, arn_of(&call->caller, "instance", instance_id, arn), &none);
}

/* What is made is judged before it has an id, and its tags as CreateTags by that action. */
static bool may_make(struct sim_call *call, const char *action, const char *kind)
{
    static const char list[] = "TagSpecification.1.Tag";
    struct iam_context context = {.count = 0};
    char arn[ARN_SIZE];
    (void)arn_of(&call->caller, kind, "new", arn);
    add_request_tags(call, list, &context);
    if (!may(call, action, arn, &context))
        return false;
    iam_context_add(&context, "ec2:CreateAction", NULL, action + strlen("ec2:"));
    return !sim_query_has(&call->query, "%s", list) || may(call, "ec2:CreateTags", arn, &context);
}

/* ---- EC2, action by action ---- */

static bool check_create_snapshot(struct sim_call *call, const char *action)
{
    const struct iam_context none = {.count = 0};
    return may_on_volume(call, action, sim_query_get(&call->query, "VolumeId"), &none) &&
           may_make(call, action, "snapshot");
}

static bool is_excluded(struct sim_call *call, const struct sim_volume *volume,
                        const struct sim_instance *instance)
{
    const char *id;
    const char *boot = sim_query_get(&call->query, "InstanceSpecification.ExcludeBootVolume");
    if (boot != NULL && strcmp(boot, "true") == 0 &&
        strcmp(volume->device, instance->root_device) == 0)
        return true;
    for (size_t n = 1;
         (id = sim_query_get(&call->query, "InstanceSpecification.ExcludeDataVolumeId.%zu", n)) !=
         NULL;
         n++) {
        if (strcmp(id, volume->id) == 0)
            return true;
    }
    return false;
}

static bool check_create_snapshots(struct sim_call *call, const char *action)
{
    const struct iam_context none = {.count = 0};
    const char *id = sim_query_get(&call->query, "InstanceSpecification.InstanceId");
    const struct sim_instance *instance;
    const struct sim_volume *volume;
    size_t cursor = 0;
    do {
        instance = world_next_instance(call->world, &call->caller, &cursor);
    } while (instance != NULL && strcmp(instance->id, id) != 0);
    cursor = 0;
    while (instance != NULL &&
           (volume = world_next_volume(call->world, &call->caller, &cursor)) != NULL) {
        bool in_set = volume->attachment != ATTACHMENT_NONE &&
                      strcmp(volume->instance_id, id) == 0 && !is_excluded(call, volume, instance);
        if (in_set && !may_on_volume(call, action, volume->id, &none))
            return false;
    }
    return may_on_instance(call, action, id) && may_make(call, action, "snapshot");
}

/* In the destination; the source's region judges the address that was signed for it. */
static bool check_copy(struct sim_call *call, const char *action)
{
    return may_make(call, action, "snapshot");
}

static bool check_create_volume(struct sim_call *call, const char *action)
{
    const struct iam_context none = {.count = 0};
    const char *snapshot_id = sim_query_get(&call->query, "SnapshotId");
    return may_make(call, action, "volume") &&
           (snapshot_id == NULL || may_on_snapshot(call, action, snapshot_id, &none));
}

static bool check_volume(struct sim_call *call, const char *action)
{
    const struct iam_context none = {.count = 0};
    return may_on_volume(call, action, sim_query_get(&call->query, "VolumeId"), &none);
}

static bool check_attach(struct sim_call *call, const char *action)
{
    return check_volume(call, action) &&
           may_on_instance(call, action, sim_query_get(&call->query, "InstanceId"));
}

/* The instance need not be named. */
static bool check_detach(struct sim_call *call, const char *action)
{
    struct refusal unused;
    const struct sim_volume *volume =
        world_volume(call->world, &call->caller, sim_query_get(&call->query, "VolumeId"), &unused);
    bool attached = volume != NULL && volume->attachment != ATTACHMENT_NONE;
    return check_volume(call, action) &&
           (!attached || may_on_instance(call, action, volume->instance_id));
}

static bool check_snapshot(struct sim_call *call, const char *action)
{
    const struct iam_context none = {.count = 0};
    return may_on_snapshot(call, action, sim_query_get(&call->query, "SnapshotId"), &none);
}

static bool check_share(struct sim_call *call, const char *action)
{
    struct iam_context context = {.count = 0};
    const char *id;
    for (size_t n = 1;
         (id = sim_query_get(&call->query, "CreateVolumePermission.Add.%zu.UserId", n)) != NULL;
         n++)
        iam_context_add(&context, "ec2:Add/userId", NULL, id);
    for (size_t n = 1;
         (id = sim_query_get(&call->query, "CreateVolumePermission.Remove.%zu.UserId", n)) != NULL;
         n++)
        iam_context_add(&context, "ec2:Remove/userId", NULL, id);
    return may_on_snapshot(call, action, sim_query_get(&call->query, "SnapshotId"), &context);
}

static bool check_tags(struct sim_call *call, const char *action)
{
    struct iam_context context = {.count = 0};
    const char *id;
    add_request_tags(call, "Tag", &context);
    for (size_t n = 1; (id = sim_query_get(&call->query, "ResourceId.%zu", n)) != NULL; n++) {
        bool allowed = strncmp(id, "vol-", 4) == 0 ? may_on_volume(call, action, id, &context)
                                                   : may_on_snapshot(call, action, id, &context);
        if (!allowed)
            return false;
    }
    return true;
}

/* ---- the other services ---- */

static bool check_role(struct sim_call *call, const char *action)
{
    const struct iam_context none = {.count = 0};
    return may(call, action, sim_query_get(&call->query, "RoleArn"), &none);
}

static bool check_nothing(struct sim_call *call, const char *action)
{
    (void)call;
    (void)action;
    return true;
}

static bool check_command(struct sim_call *call, const char *action)
{
    const struct iam_context none = {.count = 0};
    struct json_object *root = json_tokener_parse(call->request->body);
    struct json_object *ids = json_object_object_get(root, "InstanceIds");
    const char *document = json_object_get_string(json_object_object_get(root, "DocumentName"));
    char arn[ARN_SIZE];
    (void)snprintf(arn, sizeof(arn), "arn:aws:ssm:%s::document/%.100s", call->caller.region,
                   document == NULL ? "" : document);
    bool allowed = may(call, action, arn, &none);
    for (size_t i = 0;
         allowed && json_object_is_type(ids, json_type_array) && i < json_object_array_length(ids);
         i++)
        allowed = may_on_instance(call, action,
                                  json_object_get_string(json_object_array_get_idx(ids, i)));
    (void)json_object_put(root);
    return allowed;
}

static bool check_any(struct sim_call *call, const char *action)
{
    const struct iam_context none = {.count = 0};
    return may(call, action, "*", &none);
}

static const struct {
    const char *action;
    bool (*check)(struct sim_call *call, const char *action);
} checks[] = {
    {"ec2:CreateSnapshot", check_create_snapshot},
    {"ec2:CreateSnapshots", check_create_snapshots},
    {"ec2:CopySnapshot", check_copy},
    {"ec2:CreateVolume", check_create_volume},
    {"ec2:DeleteVolume", check_volume},
    {"ec2:AttachVolume", check_attach},
    {"ec2:DetachVolume", check_detach},
    {"ec2:DeleteSnapshot", check_snapshot},
    {"ec2:ModifySnapshotAttribute", check_share},
    {"ec2:CreateTags", check_tags},
    {"ec2:DeleteTags", check_tags},
    {"sts:AssumeRole", check_role},
    {"sts:GetCallerIdentity", check_nothing},
    {"sts:AssumeRoleWithWebIdentity", check_nothing},
    {"ssm:SendCommand", check_command},
};

bool sim_rights_check(struct sim_call *call)
{
    char action[96];
    bool of_key = strcmp(call->service, "kms") == 0 && strcmp(call->action, "ListAliases") != 0;
    if (of_key || !world_iam_is_limited(call->world, &call->caller))
        return true;
    const char *prefix = strcmp(call->service, "monitoring") == 0 ? "cloudwatch" : call->service;
    (void)snprintf(action, sizeof(action), "%s:%s", prefix, call->action);
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        if (strcmp(checks[i].action, action) == 0)
            return checks[i].check(call, action);
    }
    return check_any(call, action);
}

bool sim_rights_check_snapshot(struct sim_call *call, const char *action, const char *snapshot_id)
{
    const struct iam_context none = {.count = 0};
    return may_on_snapshot(call, action, snapshot_id, &none);
}

bool sim_rights_may_read_copy(struct sim_call *call, const struct caller *caller,
                              const char *snapshot_id)
{
    struct iam_context context = {.count = 0};
    char arn[ARN_SIZE];
    iam_context_add(&context, "aws:RequestedRegion", NULL, caller->region);
    return world_iam_says(call->world, caller, "ec2:CopySnapshot",
                          arn_of(caller, "snapshot", snapshot_id, arn), &context) == IAM_ALLOWED;
}
