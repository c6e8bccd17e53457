#include "tests/sim/world_key.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "tests/sim/world_iam.h"
#include "tests/sim/world_inner.h"

#define GRANT_DELAY_MS 3000

/* ---- the keys every account has ---- */

static void set_text(char **text, const char *value)
{
    free(*text);
    *text = strdup(value);
    assert(*text != NULL);
}

/* The owner's account decides; the other one gets what the EBS user guide asks for to use a snapshot
 * under a shared key. */
static void make_policy(struct sim_key *key, const char *other)
{
    char text[1024];
    char open[512] = "";
    if (strcmp(key->alias, "alias/data") == 0) {
        (void)snprintf(open, sizeof(open),
                       ",{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::%s:root\"},"
                       "\"Action\":[\"kms:DescribeKey\",\"kms:CreateGrant\",\"kms:Decrypt\","
                       "\"kms:ReEncrypt*\",\"kms:GenerateDataKeyWithoutPlaintext\"],"
                       "\"Resource\":\"*\"}",
                       other);
    }
    (void)snprintf(
        text, sizeof(text),
        "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":"
        "{\"AWS\":\"arn:aws:iam::%s:root\"},\"Action\":\"kms:*\",\"Resource\":\"*\"}%s]}",
        key->account, open);
    set_text(&key->policy, text);
}

static void make_key(struct world *world, const char *account, const char *region,
                     const char *alias)
{
    struct dice dice = {
        dice_hash_text(dice_hash_text(dice_hash_text(world->seed ^ 12, account), region), alias)};
    char hex[33];
    dice_hex(&dice, hex, sizeof(hex));
    world->keys = world_grow(world->keys, world->key_count, sizeof(*world->keys));
    struct sim_key *key = &world->keys[world->key_count++];
    (void)snprintf(key->id, sizeof(key->id), "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
                   hex + 16, hex + 20);
    (void)snprintf(key->arn, sizeof(key->arn), "arn:aws:kms:%s:%s:key/%s", region, account,
                   key->id);
    world_text(key->alias, sizeof(key->alias), alias);
    world_text(key->account, sizeof(key->account), account);
    world_text(key->region, sizeof(key->region), region);
    key->aws_managed = strcmp(alias, "alias/aws/ebs") == 0;
    make_policy(key, strcmp(account, account_a) == 0 ? account_b : account_a);
}

void world_make_keys(struct world *world, const char *account)
{
    const char *last_region = "";
    const struct sim_zone *zone;
    for (size_t i = 0; (zone = world_zone_at(i)) != NULL; i++) {
        if (strcmp(zone->region, last_region) == 0)
            continue;
        last_region = zone->region;
        make_key(world, account, zone->region, "alias/aws/ebs");
        make_key(world, account, zone->region, "alias/data");
        make_key(world, account, zone->region, "alias/closed");
    }
}

void world_free_keys(struct world *world)
{
    for (size_t i = 0; i < world->key_count; i++) {
        free(world->keys[i].policy);
        free(world->keys[i].grants);
    }
    free(world->keys);
}

const char *sim_key_state_text(enum sim_key_state state)
{
    static const char texts[][16] = {
        [KEY_ENABLED] = "Enabled",
        [KEY_DISABLED] = "Disabled",
        [KEY_PENDING_DELETION] = "PendingDeletion",
    };
    return texts[state];
}

/* ---- finding ---- */

static bool is_named(const struct sim_key *key, const char *name)
{
    char alias_arn[SIM_ARN_SIZE];
    (void)snprintf(alias_arn, sizeof(alias_arn), "arn:aws:kms:%s:%s:%s", key->region, key->account,
                   key->alias);
    return strcmp(name, key->id) == 0 || strcmp(name, key->alias) == 0 ||
           strcmp(name, alias_arn) == 0;
}

struct sim_key *world_key(struct world *world, const struct caller *caller, const char *name)
{
    for (size_t i = 0; i < world->key_count; i++) {
        struct sim_key *key = &world->keys[i];
        bool own = strcmp(key->account, caller->account) == 0;
        if (strcmp(key->region, caller->region) == 0 &&
            (strcmp(name, key->arn) == 0 || (own && is_named(key, name))))
            return key;
    }
    return NULL;
}

struct sim_key *world_next_key(struct world *world, const struct caller *caller, size_t *cursor)
{
    while (*cursor < world->key_count) {
        struct sim_key *key = &world->keys[(*cursor)++];
        if (strcmp(key->region, caller->region) == 0 && strcmp(key->account, caller->account) == 0)
            return key;
    }
    return NULL;
}

/* ---- rights ---- */

void world_role_of(const char *arn, char role[SIM_ARN_SIZE])
{
    char account[SIM_ACCOUNT_SIZE];
    char name[65];
    role[0] = '\0';
    if (sscanf(arn, "arn:aws:sts::%12[0-9]:assumed-role/%64[^/]/", account, name) == 2)
        (void)snprintf(role, SIM_ARN_SIZE, "arn:aws:iam::%s:role/%s", account, name);
}

/* A caller without a name is its account's root. */
static bool is_account(const struct caller *caller, const char *principal)
{
    char root[SIM_ARN_SIZE];
    (void)snprintf(root, sizeof(root), "arn:aws:iam::%s:root", caller->account);
    return strcmp(principal, "*") == 0 || strcmp(principal, root) == 0 ||
           strcmp(principal, caller->account) == 0;
}

static bool is_caller(const struct caller *caller, const char *principal)
{
    char role[SIM_ARN_SIZE];
    world_role_of(caller->arn, role);
    return (caller->arn[0] != '\0' && strcmp(principal, caller->arn) == 0) ||
           (role[0] != '\0' && strcmp(principal, role) == 0);
}

/* Applies `test` to a JSON text, or to any text of a list. */
static bool any_text(struct json_object *value, bool (*test)(const void *self, const char *text),
                     const void *self)
{
    if (json_object_is_type(value, json_type_string))
        return test(self, json_object_get_string(value));
    if (!json_object_is_type(value, json_type_array))
        return false;
    for (size_t i = 0; i < json_object_array_length(value); i++) {
        if (test(self, json_object_get_string(json_object_array_get_idx(value, i))))
            return true;
    }
    return false;
}

static bool names_account(const void *self, const char *text)
{
    return is_account(self, text);
}

static bool names_caller(const void *self, const char *text)
{
    return is_caller(self, text);
}

static bool names_action(const void *self, const char *text)
{
    return iam_fits(text, self);
}

/* What a key's policy says to one call: to the caller by name, or to all that its account lets. */
struct key_says {
    bool denied;
    bool to_caller;
    bool to_account;
};

static void statement_says(struct json_object *statement, const struct caller *caller,
                           const char *action, const struct iam_context *context,
                           struct key_says *says)
{
    struct json_object *principal = json_object_object_get(statement, "Principal");
    if (json_object_is_type(principal, json_type_object))
        principal = json_object_object_get(principal, "AWS");
    bool speaks = any_text(json_object_object_get(statement, "Action"), names_action, action) &&
                  iam_condition_holds(json_object_object_get(statement, "Condition"), context);
    bool to_caller = speaks && any_text(principal, names_caller, caller);
    bool to_account = speaks && any_text(principal, names_account, caller);
    if (strcmp(json_object_get_string(json_object_object_get(statement, "Effect")), "Deny") == 0) {
        says->denied = says->denied || to_caller || to_account;
        return;
    }
    says->to_caller = says->to_caller || to_caller;
    says->to_account = says->to_account || to_account;
}

static struct key_says policy_says(const struct sim_key *key, const struct caller *caller,
                                   const char *action, const struct iam_context *context)
{
    struct key_says says = {false, false, false};
    struct json_object *root = json_tokener_parse(key->policy);
    struct json_object *statements = json_object_object_get(root, "Statement");
    for (size_t i = 0; i < json_object_array_length(statements); i++)
        statement_says(json_object_array_get_idx(statements, i), caller, action, context, &says);
    (void)json_object_put(root);
    return says;
}

static bool grant_says(const struct world *world, const struct sim_key *key,
                       const struct caller *caller, const char *action)
{
    char word[64];
    (void)snprintf(word, sizeof(word), " %s ", action + strlen("kms:"));
    for (size_t i = 0; i < key->grant_count; i++) {
        const struct sim_grant *grant = &key->grants[i];
        bool is_for = is_caller(caller, grant->principal) || is_account(caller, grant->principal);
        if (grant->usable_ms <= world->now_ms && is_for && strstr(grant->operations, word) != NULL)
            return true;
    }
    return false;
}

/* EBS comes through EC2, and its grants are for it. */
static struct iam_context context_of(const struct key_use *use, const struct caller *caller,
                                     char service[64])
{
    struct iam_context context = {.count = 0};
    bool by_ebs = use->actor == KEY_ACTOR_EBS;
    (void)snprintf(service, 64, "ec2.%s.amazonaws.com", caller->region);
    iam_context_add(&context, "aws:RequestedRegion", NULL, caller->region);
    iam_context_add(&context, "kms:ViaService", NULL, by_ebs ? service : NULL);
    if (strcmp(use->action, "kms:CreateGrant") == 0) {
        iam_context_add(&context, "kms:GrantIsForAWSResource", NULL, by_ebs ? "true" : "false");
        iam_context_add(&context, "kms:GranteePrincipal", NULL, use->grantee);
    }
    return context;
}

/* Inside an account the key's policy or a grant is enough for whom it names; whoever it leaves to the
 * account, and everybody from another one, is also asked for documents of their own. */
bool world_key_allows_use(const struct world *world, const struct caller *caller,
                          const struct sim_key *key, const struct key_use *use)
{
    char service[64];
    struct iam_context context = context_of(use, caller, service);
    bool own = strcmp(key->account, caller->account) == 0;
    enum iam_verdict said = world_iam_says(world, caller, use->action, key->arn, &context);
    if (said == IAM_DENIED)
        return false;
    /* The managed key's policy lets EBS do everything for its own account, and others look. */
    if (key->aws_managed) {
        return own && (use->actor == KEY_ACTOR_EBS ||
                       (strcmp(use->action, "kms:DescribeKey") == 0 && said == IAM_ALLOWED));
    }
    struct key_says says = policy_says(key, caller, use->action, &context);
    bool named = says.to_caller || grant_says(world, key, caller, use->action);
    return !says.denied && (said == IAM_ALLOWED ? named || says.to_account : named && own);
}

bool world_key_allows(const struct world *world, const struct caller *caller,
                      const struct sim_key *key, const char *action, enum sim_key_actor actor)
{
    const struct key_use use = {.action = action, .actor = actor};
    return world_key_allows_use(world, caller, key, &use);
}

bool world_key_serves(const struct world *world, const struct caller *caller,
                      const struct sim_key *key, enum sim_key_use use)
{
    static const char *const needed[][5] = {
        [KEY_USE_READ] = {"kms:DescribeKey", "kms:CreateGrant", "kms:Decrypt", "kms:ReEncryptFrom",
                          NULL},
        [KEY_USE_WRITE] = {"kms:DescribeKey", "kms:CreateGrant",
                           "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptTo", NULL},
    };
    if (key == NULL || key->state != KEY_ENABLED)
        return false;
    for (size_t i = 0; needed[use][i] != NULL; i++) {
        if (!world_key_allows(world, caller, key, needed[use][i], KEY_ACTOR_EBS))
            return false;
    }
    return true;
}

/* ---- changes ---- */

static bool is_text_or_list(struct json_object *value)
{
    return json_object_is_type(value, json_type_string) ||
           json_object_is_type(value, json_type_array);
}

static bool is_statement(struct json_object *statement)
{
    struct json_object *principal = json_object_object_get(statement, "Principal");
    struct json_object *effect = json_object_object_get(statement, "Effect");
    struct json_object *resource = json_object_object_get(statement, "Resource");
    const char *word = effect == NULL ? "" : json_object_get_string(effect);
    if (json_object_is_type(principal, json_type_object))
        principal = json_object_object_get(principal, "AWS");
    return (strcmp(word, "Allow") == 0 || strcmp(word, "Deny") == 0) &&
           is_text_or_list(principal) &&
           is_text_or_list(json_object_object_get(statement, "Action")) &&
           json_object_is_type(resource, json_type_string) &&
           strcmp(json_object_get_string(resource), "*") == 0 &&
           iam_condition_is_known(json_object_object_get(statement, "Condition"));
}

bool world_key_set_policy(struct world *world, struct sim_key *key, const char *policy,
                          struct refusal *refusal)
{
    struct json_object *root = json_tokener_parse(policy);
    struct json_object *statements = json_object_object_get(root, "Statement");
    bool good =
        json_object_is_type(statements, json_type_array) && strlen(policy) <= SIM_POLICY_SIZE;
    for (size_t i = 0; good && i < json_object_array_length(statements); i++)
        good = is_statement(json_object_array_get_idx(statements, i));
    (void)json_object_put(root);
    if (!good) {
        return refuse(refusal, "MalformedPolicyDocumentException",
                      "The policy is malformed, or says what is not simulated");
    }
    set_text(&key->policy, policy);
    world->dirty = true;
    return true;
}

const struct sim_grant *world_key_grant(struct world *world, struct sim_key *key,
                                        const struct grant_request *request)
{
    for (size_t i = 0; request->name != NULL && i < key->grant_count; i++) {
        const struct sim_grant *grant = &key->grants[i];
        if (strcmp(grant->name, request->name) == 0 &&
            strcmp(grant->principal, request->principal) == 0 &&
            strcmp(grant->operations, request->operations) == 0)
            return grant;
    }
    struct dice dice = world_birth(world);
    key->grants = world_grow(key->grants, key->grant_count, sizeof(*key->grants));
    struct sim_grant *grant = &key->grants[key->grant_count++];
    dice_hex(&dice, grant->id, sizeof(grant->id));
    world_text(grant->principal, sizeof(grant->principal), request->principal);
    world_text(grant->operations, sizeof(grant->operations), request->operations);
    if (request->name != NULL)
        world_text(grant->name, sizeof(grant->name), request->name);
    grant->created_ms = world->now_ms;
    grant->usable_ms = world->now_ms + GRANT_DELAY_MS;
    world->dirty = true;
    return grant;
}

bool world_key_revoke(struct world *world, struct sim_key *key, const char *grant_id,
                      struct refusal *refusal)
{
    for (size_t i = 0; i < key->grant_count; i++) {
        if (strcmp(key->grants[i].id, grant_id) != 0)
            continue;
        key->grants[i] = key->grants[--key->grant_count];
        world->dirty = true;
        return true;
    }
    return refuse(refusal, "NotFoundException", "Grant %.80s not found", grant_id);
}

/* ---- the stored form: what changed about a key since it was made ---- */

struct json_object *world_keys_out(const struct world *world)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < world->key_count; i++) {
        const struct sim_key *key = &world->keys[i];
        struct json_object *object = json_object_new_object();
        struct json_object *grants = json_object_new_array();
        for (size_t j = 0; j < key->grant_count; j++) {
            const struct sim_grant *grant = &key->grants[j];
            struct json_object *item = json_object_new_object();
            json_object_object_add(item, "id", json_object_new_string(grant->id));
            json_object_object_add(item, "name", json_object_new_string(grant->name));
            json_object_object_add(item, "principal", json_object_new_string(grant->principal));
            json_object_object_add(item, "operations", json_object_new_string(grant->operations));
            json_object_object_add(item, "created_ms", json_object_new_int64(grant->created_ms));
            json_object_array_add(grants, item);
        }
        json_object_object_add(object, "arn", json_object_new_string(key->arn));
        json_object_object_add(object, "state", json_object_new_int((int)key->state));
        json_object_object_add(object, "deletion_ms", json_object_new_int64(key->deletion_ms));
        json_object_object_add(object, "policy", json_object_new_string(key->policy));
        json_object_object_add(object, "grants", grants);
        json_object_array_add(list, object);
    }
    return list;
}

static const char *text_in(struct json_object *object, const char *name)
{
    struct json_object *value = json_object_object_get(object, name);
    return value == NULL ? "" : json_object_get_string(value);
}

static void grants_in(struct sim_key *key, struct json_object *list)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *item = json_object_array_get_idx(list, i);
        key->grants = world_grow(key->grants, key->grant_count, sizeof(*key->grants));
        struct sim_grant *grant = &key->grants[key->grant_count++];
        world_text(grant->id, sizeof(grant->id), text_in(item, "id"));
        world_text(grant->name, sizeof(grant->name), text_in(item, "name"));
        world_text(grant->principal, sizeof(grant->principal), text_in(item, "principal"));
        world_text(grant->operations, sizeof(grant->operations), text_in(item, "operations"));
        grant->created_ms = json_object_get_int64(json_object_object_get(item, "created_ms"));
        grant->usable_ms = grant->created_ms + GRANT_DELAY_MS;
    }
}

void world_keys_in(struct world *world, struct json_object *list)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *object = json_object_array_get_idx(list, i);
        for (size_t j = 0; j < world->key_count; j++) {
            struct sim_key *key = &world->keys[j];
            if (strcmp(key->arn, text_in(object, "arn")) != 0)
                continue;
            key->state =
                (enum sim_key_state)json_object_get_int(json_object_object_get(object, "state"));
            key->deletion_ms = json_object_get_int64(json_object_object_get(object, "deletion_ms"));
            set_text(&key->policy, text_in(object, "policy"));
            grants_in(key, json_object_object_get(object, "grants"));
        }
    }
}
