#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/render_policy.h"
#include "core/engine/rights.h"

/* Everything a policy is made of. */
struct policy {
    struct session *session;
    struct cloud_identity who[2]; /* by enum right_side; without an account: unknown */
    char principals[2][256];
    struct cloud_volumes volumes;
    bool knows_volumes;
    struct rights rights;
    struct rights looks;
    char (*keys)[CLOUD_KEY_SIZE + 64]; /* of the rights, then of the looks */
};

static void policy_done(struct policy *policy)
{
    cloud_volumes_done(&policy->volumes);
    rights_done(&policy->rights);
    rights_done(&policy->looks);
    free(policy->keys);
}

/* A session of a role is not the role, and a policy is about the role. */
static void name_principal(const struct cloud_identity *who, char principal[256])
{
    char partition[24];
    char account[16];
    char role[128];
    (void)snprintf(principal, 256, "%s", who->arn);
    if (sscanf(who->arn, "arn:%23[^:]:sts::%15[^:]:assumed-role/%127[^/]/", partition, account,
               role) == 3)
        (void)snprintf(principal, 256, "arn:%s:iam::%s:role/%s", partition, account, role);
}

/* Whoever asks is seldom who moves. Without a role and a profile of its own the target is the same
 * principal. */
static void name_for(struct policy *policy)
{
    const char *principal = policy->session->options.principal;
    bool is_one = policy->session->config.target_profile[0] == '\0';
    for (size_t i = 0; principal != NULL && i < (is_one ? 2 : 1); i++)
        (void)snprintf(policy->principals[i], sizeof(policy->principals[i]), "%s", principal);
}

static void tell(const struct session *session, const char *what, const struct error *why)
{
    log_event(&session->log, LOG_WARN, clock_now_ms(&session->clock), "%s: %s", what, why->message);
}

/* What AWS knows makes the policies narrower; who has no rights yet gets wider ones, and is told. */
static void learn(struct policy *policy)
{
    struct session *session = policy->session;
    const struct config *config = &session->config;
    const struct cloud *clouds[2] = {&session->source, &session->target};
    const char *ids[CLOUD_SET_MAX];
    struct error err = {0};
    for (size_t i = 0; i < 2; i++) {
        if (clouds[i]->get_identity(clouds[i]->self, &policy->who[i], &err) != ERR_NONE) {
            policy->who[i] = (struct cloud_identity){0};
            tell(session,
                 i == 0 ? "the source's account is unknown, any is allowed"
                        : "the target's identity is unknown",
                 &err);
        }
        name_principal(&policy->who[i], policy->principals[i]);
    }
    name_for(policy);
    if (config->target_role[0] != '\0')
        (void)snprintf(policy->principals[1], 256, "%s", config->target_role);
    for (size_t i = 0; i < config->volume_count; i++)
        ids[i] = config->volumes[i];
    const struct cloud_volume_filter filter = {.ids = ids, .id_count = config->volume_count};
    policy->knows_volumes = session->source.list_volumes(session->source.self, &filter,
                                                         &policy->volumes, &err) == ERR_NONE;
    if (!policy->knows_volumes)
        tell(session, "the keys of the volumes are unknown, all of the region are allowed", &err);
}

static enum error_code list(struct policy *policy, struct error *err)
{
    struct session *session = policy->session;
    const struct rights_request request = {
        .config = &session->config,
        .path = &session->path,
        .source = &session->source,
        .target = &session->target,
        .source_account = policy->who[0].account_id,
        .volumes = policy->knows_volumes ? &policy->volumes : NULL,
        .canary = session->options.canary,
    };
    TRY(rights_list(&request, &policy->rights, err));
    return rights_list_watcher(&request, &policy->looks, err);
}

/* ---- keys ---- */

/* Asks for an alias whoever is of the account that has it. */
static bool look_up(const struct policy *policy, const struct right *right, struct cloud_key *key)
{
    struct error unused;
    for (size_t i = 0; i < policy->rights.count; i++) {
        const struct right *other = &policy->rights.items[i];
        bool is_own = strcmp(policy->who[other->side].account_id, right->account) == 0;
        if (is_own && other->cloud != NULL && strcmp(other->key, right->key) == 0 &&
            strcmp(other->region, right->region) == 0)
            return other->cloud->get_key(other->cloud->self, right->key, key, &unused) == ERR_NONE;
    }
    return false;
}

/* The ARN of a right's key. IAM takes no alias for one: what cannot be resolved is any key there. */
static void resolve(const struct policy *policy, const struct right *right,
                    char arn[CLOUD_KEY_SIZE + 64])
{
    struct cloud_key key;
    bool is_id = strlen(right->key) == 36 && strchr(right->key, '/') == NULL;
    if (strncmp(right->key, "arn:", 4) == 0 && strstr(right->key, ":key/") != NULL) {
        (void)snprintf(arn, CLOUD_KEY_SIZE + 64, "%s", right->key);
    } else if (right->key[0] != '\0' && look_up(policy, right, &key)) {
        (void)snprintf(arn, CLOUD_KEY_SIZE + 64, "%s", key.arn);
    } else {
        (void)snprintf(arn, CLOUD_KEY_SIZE + 64, "arn:aws:kms:%s:%s:key/%s", right->region,
                       right->account[0] == '\0' ? "*" : right->account, is_id ? right->key : "*");
    }
}

static enum error_code resolve_keys(struct policy *policy, struct error *err)
{
    struct rights *lists[] = {&policy->rights, &policy->looks};
    size_t used = 0;
    policy->keys = calloc(policy->rights.count + policy->looks.count + 1, sizeof(*policy->keys));
    if (policy->keys == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold the keys");
    /* All first: the answers are found by the texts that they replace. */
    for (size_t l = 0; l < 2; l++) {
        for (size_t i = 0; i < lists[l]->count; i++)
            resolve(policy, &lists[l]->items[i], policy->keys[used++]);
    }
    used = 0;
    for (size_t l = 0; l < 2; l++) {
        for (size_t i = 0; i < lists[l]->count; i++, used++) {
            struct right *right = &lists[l]->items[i];
            bool of_key = strncmp(right->action, "kms:", 4) == 0;
            right->key = of_key ? policy->keys[used] : "";
        }
    }
    return ERR_NONE;
}

/* ---- output ---- */

static const char *const sides[] = {"source", "target", "watcher", "keys"};

static void render(const struct policy *policy, const char *side, struct json_out *document)
{
    const struct policy_facts facts = {
        .config = &policy->session->config,
        .principals = {policy->principals[0], policy->principals[1]},
        .lent_to = policy->session->principal,
    };
    if (strcmp(side, "keys") == 0) {
        render_key_policies(&facts, &policy->rights, document);
    } else if (strcmp(side, "watcher") == 0) {
        render_policy(&facts, &policy->looks, RIGHT_SOURCE, document);
    } else {
        render_policy(&facts, &policy->rights,
                      strcmp(side, "source") == 0 ? RIGHT_SOURCE : RIGHT_TARGET, document);
    }
}

static void show(const struct policy *policy, const char *side)
{
    struct json_out *document = json_out_new();
    if (side != NULL) {
        render(policy, side, document);
    } else {
        json_out_text(document, "schema", "ebshift.policy.1");
        for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++)
            render(policy, sides[i], json_out_object(document, sides[i]));
    }
    if (policy->session->options.json) {
        json_out_print(document, stdout);
    } else {
        json_out_print_indented(document, stdout);
    }
}

/* "arn:PARTITION:iam::ACCOUNT:role/NAME" or a user; a session's ARN would end with the session. */
static enum error_code check_principal(const char *principal, struct error *err)
{
    char kind[8] = "";
    if (principal == NULL ||
        (sscanf(principal, "arn:%*[a-z-]:iam::%*12[0-9]:%7[a-z]/", kind) == 1 &&
         strlen(principal) < 256 && (strcmp(kind, "role") == 0 || strcmp(kind, "user") == 0)))
        return ERR_NONE;
    return error_set(err, ERR_CONFIG, "'%.200s' is no ARN of a role or user", principal);
}

static enum error_code check_side(const char *side, struct error *err)
{
    for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++) {
        if (side == NULL || strcmp(side, sides[i]) == 0)
            return ERR_NONE;
    }
    return error_set(err, ERR_INVALID, "'%s' is no side: source, target, watcher or keys", side);
}

enum error_code cmd_policy(struct session *session, struct error *err)
{
    CLEANUP(policy_done) struct policy policy = {.session = session};
    TRY(check_side(session->options.side, err));
    TRY(check_principal(session->options.principal, err));
    TRY(session_configure(session, true, err));
    TRY(session_open_clouds(session, err));
    TRY(config_check(&session->config, err));
    learn(&policy);
    TRY(clock_check_stop(err));
    TRY(list(&policy, err));
    TRY(resolve_keys(&policy, err));
    show(&policy, session->options.side);
    return ERR_NONE;
}
