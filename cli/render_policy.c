#include "cli/render_policy.h"

#include <stdio.h>
#include <string.h>

#include "core/engine/engine.h"

#define TEXTS_MAX 64
#define ARN_SIZE  224

/* A set of texts in the order of their coming. A run cannot fill it: it has CLOUD_SET_MAX volumes. */
struct texts {
    char items[TEXTS_MAX][ARN_SIZE];
    size_t count;
};

static void put(struct texts *texts, const char *text)
{
    for (size_t i = 0; i < texts->count; i++) {
        if (strcmp(texts->items[i], text) == 0)
            return;
    }
    if (texts->count < TEXTS_MAX)
        (void)snprintf(texts->items[texts->count++], ARN_SIZE, "%s", text);
}

static void write_texts(struct json_out *object, const char *name, const struct texts *texts)
{
    struct json_out *list = json_out_array(object, name);
    for (size_t i = 0; i < texts->count; i++)
        json_out_item_text(list, texts->items[i]);
}

/* ---- resources ---- */

static const char *partition(const char *region)
{
    if (strncmp(region, "cn-", 3) == 0)
        return "aws-cn";
    return strncmp(region, "us-gov-", 7) == 0 ? "aws-us-gov" : "aws";
}

/* "arn:aws:ec2:REGION:ACCOUNT:WHAT"; snapshots have no account in theirs. */
static void put_ec2(struct texts *texts, const struct right *right, const char *kind,
                    const char *id)
{
    char arn[ARN_SIZE];
    bool is_snapshot = strcmp(kind, "snapshot") == 0;
    const char *account = right->account[0] == '\0' ? "*" : right->account;
    (void)snprintf(arn, sizeof(arn), "arn:%s:ec2:%s:%s:%s/%s", partition(right->region),
                   right->region, is_snapshot ? "" : account, kind, id);
    put(texts, arn);
}

static void put_set(struct texts *texts, const struct right *right, const struct config *config)
{
    for (size_t i = 0; i < config->volume_count; i++)
        put_ec2(texts, right, "volume", config->volumes[i]);
}

static void put_document(struct texts *texts, const struct right *right)
{
    char arn[ARN_SIZE];
    (void)snprintf(arn, sizeof(arn), "arn:%s:ssm:%s::document/AWS-RunShellScript",
                   partition(right->region), right->region);
    put(texts, arn);
}

static void put_resources(struct texts *texts, const struct right *right,
                          const struct config *config)
{
    bool several = strcmp(right->action, "ec2:CreateSnapshots") == 0;
    bool of_snapshot = strstr(right->action, "Snapshot") != NULL;
    switch (right->group) {
    case RIGHT_LOOK:
    case RIGHT_LOOK_AHEAD:
        put(texts, "*");
        return;
    case RIGHT_SNAPSHOT_OF:
        put_set(texts, right, config);
        if (several)
            put_ec2(texts, right, "instance", config->source_instance);
        return;
    case RIGHT_CLAIM:
        put_set(texts, right, config);
        return;
    case RIGHT_READ_BLOCKS:
    case RIGHT_MAKE_SNAPSHOT:
    case RIGHT_COPY:
    case RIGHT_VOLUME_FROM:
    case RIGHT_SHARE:
    case RIGHT_UNSHARE:
    case RIGHT_TAG_OWN:
        put_ec2(texts, right, "snapshot", "*");
        return;
    case RIGHT_SNAPSHOT_OF_CANARY:
    case RIGHT_MAKE_VOLUME:
    case RIGHT_ATTACH:
        put_ec2(texts, right, "volume", "*");
        return;
    case RIGHT_TAG_NEW:
        put_ec2(texts, right, "snapshot", "*");
        put_ec2(texts, right, "volume", "*");
        return;
    case RIGHT_REMOVE:
        put_ec2(texts, right, of_snapshot ? "snapshot" : "volume", "*");
        return;
    case RIGHT_ATTACH_TO:
    case RIGHT_DETACH_FROM:
        put_ec2(texts, right, "instance", config->target_instance);
        return;
    case RIGHT_COMMAND:
        put_document(texts, right);
        put_ec2(texts, right, "instance", config->source_instance);
        return;
    case RIGHT_ASSUME:
        put(texts, config->target_role);
        return;
    case RIGHT_KEY:
    case RIGHT_KEY_BY_EBS:
    case RIGHT_KEY_GRANT_BY_EBS:
    case RIGHT_KEY_OF_BLOCKS:
    case RIGHT_LEND:
    case RIGHT_TAKE_BACK:
        put(texts, right->key);
        return;
    case RIGHT_GROUPS:
        return;
    }
}

/* ---- conditions ---- */

static void condition(struct json_out *conditions, const char *test, const char *key,
                      const char *value)
{
    json_out_text(json_out_object(conditions, test), key, value);
}

#define OWN_TAG(of) "aws:" of "Tag/" TAG_RUN

static void write_created_by(struct json_out *conditions)
{
    static const char *const actions[] = {"CreateSnapshot", "CreateSnapshots", "CopySnapshot",
                                          "CreateVolume"};
    struct json_out *list =
        json_out_array(json_out_object(conditions, "StringEquals"), "ec2:CreateAction");
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
        json_out_item_text(list, actions[i]);
}

static void write_conditions(const struct policy_facts *facts, enum right_group group,
                             const struct texts *regions, struct json_out *statement)
{
    struct texts services = {.count = 0};
    bool free = group == RIGHT_READ_BLOCKS || group == RIGHT_SNAPSHOT_OF || group == RIGHT_COPY ||
                group == RIGHT_ATTACH_TO || group == RIGHT_DETACH_FROM || group == RIGHT_KEY ||
                group == RIGHT_COMMAND || group == RIGHT_ASSUME || group == RIGHT_KEY_OF_BLOCKS ||
                group == RIGHT_TAKE_BACK;
    if (free)
        return;
    for (size_t i = 0; i < regions->count; i++) {
        char service[ARN_SIZE + 24];
        (void)snprintf(service, sizeof(service), "ec2.%s.amazonaws.com", regions->items[i]);
        put(&services, service);
    }
    struct json_out *conditions = json_out_object(statement, "Condition");
    if (group == RIGHT_LOOK || group == RIGHT_LOOK_AHEAD)
        write_texts(json_out_object(conditions, "StringEquals"), "aws:RequestedRegion", regions);
    if (group == RIGHT_MAKE_SNAPSHOT || group == RIGHT_MAKE_VOLUME)
        condition(conditions, "StringLike", OWN_TAG("Request"), "*");
    if (group == RIGHT_SNAPSHOT_OF_CANARY || group == RIGHT_VOLUME_FROM || group == RIGHT_ATTACH ||
        group == RIGHT_TAG_OWN || group == RIGHT_REMOVE || group == RIGHT_SHARE ||
        group == RIGHT_UNSHARE)
        condition(conditions, "StringLike", OWN_TAG("Resource"), "*");
    if (group == RIGHT_SHARE || group == RIGHT_UNSHARE) {
        condition(conditions, "StringEquals",
                  group == RIGHT_SHARE ? "ec2:Add/userId" : "ec2:Remove/userId",
                  facts->config->target_account);
    }
    if (group == RIGHT_TAG_NEW)
        write_created_by(conditions);
    if (group == RIGHT_CLAIM)
        condition(conditions, "ForAllValues:StringEquals", "aws:TagKeys", TAG_LEASE);
    if (group == RIGHT_KEY_GRANT_BY_EBS)
        condition(conditions, "Bool", "kms:GrantIsForAWSResource", "true");
    if (group == RIGHT_KEY_BY_EBS || group == RIGHT_KEY_GRANT_BY_EBS)
        write_texts(json_out_object(conditions, "StringEquals"), "kms:ViaService", &services);
    if (group == RIGHT_LEND)
        condition(conditions, "StringEquals", "kms:GranteePrincipal", facts->lent_to);
}

/* ---- statements ---- */

/* Which rights make one statement: those of a group, and of one key where the group is about keys. */
static bool belongs(const struct right *right, const struct right *first)
{
    return right->side == first->side && right->group == first->group &&
           strcmp(right->key, first->key) == 0;
}

static bool comes_first(const struct rights *rights, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (belongs(&rights->items[i], &rights->items[index]))
            return false;
    }
    return true;
}

static void write_statement(const struct policy_facts *facts, const struct rights *rights,
                            const struct right *first, struct json_out *statement)
{
    struct texts actions = {.count = 0};
    struct texts resources = {.count = 0};
    struct texts regions = {.count = 0};
    for (size_t i = 0; i < rights->count; i++) {
        const struct right *right = &rights->items[i];
        if (!belongs(right, first))
            continue;
        put(&actions, right->action);
        put(&regions, right->region);
        put_resources(&resources, right, facts->config);
    }
    write_texts(statement, "Action", &actions);
    write_texts(statement, "Resource", &resources);
    write_conditions(facts, first->group, &regions, statement);
}

static const char *sid_of(enum right_group group)
{
    static const char *const sids[RIGHT_GROUPS] = {
        [RIGHT_LOOK] = "Look",
        [RIGHT_LOOK_AHEAD] = "LookAhead",
        [RIGHT_READ_BLOCKS] = "ReadBlocks",
        [RIGHT_SNAPSHOT_OF] = "SnapshotOf",
        [RIGHT_SNAPSHOT_OF_CANARY] = "SnapshotOfCanary",
        [RIGHT_MAKE_SNAPSHOT] = "MakeSnapshot",
        [RIGHT_COPY] = "Copy",
        [RIGHT_MAKE_VOLUME] = "MakeVolume",
        [RIGHT_VOLUME_FROM] = "VolumeFrom",
        [RIGHT_ATTACH] = "Attach",
        [RIGHT_ATTACH_TO] = "AttachTo",
        [RIGHT_SHARE] = "Share",
        [RIGHT_TAG_NEW] = "TagNew",
        [RIGHT_TAG_OWN] = "TagOwn",
        [RIGHT_CLAIM] = "Claim",
        [RIGHT_KEY] = "Key",
        [RIGHT_KEY_BY_EBS] = "KeyByEbs",
        [RIGHT_KEY_GRANT_BY_EBS] = "KeyGrantByEbs",
        [RIGHT_KEY_OF_BLOCKS] = "KeyOfBlocks",
        [RIGHT_LEND] = "Lend",
        [RIGHT_COMMAND] = "Command",
        [RIGHT_ASSUME] = "Assume",
        [RIGHT_REMOVE] = "UndoRemove",
        [RIGHT_DETACH_FROM] = "UndoDetach",
        [RIGHT_UNSHARE] = "UndoShare",
        [RIGHT_TAKE_BACK] = "UndoLend",
    };
    return sids[group];
}

static void name_statement(struct json_out *statement, const struct right *first, size_t index)
{
    char sid[64];
    bool of_key = first->key[0] != '\0';
    (void)snprintf(sid, sizeof(sid), "Ebshift%s", sid_of(first->group));
    if (of_key)
        (void)snprintf(sid, sizeof(sid), "Ebshift%s%zu", sid_of(first->group), index);
    json_out_text(statement, "Sid", sid);
    json_out_text(statement, "Effect", "Allow");
}

void render_policy(const struct policy_facts *facts, const struct rights *rights,
                   enum right_side side, struct json_out *document)
{
    json_out_text(document, "Version", "2012-10-17");
    struct json_out *statements = json_out_array(document, "Statement");
    for (int group = 0; group < RIGHT_GROUPS; group++) {
        for (size_t i = 0; i < rights->count; i++) {
            const struct right *right = &rights->items[i];
            if (right->side != side || (int)right->group != group || !comes_first(rights, i))
                continue;
            struct json_out *statement = json_out_item(statements);
            name_statement(statement, right, i);
            write_statement(facts, rights, right, statement);
        }
    }
}

/* ---- policies of keys ---- */

static bool is_known_key(const struct right *right)
{
    return right->key[0] != '\0' && strchr(right->key, '*') == NULL;
}

static bool is_new_key(const struct rights *rights, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(rights->items[i].key, rights->items[index].key) == 0)
            return false;
    }
    return is_known_key(&rights->items[index]);
}

static void write_key_statement(const struct policy_facts *facts, const struct rights *rights,
                                size_t index, struct json_out *statements)
{
    const struct right *first = &rights->items[index];
    struct texts actions = {.count = 0};
    struct texts regions = {.count = 0};
    struct json_out *statement = json_out_item(statements);
    for (size_t i = 0; i < rights->count; i++) {
        if (!belongs(&rights->items[i], first))
            continue;
        put(&actions, rights->items[i].action);
        put(&regions, rights->items[i].region);
    }
    name_statement(statement, first, index);
    json_out_text(json_out_object(statement, "Principal"), "AWS", facts->principals[first->side]);
    write_texts(statement, "Action", &actions);
    json_out_text(statement, "Resource", "*");
    write_conditions(facts, first->group, &regions, statement);
}

void render_key_policies(const struct policy_facts *facts, const struct rights *rights,
                         struct json_out *document)
{
    for (size_t i = 0; i < rights->count; i++) {
        const char *key = rights->items[i].key;
        if (!is_new_key(rights, i))
            continue;
        struct json_out *policy = json_out_object(document, key);
        json_out_text(policy, "Version", "2012-10-17");
        struct json_out *statements = json_out_array(policy, "Statement");
        for (size_t j = i; j < rights->count; j++) {
            if (strcmp(rights->items[j].key, key) == 0 && comes_first(rights, j))
                write_key_statement(facts, rights, j, statements);
        }
    }
}
