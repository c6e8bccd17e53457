#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/instant.h"
#include "tests/sim/sim_door.h"
#include "tests/sim/sim_json.h"
#include "tests/sim/world_key.h"

#define TARGET "TrentService."

static const char *const operations[] = {
    "Decrypt",       "Encrypt",     "GenerateDataKey", "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom", "ReEncryptTo", "CreateGrant",     "RetireGrant",
    "DescribeKey",   NULL,
};

/* ---- parameters ---- */

/* The request of one call. */
struct kms_request {
    struct sim_call *call;
    struct json_object *root; /* owned */
    struct sim_key *key;
    bool dry_run;
};

static void request_done(struct kms_request *request)
{
    (void)json_object_put(request->root);
}

static bool read_request(struct sim_call *call, const char *const *known,
                         struct kms_request *request)
{
    request->call = call;
    if (!sim_json_read(call, known, &request->root))
        return false;
    request->dry_run = json_object_get_boolean(json_object_object_get(request->root, "DryRun"));
    return true;
}

/* The text of a member, NULL if it is absent or none. */
static const char *text_of(const struct kms_request *request, const char *name)
{
    struct json_object *value = json_object_object_get(request->root, name);
    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

static bool need(const struct kms_request *request, const char *name, const char **text)
{
    *text = text_of(request, name);
    if (*text != NULL && (*text)[0] != '\0')
        return true;
    return refuse(&request->call->refusal, "ValidationException",
                  "1 validation error detected: Value null at '%s' failed to satisfy constraint: "
                  "Member must not be null",
                  name);
}

/* The key of KeyId, which the caller must be allowed to use so. */
static bool need_key(struct kms_request *request, const char *action)
{
    struct sim_call *call = request->call;
    const char *name;
    if (!need(request, "KeyId", &name))
        return false;
    request->key = world_key(call->world, &call->caller, name);
    if (request->key == NULL) {
        return refuse(&call->refusal, "NotFoundException",
                      strncmp(name, "alias/", 6) == 0 ? "Alias %.120s is not found."
                                                      : "Key '%.120s' does not exist",
                      name);
    }
    const struct key_use use = {.action = action, .grantee = text_of(request, "GranteePrincipal")};
    if (!world_key_allows_use(call->world, &call->caller, request->key, &use)) {
        return refuse(&call->refusal, "AccessDeniedException",
                      "User: %.80s is not authorized to perform: %s on resource: %.90s "
                      "because no resource-based policy allows it",
                      call->caller.arn, action, request->key->arn);
    }
    return true;
}

static bool refuse_dry_run(const struct kms_request *request)
{
    return refuse(&request->call->refusal, "DryRunOperationException",
                  "The request would have succeeded, but the DryRun option is set.");
}

static bool need_enabled(const struct kms_request *request)
{
    struct refusal *refusal = &request->call->refusal;
    if (request->key->state == KEY_DISABLED)
        return refuse(refusal, "DisabledException", "%s is disabled.", request->key->arn);
    if (request->key->state == KEY_PENDING_DELETION) {
        return refuse(refusal, "KMSInvalidStateException", "%s is pending deletion.",
                      request->key->arn);
    }
    return !request->dry_run || refuse_dry_run(request);
}

static bool need_customer_key(const struct kms_request *request)
{
    if (!request->key->aws_managed)
        return true;
    return refuse(&request->call->refusal, "AccessDeniedException",
                  "%s is managed by AWS and cannot be changed", request->key->arn);
}

/* ---- keys ---- */

static bool describe_key(struct sim_call *call)
{
    static const char *const known[] = {"KeyId", "GrantTokens", NULL};
    CLEANUP(request_done) struct kms_request request = {0};
    if (!read_request(call, known, &request) || !need_key(&request, "kms:DescribeKey"))
        return false;
    const struct sim_key *key = request.key;
    struct json_object *root = json_object_new_object();
    struct json_object *facts = json_object_new_object();
    struct json_object *algorithms = json_object_new_array();
    sim_json_add_text(facts, "AWSAccountId", key->account);
    sim_json_add_text(facts, "KeyId", key->id);
    sim_json_add_text(facts, "Arn", key->arn);
    json_object_object_add(facts, "CreationDate", json_object_new_double(1735689600.123));
    json_object_object_add(facts, "Enabled", json_object_new_boolean(key->state == KEY_ENABLED));
    sim_json_add_text(facts, "Description", key->alias);
    sim_json_add_text(facts, "KeyUsage", "ENCRYPT_DECRYPT");
    sim_json_add_text(facts, "KeyState", sim_key_state_text(key->state));
    if (key->state == KEY_PENDING_DELETION) {
        json_object_object_add(facts, "DeletionDate",
                               json_object_new_double((double)key->deletion_ms / 1000));
    }
    sim_json_add_text(facts, "Origin", "AWS_KMS");
    sim_json_add_text(facts, "KeyManager", key->aws_managed ? "AWS" : "CUSTOMER");
    sim_json_add_text(facts, "CustomerMasterKeySpec", "SYMMETRIC_DEFAULT");
    sim_json_add_text(facts, "KeySpec", "SYMMETRIC_DEFAULT");
    json_object_array_add(algorithms, json_object_new_string("SYMMETRIC_DEFAULT"));
    json_object_object_add(facts, "EncryptionAlgorithms", algorithms);
    json_object_object_add(facts, "MultiRegion", json_object_new_boolean(false));
    json_object_object_add(root, "KeyMetadata", facts);
    sim_json_write(call, root);
    return true;
}

static bool list_aliases(struct sim_call *call)
{
    static const char *const known[] = {"KeyId", "Limit", NULL};
    CLEANUP(request_done) struct kms_request request = {0};
    if (!read_request(call, known, &request))
        return false;
    struct json_object *root = json_object_new_object();
    struct json_object *list = json_object_new_array();
    const struct sim_key *key;
    size_t cursor = 0;
    while ((key = world_next_key(call->world, &call->caller, &cursor)) != NULL) {
        struct json_object *item = json_object_new_object();
        char arn[SIM_ARN_SIZE];
        (void)snprintf(arn, sizeof(arn), "arn:aws:kms:%s:%s:%s", key->region, key->account,
                       key->alias);
        sim_json_add_text(item, "AliasName", key->alias);
        sim_json_add_text(item, "AliasArn", arn);
        sim_json_add_text(item, "TargetKeyId", key->id);
        json_object_array_add(list, item);
    }
    json_object_object_add(root, "Aliases", list);
    json_object_object_add(root, "Truncated", json_object_new_boolean(false));
    sim_json_write(call, root);
    return true;
}

/* Moves the key between its states, as one of four actions. */
static bool change_state(struct sim_call *call, const char *action, enum sim_key_state from,
                         enum sim_key_state to)
{
    static const char *const known[] = {"KeyId", "PendingWindowInDays", NULL};
    CLEANUP(request_done) struct kms_request request = {0};
    if (!read_request(call, known, &request) || !need_key(&request, action) ||
        !need_customer_key(&request))
        return false;
    bool fits = to == KEY_PENDING_DELETION ? request.key->state != to : request.key->state == from;
    if (!fits && request.key->state != to) {
        return refuse(&call->refusal, "KMSInvalidStateException", "%s is %s.", request.key->arn,
                      sim_key_state_text(request.key->state));
    }
    struct json_object *days = json_object_object_get(request.root, "PendingWindowInDays");
    request.key->state = to;
    request.key->deletion_ms =
        call->now_ms + (days == NULL ? 30 : json_object_get_int64(days)) * MS_PER_DAY;
    struct json_object *root = json_object_new_object();
    if (to == KEY_PENDING_DELETION || from == KEY_PENDING_DELETION)
        sim_json_add_text(root, "KeyId", request.key->arn);
    if (to == KEY_PENDING_DELETION) {
        sim_json_add_text(root, "KeyState", sim_key_state_text(to));
        json_object_object_add(root, "DeletionDate",
                               json_object_new_double((double)request.key->deletion_ms / 1000));
    }
    sim_json_write(call, root);
    return true;
}

static bool disable_key(struct sim_call *call)
{
    return change_state(call, "kms:DisableKey", KEY_ENABLED, KEY_DISABLED);
}

static bool enable_key(struct sim_call *call)
{
    return change_state(call, "kms:EnableKey", KEY_DISABLED, KEY_ENABLED);
}

static bool schedule_key_deletion(struct sim_call *call)
{
    return change_state(call, "kms:ScheduleKeyDeletion", KEY_ENABLED, KEY_PENDING_DELETION);
}

static bool cancel_key_deletion(struct sim_call *call)
{
    return change_state(call, "kms:CancelKeyDeletion", KEY_PENDING_DELETION, KEY_DISABLED);
}

static bool get_key_policy(struct sim_call *call)
{
    static const char *const known[] = {"KeyId", "PolicyName", NULL};
    CLEANUP(request_done) struct kms_request request = {0};
    if (!read_request(call, known, &request) || !need_key(&request, "kms:GetKeyPolicy"))
        return false;
    struct json_object *root = json_object_new_object();
    sim_json_add_text(root, "Policy", request.key->policy);
    sim_json_write(call, root);
    return true;
}

static bool put_key_policy(struct sim_call *call)
{
    static const char *const known[] = {"KeyId", "PolicyName", "Policy",
                                        "BypassPolicyLockoutSafetyCheck", NULL};
    CLEANUP(request_done) struct kms_request request = {0};
    const char *policy;
    return read_request(call, known, &request) && need_key(&request, "kms:PutKeyPolicy") &&
           need_customer_key(&request) && need(&request, "Policy", &policy) &&
           world_key_set_policy(call->world, request.key, policy, &call->refusal);
}

/* Only dry runs are served: nobody here has plain data to encrypt. */
static bool generate_data_key(struct sim_call *call)
{
    static const char *const known[] = {"KeyId", "KeySpec", "NumberOfBytes", "DryRun", NULL};
    CLEANUP(request_done) struct kms_request request = {0};
    if (!read_request(call, known, &request) ||
        !need_key(&request, "kms:GenerateDataKeyWithoutPlaintext") || !need_enabled(&request))
        return false;
    return refuse(&call->refusal, "UnsupportedOperationException", "Only dry runs are simulated");
}

/* ---- grants ---- */

static bool is_operation(const char *name)
{
    size_t i = 0;
    while (operations[i] != NULL && strcmp(operations[i], name) != 0)
        i++;
    return operations[i] != NULL;
}

static bool read_operations(struct kms_request *request, char *words, size_t size)
{
    struct json_object *list = json_object_object_get(request->root, "Operations");
    size_t used = (size_t)snprintf(words, size, " ");
    size_t count = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < count; i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(list, i));
        if (name == NULL || !is_operation(name) || used + strlen(name) + 2 > size)
            count = 0;
        else
            used += (size_t)snprintf(words + used, size - used, "%s ", name);
    }
    if (count == 0) {
        return refuse(&request->call->refusal, "ValidationException",
                      "1 validation error detected: Value at 'operations' failed to satisfy "
                      "constraint: a list of operations of a symmetric key");
    }
    return true;
}

static bool is_principal(const char *arn)
{
    return strncmp(arn, "arn:aws:iam::", 13) == 0 || strncmp(arn, "arn:aws:sts::", 13) == 0;
}

static bool create_grant(struct sim_call *call)
{
    static const char *const known[] = {"KeyId",
                                        "GranteePrincipal",
                                        "RetiringPrincipal",
                                        "Operations",
                                        "Name",
                                        "GrantTokens",
                                        "DryRun",
                                        NULL};
    CLEANUP(request_done) struct kms_request request = {0};
    struct grant_request wanted = {0};
    char words[sizeof(((struct sim_grant *)NULL)->operations)];
    if (!read_request(call, known, &request) ||
        !need(&request, "GranteePrincipal", &wanted.principal) ||
        !read_operations(&request, words, sizeof(words)))
        return false;
    if (!is_principal(wanted.principal))
        return refuse(&call->refusal, "InvalidArnException",
                      "ARN does not refer to a valid principal");
    if (!need_key(&request, "kms:CreateGrant") || !need_enabled(&request))
        return false;
    wanted.operations = words;
    wanted.name = text_of(&request, "Name");
    const struct sim_grant *grant = world_key_grant(call->world, request.key, &wanted);
    struct json_object *root = json_object_new_object();
    char token[65];
    world_random_hex(call->world, token, sizeof(token));
    sim_json_add_text(root, "GrantId", grant->id);
    sim_json_add_text(root, "GrantToken", token);
    sim_json_write(call, root);
    return true;
}

static struct json_object *operations_of(const struct sim_grant *grant)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; operations[i] != NULL; i++) {
        char word[64];
        (void)snprintf(word, sizeof(word), " %s ", operations[i]);
        if (strstr(grant->operations, word) != NULL)
            json_object_array_add(list, json_object_new_string(operations[i]));
    }
    return list;
}

static bool list_grants(struct sim_call *call)
{
    static const char *const known[] = {"KeyId", "Limit", "GrantId", "GranteePrincipal", NULL};
    CLEANUP(request_done) struct kms_request request = {0};
    if (!read_request(call, known, &request) || !need_key(&request, "kms:ListGrants"))
        return false;
    struct json_object *root = json_object_new_object();
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < request.key->grant_count; i++) {
        const struct sim_grant *grant = &request.key->grants[i];
        const char *principal = text_of(&request, "GranteePrincipal");
        struct json_object *item = json_object_new_object();
        sim_json_add_text(item, "KeyId", request.key->arn);
        sim_json_add_text(item, "GrantId", grant->id);
        sim_json_add_text(item, "Name", grant->name);
        json_object_object_add(item, "CreationDate",
                               json_object_new_double((double)grant->created_ms / 1000));
        sim_json_add_text(item, "GranteePrincipal", grant->principal);
        json_object_object_add(item, "Operations", operations_of(grant));
        if (principal == NULL || strcmp(principal, grant->principal) == 0)
            json_object_array_add(list, item);
        else
            (void)json_object_put(item);
    }
    json_object_object_add(root, "Grants", list);
    json_object_object_add(root, "Truncated", json_object_new_boolean(false));
    sim_json_write(call, root);
    return true;
}

static bool revoke_grant(struct sim_call *call)
{
    static const char *const known[] = {"KeyId", "GrantId", "DryRun", NULL};
    CLEANUP(request_done) struct kms_request request = {0};
    const char *id;
    if (!read_request(call, known, &request) || !need_key(&request, "kms:RevokeGrant") ||
        !need(&request, "GrantId", &id))
        return false;
    if (request.dry_run)
        return refuse_dry_run(&request);
    return world_key_revoke(call->world, request.key, id, &call->refusal);
}

/* ---- the service ---- */

static const struct sim_action actions[] = {
    {"DescribeKey", describe_key, false},
    {"ListAliases", list_aliases, false},
    {"EnableKey", enable_key, true},
    {"DisableKey", disable_key, true},
    {"ScheduleKeyDeletion", schedule_key_deletion, true},
    {"CancelKeyDeletion", cancel_key_deletion, true},
    {"GetKeyPolicy", get_key_policy, false},
    {"PutKeyPolicy", put_key_policy, true},
    {"GenerateDataKeyWithoutPlaintext", generate_data_key, false},
    {"CreateGrant", create_grant, true},
    {"ListGrants", list_grants, false},
    {"RevokeGrant", revoke_grant, true},
    {0},
};

static bool run(struct sim_call *call)
{
    return sim_json_run(call, actions, TARGET);
}

static void write_error(struct sim_call *call)
{
    sim_json_write_error(call, "ThrottlingException", "KMSInternalException");
}

const struct sim_service sim_kms_service = {
    .name = "kms",
    .auth_codes = sim_json_auth_codes,
    .run = run,
    .write_error = write_error,
};
