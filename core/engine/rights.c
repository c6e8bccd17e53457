#include "core/engine/rights.h"

#include <stdlib.h>
#include <string.h>

/* What happens at a place, to which the rules refer. */
enum need {
    NEED_LIST = 1 << 0, /* volumes and snapshots are looked for */
    NEED_LEARN = 1 << 1,
    NEED_ONE = 1 << 2, /* a set of one volume is cut, or of several */
    NEED_SET = 1 << 3,
    NEED_CLAIM = 1 << 4,
    NEED_COMMAND = 1 << 5,
    NEED_ROLE = 1 << 6,
    NEED_COPY = 1 << 7, /* copies are made here, or from here: their maker signs for both */
    NEED_HOLD = 1 << 8, /* snapshots or copies of ours lie here */
    NEED_SHARE = 1 << 9,
    NEED_RESTORE = 1 << 10,
    NEED_ZONES = 1 << 11,
    NEED_ATTACH = 1 << 12,
    NEED_KEY_LOOK = 1 << 13,
    NEED_KEY_READ = 1 << 14,
    NEED_KEY_WRITE = 1 << 15,
    NEED_KEY_ATTACH = 1 << 16,
    NEED_KEY_LEND = 1 << 17,
    NEED_KEY_LEARN = 1 << 18,
    NEED_CANARY = 1 << 19, /* a volume is made at the source, and a snapshot of it alone */
    NEED_NOTHING = 0,
};

#define NEED_KEY_ANY (NEED_KEY_LOOK | NEED_KEY_READ | NEED_KEY_WRITE)

/* Sources: service authorization reference of each service; EBS user guide, "Permissions for using
 * encryption keys" and "Share the KMS key". GetCallerIdentity needs no right. */
static const struct rule {
    const char *action;
    enum right_group group;
    unsigned needs;
} rules[] = {
    {"ec2:DescribeVolumes", RIGHT_LOOK, NEED_LIST},
    {"ec2:DescribeSnapshots", RIGHT_LOOK, NEED_LIST | NEED_HOLD},
    {"ec2:DescribeInstances", RIGHT_LOOK, NEED_SET | NEED_ATTACH},
    {"ec2:DescribeAvailabilityZones", RIGHT_LOOK, NEED_ZONES},
    {"cloudwatch:GetMetricData", RIGHT_LOOK, NEED_LEARN},
    {"servicequotas:GetServiceQuota", RIGHT_LOOK_AHEAD, NEED_HOLD | NEED_RESTORE},
    {"servicequotas:GetAWSDefaultServiceQuota", RIGHT_LOOK_AHEAD, NEED_HOLD | NEED_RESTORE},
    {"ebs:ListSnapshotBlocks", RIGHT_READ_BLOCKS, NEED_LEARN},
    {"ebs:ListChangedBlocks", RIGHT_READ_BLOCKS, NEED_LEARN},
    {"ebs:GetSnapshotBlock", RIGHT_READ_BLOCKS, NEED_NOTHING},
    {"ec2:CreateSnapshot", RIGHT_SNAPSHOT_OF, NEED_ONE},
    {"ec2:CreateSnapshot", RIGHT_SNAPSHOT_OF_CANARY, NEED_CANARY},
    {"ec2:CreateSnapshot", RIGHT_MAKE_SNAPSHOT, NEED_ONE | NEED_CANARY},
    {"ec2:CreateSnapshots", RIGHT_SNAPSHOT_OF, NEED_SET},
    {"ec2:CreateSnapshots", RIGHT_MAKE_SNAPSHOT, NEED_SET},
    {"ec2:CopySnapshot", RIGHT_COPY, NEED_COPY},
    {"ec2:CreateVolume", RIGHT_MAKE_VOLUME, NEED_RESTORE | NEED_CANARY},
    {"ec2:CreateVolume", RIGHT_VOLUME_FROM, NEED_RESTORE},
    {"ec2:AttachVolume", RIGHT_ATTACH, NEED_ATTACH},
    {"ec2:AttachVolume", RIGHT_ATTACH_TO, NEED_ATTACH},
    {"ec2:ModifySnapshotAttribute", RIGHT_SHARE, NEED_SHARE},
    {"ec2:CreateTags", RIGHT_TAG_NEW, NEED_HOLD | NEED_RESTORE},
    {"ec2:CreateTags", RIGHT_TAG_OWN, NEED_CLAIM},
    {"ec2:CreateTags", RIGHT_CLAIM, NEED_CLAIM},
    {"kms:DescribeKey", RIGHT_KEY, NEED_KEY_ANY},
    {"kms:GenerateDataKeyWithoutPlaintext", RIGHT_KEY, NEED_KEY_WRITE},
    {"kms:ReEncryptTo", RIGHT_KEY_BY_EBS, NEED_KEY_WRITE},
    {"kms:Decrypt", RIGHT_KEY_BY_EBS, NEED_KEY_READ | NEED_KEY_ATTACH},
    {"kms:ReEncryptFrom", RIGHT_KEY_BY_EBS, NEED_KEY_READ},
    {"kms:CreateGrant", RIGHT_KEY_GRANT_BY_EBS, NEED_KEY_READ | NEED_KEY_WRITE | NEED_KEY_ATTACH},
    {"kms:Decrypt", RIGHT_KEY_OF_BLOCKS, NEED_KEY_LEARN},
    {"kms:CreateGrant", RIGHT_LEND, NEED_KEY_LEND},
    {"ssm:SendCommand", RIGHT_COMMAND, NEED_COMMAND},
    {"ssm:GetCommandInvocation", RIGHT_LOOK, NEED_COMMAND},
    {"sts:AssumeRole", RIGHT_ASSUME, NEED_ROLE},
    {"ec2:DeleteSnapshot", RIGHT_REMOVE, NEED_HOLD},
    {"ec2:DeleteVolume", RIGHT_REMOVE, NEED_RESTORE | NEED_CANARY},
    {"ec2:DetachVolume", RIGHT_REMOVE, NEED_ATTACH},
    {"ec2:DetachVolume", RIGHT_DETACH_FROM, NEED_ATTACH},
    {"ec2:ModifySnapshotAttribute", RIGHT_UNSHARE, NEED_SHARE},
    {"kms:RevokeGrant", RIGHT_TAKE_BACK, NEED_KEY_LEND},
};
#define RULE_COUNT (sizeof(rules) / sizeof(rules[0]))

void rights_done(struct rights *rights)
{
    free(rights->items);
    *rights = (struct rights){0};
}

/* One principal in one region, and in whose account the things are. */
struct place {
    enum right_side side;
    const char *region;
    const char *account;
    const struct cloud *cloud;
};

/* The list under construction. */
struct builder {
    const struct rights_request *request;
    struct rights *rights;
    bool out_of_memory;
};

static bool is_same(const struct right *a, const struct right *b)
{
    return a->group == b->group && a->side == b->side && strcmp(a->action, b->action) == 0 &&
           strcmp(a->region, b->region) == 0 && strcmp(a->key, b->key) == 0;
}

static void add_right(struct builder *builder, const struct right *right)
{
    struct rights *rights = builder->rights;
    for (size_t i = 0; i < rights->count; i++) {
        if (!is_same(&rights->items[i], right))
            continue;
        if (rights->items[i].cloud == NULL)
            rights->items[i].cloud = right->cloud;
        return;
    }
    struct right *items = reallocarray(rights->items, rights->count + 1, sizeof(*items));
    builder->out_of_memory = builder->out_of_memory || items == NULL;
    if (items == NULL)
        return;
    rights->items = items;
    items[rights->count++] = *right;
}

/* Adds what the rules ask for what happens at a place; `key` is empty where no key is needed. */
static void add(struct builder *builder, const struct place *place, unsigned needs, const char *key)
{
    for (size_t i = 0; i < RULE_COUNT; i++) {
        if ((rules[i].needs & needs) == 0)
            continue;
        const struct right right = {
            .action = rules[i].action,
            .group = rules[i].group,
            .side = place->side,
            .region = place->region,
            .account = place->account,
            .key = key,
            .cloud = place->cloud,
        };
        add_right(builder, &right);
    }
}

/* ---- the places ---- */

static const char *target_account(const struct rights_request *request)
{
    return request->config->target_account[0] != '\0' ? request->config->target_account
                                                      : request->source_account;
}

static struct place source_place(const struct rights_request *request)
{
    return (struct place){RIGHT_SOURCE, request->source->region, request->source_account,
                          request->source};
}

static struct place target_place(const struct rights_request *request)
{
    return (struct place){RIGHT_TARGET, request->target->region, target_account(request),
                          request->target};
}

/* Before the hop that crosses, the source's principal copies; from there on the target's. */
static struct place hop_place(const struct rights_request *request, size_t hop)
{
    const struct path *path = request->path;
    bool is_source = false;
    for (size_t i = hop + 1; i < path->count; i++)
        is_source = is_source || path->hops[i].crosses;
    return (struct place){
        .side = is_source ? RIGHT_SOURCE : RIGHT_TARGET,
        .region = path->hops[hop].to->region,
        .account = is_source ? request->source_account : target_account(request),
        .cloud = path->hops[hop].to,
    };
}

static struct place origin_place(const struct rights_request *request, size_t hop)
{
    return hop == 0 ? source_place(request) : hop_place(request, hop - 1);
}

/* Where whoever makes a copy reads its source: nothing else happens there in its name. */
static struct place reading_place(const struct rights_request *request, size_t hop)
{
    struct place place = hop_place(request, hop);
    struct place origin = origin_place(request, hop);
    bool is_near = strcmp(place.region, origin.region) == 0;
    if (!is_near)
        place.cloud = place.side == origin.side ? origin.cloud : NULL;
    place.region = origin.region;
    place.account = origin.account;
    return place;
}

/* ---- keys ---- */

static bool may_be_encrypted(const struct rights_request *request)
{
    if (request->volumes == NULL)
        return true;
    for (size_t i = 0; i < request->volumes->count; i++) {
        if (request->volumes->items[i].key_id[0] != '\0')
            return true;
    }
    return false;
}

/* Adds for the key of the copies of a hop, or of each volume of the set (hop -1). */
static void add_keys(struct builder *builder, const struct place *place, unsigned needs, int hop)
{
    const struct rights_request *request = builder->request;
    const struct cloud_volumes *volumes = request->volumes;
    if (hop >= 0 && !path_encrypts(request->path, (size_t)hop, may_be_encrypted(request)))
        return;
    if (hop >= 0 || volumes == NULL) {
        add(builder, place, needs, hop >= 0 ? request->path->hops[hop].key_id : "");
        return;
    }
    for (size_t i = 0; i < volumes->count; i++) {
        if (volumes->items[i].key_id[0] != '\0')
            add(builder, place, needs, volumes->items[i].key_id);
    }
}

/* ---- the way ---- */

static unsigned source_needs(const struct config *config)
{
    unsigned needs = NEED_LIST | NEED_LEARN | NEED_HOLD | NEED_CLAIM;
    needs |= config->volume_count > 1 ? NEED_SET : NEED_ONE;
    needs |= config->quiesce == QUIESCE_SSM ? NEED_COMMAND : 0;
    return needs;
}

static void add_hop(struct builder *builder, size_t hop)
{
    const struct rights_request *request = builder->request;
    struct place to = hop_place(request, hop);
    struct place from = origin_place(request, hop);
    struct place reading = reading_place(request, hop);
    bool crosses = request->path->hops[hop].crosses;
    add(builder, &to, NEED_COPY | NEED_HOLD, "");
    add(builder, &reading, NEED_COPY, "");
    add_keys(builder, &from, NEED_KEY_LOOK, (int)hop - 1);
    add_keys(builder, &reading, NEED_KEY_READ, (int)hop - 1);
    add_keys(builder, &to, NEED_KEY_WRITE, (int)hop);
    if (!crosses)
        return;
    add(builder, &from, NEED_SHARE, "");
    add_keys(builder, &from, NEED_KEY_LEND, (int)hop - 1);
}

static unsigned target_needs(const struct config *config)
{
    unsigned needs = NEED_LIST | NEED_RESTORE;
    needs |= config->target_zone[0] != '\0' ? NEED_ZONES : 0;
    needs |= config->target_instance[0] != '\0' ? NEED_ATTACH : 0;
    return needs;
}

static enum error_code finish(const struct builder *builder, struct error *err)
{
    if (!builder->out_of_memory)
        return ERR_NONE;
    rights_done(builder->rights);
    return error_set(err, ERR_NO_MEMORY, "cannot list the rights");
}

enum error_code rights_list(const struct rights_request *request, struct rights *rights,
                            struct error *err)
{
    struct builder builder = {request, rights, false};
    struct place source = source_place(request);
    struct place target = target_place(request);
    unsigned role = request->config->target_role[0] != '\0' ? NEED_ROLE : 0;
    unsigned attach = request->config->target_instance[0] != '\0' ? NEED_KEY_ATTACH : 0;
    add(&builder, &source, source_needs(request->config) | role, "");
    add_keys(&builder, &source, NEED_KEY_LEARN, -1);
    if (request->canary) {
        add(&builder, &source, NEED_CANARY, "");
        add_keys(&builder, &source, NEED_KEY_WRITE, -1);
    }
    for (size_t i = 0; i < request->path->count; i++)
        add_hop(&builder, i);
    add(&builder, &target, target_needs(request->config), "");
    add_keys(&builder, &target, NEED_KEY_READ | NEED_KEY_WRITE | attach,
             (int)request->path->count - 1);
    return finish(&builder, err);
}

/* The copies that are there are part of the history, and plan tries the keys by a dry run. */
enum error_code rights_list_watcher(const struct rights_request *request, struct rights *rights,
                                    struct error *err)
{
    struct rights all = {0};
    struct builder builder = {request, rights, false};
    TRY(rights_list(request, &all, err));
    for (size_t i = 0; i < all.count; i++) {
        struct right right = all.items[i];
        bool reads = right.group == RIGHT_LOOK || right.group == RIGHT_READ_BLOCKS ||
                     right.group == RIGHT_KEY || right.group == RIGHT_KEY_OF_BLOCKS;
        right.side = RIGHT_SOURCE;
        if (reads && strncmp(right.action, "ssm:", 4) != 0)
            add_right(&builder, &right);
    }
    rights_done(&all);
    return finish(&builder, err);
}
