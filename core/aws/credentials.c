#include "core/aws/credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/aws/client.h"
#include "core/aws/profile.h"
#include "core/aws/sts.h"
#include "model/instant.h"

#define RENEW_BEFORE_MS (10 * MS_PER_MINUTE)
#define MAX_ROLE_CHAIN  4
#define SESSION_NAME    "ebshift"

void credentials_done(struct credentials *keys)
{
    explicit_bzero(keys, sizeof(*keys));
}

void credentials_source_done(struct credentials_source *source)
{
    credentials_done(&source->keys);
}

static void set_keys(struct credentials *keys, const char *id, const char *secret,
                     const char *token)
{
    (void)snprintf(keys->access_key_id, sizeof(keys->access_key_id), "%s", id);
    (void)snprintf(keys->secret_access_key, sizeof(keys->secret_access_key), "%s", secret);
    (void)snprintf(keys->session_token, sizeof(keys->session_token), "%s",
                   token == NULL ? "" : token);
}

static enum error_code absent(struct error *err)
{
    return error_set(err, ERR_NOT_FOUND, "no AWS credentials found");
}

static enum error_code from_environment(struct credentials_source *source, struct credentials *keys,
                                        struct error *err)
{
    const struct aws_env *env = source->env;
    if (env->access_key_id == NULL && env->secret_access_key == NULL)
        return absent(err);
    if (env->access_key_id == NULL || env->secret_access_key == NULL) {
        return error_set(err, ERR_CONFIG,
                         "only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set");
    }
    set_keys(keys, env->access_key_id, env->secret_access_key, env->session_token);
    return ERR_NONE;
}

/* Assumes a role with given keys, through a client and a source of its own that only know these. */
static enum error_code assume(struct credentials_source *source, const struct credentials *base,
                              const struct sts_role *role, struct credentials *keys,
                              struct error *err)
{
    struct credentials_source fixed = {.clock = source->clock, .env = source->env, .keys = *base};
    struct client client = {.http = source->http,
                            .clock = source->clock,
                            .source = &fixed,
                            .endpoints = source->endpoints};
    memcpy(client.region, source->region, sizeof(client.region));
    enum error_code code = sts_assume_role(&client, role, keys, err);
    credentials_source_done(&fixed);
    return code;
}

static enum error_code from_profile(struct credentials_source *source, const char *name, int depth,
                                    struct credentials *keys, struct error *err);

static enum error_code base_of_role(struct credentials_source *source, const char *name,
                                    const struct profile *profile, int depth,
                                    struct credentials *keys, struct error *err)
{
    bool is_environment = strcmp(profile->credential_source, "Environment") == 0;
    if (is_environment)
        return from_environment(source, keys, err);
    if (profile->source_profile[0] == '\0') {
        return error_set(err, ERR_CONFIG, "profile '%s' has a role_arn without a source_profile",
                         name);
    }
    if (depth == MAX_ROLE_CHAIN)
        return error_set(err, ERR_CONFIG, "the source_profile of '%s' never ends", name);
    bool is_itself = strcmp(profile->source_profile, name) == 0;
    if (is_itself && profile->access_key_id[0] != '\0') {
        set_keys(keys, profile->access_key_id, profile->secret_access_key, profile->session_token);
        return ERR_NONE;
    }
    return from_profile(source, profile->source_profile, depth + 1, keys, err);
}

static enum error_code from_role(struct credentials_source *source, const char *name,
                                 const struct profile *profile, int depth, struct credentials *keys,
                                 struct error *err)
{
    CLEANUP_CREDENTIALS struct credentials base = {0};
    TRY(base_of_role(source, name, profile, depth, &base, err));
    const char *session = profile->role_session_name;
    const struct sts_role role = {.role_arn = profile->role_arn,
                                  .session_name = session[0] == '\0' ? SESSION_NAME : session,
                                  .external_id = profile->external_id,
                                  .duration_s = strtol(profile->duration_seconds, NULL, 10)};
    return assume(source, &base, &role, keys, err);
}

static enum error_code from_profile(struct credentials_source *source, const char *name, int depth,
                                    struct credentials *keys, struct error *err)
{
    CLEANUP_PROFILE struct profile profile = {0};
    TRY(profile_read(source->env, name, &profile, err));
    if (profile.role_arn[0] != '\0')
        return from_role(source, name, &profile, depth, keys, err);
    if (profile.access_key_id[0] == '\0')
        return absent(err);
    if (profile.secret_access_key[0] == '\0')
        return error_set(err, ERR_CONFIG, "profile '%s' has no aws_secret_access_key", name);
    set_keys(keys, profile.access_key_id, profile.secret_access_key, profile.session_token);
    return ERR_NONE;
}

static enum error_code from_files(struct credentials_source *source, struct credentials *keys,
                                  struct error *err)
{
    return from_profile(source, profile_name(source->env, source->profile), 0, keys, err);
}

/* A profile chosen by name on the command line outranks keys in the environment, as with AWS's own
 * tools; AWS_PROFILE does not. */
static const struct {
    enum error_code (*get)(struct credentials_source *source, struct credentials *keys,
                           struct error *err);
    bool without_named_profile;
} providers[] = {
    {from_environment, true},
    {from_files, false},
};

static enum error_code first_of_chain(struct credentials_source *source, struct credentials *keys,
                                      struct error *err)
{
    enum error_code code = ERR_NOT_FOUND;
    for (size_t i = 0; code == ERR_NOT_FOUND && i < sizeof(providers) / sizeof(providers[0]); i++) {
        if (providers[i].without_named_profile && source->profile != NULL)
            continue;
        code = providers[i].get(source, keys, err);
    }
    if (code == ERR_NOT_FOUND && source->profile == NULL && source->env->profile == NULL)
        return error_set(err, ERR_ACCESS, "no AWS credentials in the environment or shared files");
    return code == ERR_NOT_FOUND ? error_set(err, ERR_ACCESS, "profile '%s' gives no credentials",
                                             profile_name(source->env, source->profile))
                                 : code;
}

static enum error_code fetch(struct credentials_source *source, struct credentials *keys,
                             struct error *err)
{
    if (source->role_arn == NULL)
        return first_of_chain(source, keys, err);
    CLEANUP_CREDENTIALS struct credentials base = {0};
    TRY(first_of_chain(source, &base, err));
    const struct sts_role role = {.role_arn = source->role_arn,
                                  .session_name = SESSION_NAME,
                                  .external_id = source->external_id};
    return assume(source, &base, &role, keys, err);
}

/* A source without HTTP was given its keys and cannot fetch others. */
static bool is_good(const struct credentials_source *source, int64_t left_ms)
{
    if (source->http == NULL)
        return true;
    int64_t expires_ms = source->keys.expires_ms;
    return source->keys.access_key_id[0] != '\0' &&
           (expires_ms == 0 || clock_now_ms(source->clock) + left_ms < expires_ms);
}

enum error_code credentials_get(struct credentials_source *source, bool fresh,
                                struct credentials *keys, struct error *err)
{
    bool must_fetch = source->http != NULL && (fresh || !is_good(source, RENEW_BEFORE_MS));
    if (must_fetch) {
        CLEANUP_CREDENTIALS struct credentials fetched = {0};
        enum error_code code = fetch(source, &fetched, err);
        if (code == ERR_NONE) {
            source->keys = fetched;
        } else if (fresh || !is_good(source, 0)) {
            return code;
        }
    }
    *keys = source->keys;
    return ERR_NONE;
}
