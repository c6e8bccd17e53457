#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/world_inner.h"

const char world_web_role[] = "arn:aws:iam::111122223333:role/ebshift-pod";
static const char role_b[] = "arn:aws:iam::444455556666:role/ebshift-target";

/* Length characters of A-Z0-9 after the prefix, or of base64's alphabet for secrets. */
static void draw_text(struct dice *dice, const char *alphabet, char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        text[i] = alphabet[dice_next(dice) % strlen(alphabet)];
    text[length] = '\0';
}

static const char upper_and_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
static const char base64_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static struct sim_credential *add_credential(struct world *world, const char *prefix,
                                             struct dice *dice)
{
    struct sim_credential *credential = calloc(1, sizeof(*credential));
    assert(credential != NULL);
    memcpy(credential->access_key, prefix, 4);
    draw_text(dice, upper_and_digits, credential->access_key + 4, 16);
    draw_text(dice, base64_letters, credential->secret, 40);
    credential->expires_ms = INT64_MAX;
    world->credentials =
        world_grow(world->credentials, world->credential_count, sizeof(struct sim_credential *));
    world->credentials[world->credential_count++] = credential;
    return credential;
}

static void make_user(struct world *world, const char *account, const char *name)
{
    struct dice dice = {dice_hash_text(world->seed ^ 11, account)};
    struct sim_credential *credential = add_credential(world, "AKIA", &dice);
    world_text(credential->account, sizeof(credential->account), account);
    (void)snprintf(credential->arn, sizeof(credential->arn), "arn:aws:iam::%s:user/%s", account,
                   name);
    memcpy(credential->user_id, "AIDA", 4);
    draw_text(&dice, upper_and_digits, credential->user_id + 4, 17);
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
    key->open_to_others = strcmp(alias, "alias/data") == 0;
}

static void make_keys(struct world *world, const char *account)
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

void world_make_access(struct world *world)
{
    make_user(world, account_a, "operator");
    make_user(world, account_b, "operator");
    make_keys(world, account_a);
    make_keys(world, account_b);
}

const struct sim_credential *world_credential(struct world *world, const char *access_key)
{
    for (size_t i = 0; i < world->credential_count; i++) {
        if (strcmp(world->credentials[i]->access_key, access_key) == 0)
            return world->credentials[i];
    }
    return NULL;
}

bool world_assume_role(struct world *world, const struct sim_credential *by,
                       const struct assume_role *request, const struct sim_credential **credential,
                       struct refusal *refusal)
{
    if (strcmp(request->role_arn, role_b) != 0 || strcmp(by->account, account_a) != 0) {
        return refuse(refusal, "AccessDenied",
                      "User: %.100s is not authorized to perform: sts:AssumeRole on resource: "
                      "%.100s",
                      by->arn, request->role_arn);
    }
    struct dice dice = world_birth(world);
    struct sim_credential *made = add_credential(world, "ASIA", &dice);
    draw_text(&dice, base64_letters, made->session_token, sizeof(made->session_token) - 1);
    world_text(made->account, sizeof(made->account), account_b);
    (void)snprintf(made->arn, sizeof(made->arn), "arn:aws:sts::%s:assumed-role/ebshift-target/%s",
                   account_b, request->session_name);
    (void)snprintf(made->user_id, sizeof(made->user_id), "AROAEBSHIFTTARGET0001:%.50s",
                   request->session_name);
    made->expires_ms = world->now_ms + request->duration_s * MS_PER_SECOND;
    world->dirty = true;
    *credential = made;
    return true;
}

void world_web_token(const struct world *world, char token[SIM_WEB_TOKEN_SIZE])
{
    struct dice dice = {world->seed ^ 13};
    char letters[41];
    draw_text(&dice, upper_and_digits, letters, 40);
    (void)snprintf(token, SIM_WEB_TOKEN_SIZE, "eyJhbGciOiJSUzI1NiJ9.%s.c2ltdWxhdGVk", letters);
}

bool world_assume_role_with_token(struct world *world, const char *token,
                                  const struct assume_role *request,
                                  const struct sim_credential **credential, struct refusal *refusal)
{
    char wanted[SIM_WEB_TOKEN_SIZE];
    world_web_token(world, wanted);
    if (strcmp(token, wanted) != 0) {
        return refuse(refusal, "InvalidIdentityToken",
                      "The ID Token provided is not a valid JWT of a known provider.");
    }
    if (strcmp(request->role_arn, world_web_role) != 0) {
        return refuse(refusal, "AccessDenied",
                      "Not authorized to perform sts:AssumeRoleWithWebIdentity");
    }
    struct dice dice = world_birth(world);
    struct sim_credential *made = add_credential(world, "ASIA", &dice);
    draw_text(&dice, base64_letters, made->session_token, sizeof(made->session_token) - 1);
    world_text(made->account, sizeof(made->account), account_a);
    (void)snprintf(made->arn, sizeof(made->arn), "arn:aws:sts::%s:assumed-role/ebshift-pod/%s",
                   account_a, request->session_name);
    (void)snprintf(made->user_id, sizeof(made->user_id), "AROAEBSHIFTPOD0000001:%.50s",
                   request->session_name);
    made->expires_ms = world->now_ms + request->duration_s * MS_PER_SECOND;
    world->dirty = true;
    *credential = made;
    return true;
}

/* True if the name is this key's id, alias, key ARN or alias ARN. */
static bool key_is_named(const struct sim_key *key, const char *name)
{
    char alias_arn[SIM_ARN_SIZE];
    (void)snprintf(alias_arn, sizeof(alias_arn), "arn:aws:kms:%s:%s:%s", key->region, key->account,
                   key->alias);
    return strcmp(name, key->id) == 0 || strcmp(name, key->alias) == 0 ||
           strcmp(name, key->arn) == 0 || strcmp(name, alias_arn) == 0;
}

const struct sim_key *world_key(struct world *world, const struct caller *caller, const char *name)
{
    for (size_t i = 0; i < world->key_count; i++) {
        const struct sim_key *key = &world->keys[i];
        bool own = strcmp(key->account, caller->account) == 0;
        bool foreign = key->open_to_others && strcmp(name, key->arn) == 0;
        if (strcmp(key->region, caller->region) == 0 && (own || foreign) && key_is_named(key, name))
            return key;
    }
    return NULL;
}

/* Request buckets as the EC2 developer guide lists them ("Request throttling"). */
struct bucket_size {
    const char *action; /* a prefix */
    double capacity;
    double refill_per_s;
};
static const struct bucket_size bucket_sizes[] = {
    {"CreateSnapshot", 100, 5}, {"CreateVolume", 100, 5},
    {"DeleteSnapshot", 100, 5}, {"DeleteVolume", 100, 5},
    {"ModifySnapshot", 100, 5}, {"CreateTags", 100, 10},
    {"DeleteTags", 100, 10},    {"CopySnapshot", 50, 5},
    {"AttachVolume", 50, 5},    {"DetachVolume", 50, 5},
    {"ResetSnapshot", 50, 5},   {"GetSnapshotBlock", 1000, 1000},
    {"List", 50, 50},           {"Describe", 100, 20},
    {"Get", 100, 20},           {"", 100, 20},
};
static const struct bucket_size unfiltered_size = {"", 50, 10};

static const struct bucket_size *size_of_bucket(const char *action, bool unfiltered)
{
    if (unfiltered)
        return &unfiltered_size;
    size_t i = 0;
    while (strncmp(action, bucket_sizes[i].action, strlen(bucket_sizes[i].action)) != 0)
        i++;
    return &bucket_sizes[i];
}

static struct bucket *find_bucket(struct world *world, const char *name, double capacity)
{
    for (size_t i = 0; i < world->bucket_count; i++) {
        if (strcmp(world->buckets[i].name, name) == 0)
            return &world->buckets[i];
    }
    world->buckets = world_grow(world->buckets, world->bucket_count, sizeof(*world->buckets));
    struct bucket *bucket = &world->buckets[world->bucket_count++];
    world_text(bucket->name, sizeof(bucket->name), name);
    bucket->tokens = capacity;
    bucket->filled_ms = world->now_ms;
    return bucket;
}

bool world_take_token(struct world *world, const struct caller *caller, const char *action,
                      bool unfiltered, struct refusal *refusal)
{
    const struct bucket_size *size = size_of_bucket(action, unfiltered);
    char name[160];
    (void)snprintf(name, sizeof(name), "%s %s %.80s%s", caller->account, caller->region, action,
                   unfiltered ? " unfiltered" : "");
    struct bucket *bucket = find_bucket(world, name, size->capacity);
    double passed_s = (double)(world->now_ms - bucket->filled_ms) / 1000;
    double filled = bucket->tokens + passed_s * size->refill_per_s;
    bucket->tokens = filled > size->capacity ? size->capacity : filled;
    bucket->filled_ms = world->now_ms;
    if (bucket->tokens < 1)
        return refuse(refusal, "RequestLimitExceeded", "Request limit exceeded.");
    bucket->tokens -= 1;
    return true;
}
