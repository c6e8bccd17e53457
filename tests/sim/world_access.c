#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/world_inner.h"

const char world_web_role[] = "arn:aws:iam::111122223333:role/ebshift-pod";

/* Who may become what: two roles of account B trust every principal of account A, one of them with an
 * external id as a third party's does; one of account A trusts that account, one an identity provider. */
static const struct role {
    const char *arn;
    const char *trusted_account; /* NULL: only a web identity */
    const char *external_id;     /* NULL: none is asked for */
    const char *id;
} roles[] = {
    {"arn:aws:iam::444455556666:role/ebshift-target", account_a, NULL, "AROAEBSHIFTTARGET0001"},
    {"arn:aws:iam::444455556666:role/ebshift-external", account_a, "contract-42",
     "AROAEBSHIFTEXTERN0001"},
    {"arn:aws:iam::111122223333:role/ebshift-source", account_a, NULL, "AROAEBSHIFTSOURCE0001"},
    {world_web_role, NULL, NULL, "AROAEBSHIFTPOD0000001"},
};

static const struct role *find_role(const char *arn)
{
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        if (strcmp(arn, roles[i].arn) == 0)
            return &roles[i];
    }
    return NULL;
}

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

void world_make_access(struct world *world)
{
    make_user(world, account_a, "operator");
    make_user(world, account_b, "operator");
    world_make_keys(world, account_a);
    world_make_keys(world, account_b);
}

const struct sim_credential *world_credential(struct world *world, const char *access_key)
{
    for (size_t i = 0; i < world->credential_count; i++) {
        if (strcmp(world->credentials[i]->access_key, access_key) == 0)
            return world->credentials[i];
    }
    return NULL;
}

static const struct sim_credential *open_session(struct world *world, const struct role *role,
                                                 const struct assume_role *request)
{
    static const char prefix[] = "arn:aws:iam::";
    struct dice dice = world_birth(world);
    struct sim_credential *made = add_credential(world, "ASIA", &dice);
    draw_text(&dice, base64_letters, made->session_token, sizeof(made->session_token) - 1);
    (void)snprintf(made->account, sizeof(made->account), "%.12s", role->arn + strlen(prefix));
    (void)snprintf(made->arn, sizeof(made->arn), "arn:aws:sts::%s:assumed-role%s/%s", made->account,
                   strrchr(role->arn, '/'), request->session_name);
    (void)snprintf(made->user_id, sizeof(made->user_id), "%s:%.50s", role->id,
                   request->session_name);
    made->expires_ms = world->now_ms + request->duration_s * MS_PER_SECOND;
    world->dirty = true;
    return made;
}

bool world_assume_role(struct world *world, const struct sim_credential *by,
                       const struct assume_role *request, const struct sim_credential **credential,
                       struct refusal *refusal)
{
    const struct role *role = find_role(request->role_arn);
    bool trusts =
        role != NULL && role->trusted_account != NULL &&
        strcmp(by->account, role->trusted_account) == 0 &&
        (role->external_id == NULL || strcmp(request->external_id, role->external_id) == 0);
    if (!trusts) {
        return refuse(refusal, "AccessDenied",
                      "User: %.100s is not authorized to perform: sts:AssumeRole on resource: "
                      "%.100s",
                      by->arn, request->role_arn);
    }
    *credential = open_session(world, role, request);
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
    *credential = open_session(world, find_role(world_web_role), request);
    return true;
}

/* Request buckets as the EC2 developer guide lists them ("Request throttling"). */
struct bucket_size {
    const char *action; /* a prefix */
    double capacity;
    double refill_per_s;
};
static const struct bucket_size bucket_sizes[] = {
    {"CreateSnapshot", 100, 5},
    {"CreateVolume", 100, 5},
    {"DeleteSnapshot", 100, 5},
    {"DeleteVolume", 100, 5},
    {"ModifySnapshot", 100, 5},
    {"CreateTags", 100, 10},
    {"DeleteTags", 100, 10},
    {"CopySnapshot", 50, 5},
    {"AttachVolume", 50, 5},
    {"DetachVolume", 50, 5},
    {"ResetSnapshot", 50, 5},
    {"GetSnapshotBlock", 1000, 1000},
    {"PutSnapshotBlock", 1000, 1000},
    {"StartSnapshot", 10, 10},
    {"CompleteSnapshot", 10, 10},
    {"List", 50, 50},
    {"Describe", 100, 20},
    {"Get", 100, 20},
    {"", 100, 20},
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
