#include "core/aws/credential_chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/aws/client.h"
#include "core/aws/credential_process.h"
#include "core/aws/metadata.h"
#include "core/aws/profile.h"
#include "core/aws/secret_file.h"
#include "core/aws/sts.h"
#include "model/instant.h"

#define MAX_ROLE_CHAIN   6
#define SESSION_NAME     "ebshift"
#define MAX_TOKEN_BYTES  20000 /* of a web identity, as STS limits it */
#define MIN_ROLE_SECONDS 900
#define MAX_ROLE_SECONDS 43200

/* Whose keys are looked for. */
struct lookup {
    const struct credentials_source *source;
    const char *name;              /* of the profile */
    const struct profile *profile; /* all empty if there is none of that name */
    bool with_environment;         /* nobody chose the profile by name */
    int depth;                     /* roles that this one shall be a base of */
};

static enum error_code absent(struct error *err)
{
    return error_set(err, ERR_NOT_FOUND, "no AWS credentials found");
}

static bool is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

/* ---- environment and profile: keys as they are ---- */

static enum error_code set_keys(struct credentials *keys, const char *id, const char *secret,
                                const char *token, struct error *err)
{
    const char *session = token == NULL ? "" : token;
    if (strlen(id) >= sizeof(keys->access_key_id) ||
        strlen(secret) >= sizeof(keys->secret_access_key) ||
        strlen(session) >= sizeof(keys->session_token))
        return error_set(err, ERR_CONFIG, "the AWS keys are too long to be any");
    (void)snprintf(keys->access_key_id, sizeof(keys->access_key_id), "%s", id);
    (void)snprintf(keys->secret_access_key, sizeof(keys->secret_access_key), "%s", secret);
    (void)snprintf(keys->session_token, sizeof(keys->session_token), "%s", session);
    keys->temporary = session[0] != '\0';
    return ERR_NONE;
}

static enum error_code from_environment(const struct lookup *lookup, struct credentials *keys,
                                        struct error *err)
{
    const struct aws_env *env = lookup->source->env;
    if (env->access_key_id == NULL && env->secret_access_key == NULL)
        return absent(err);
    if (env->access_key_id == NULL || env->secret_access_key == NULL) {
        return error_set(err, ERR_CONFIG,
                         "only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set");
    }
    const char *token = env->session_token != NULL ? env->session_token : env->security_token;
    TRY(set_keys(keys, env->access_key_id, env->secret_access_key, token, err));
    /* As 'aws configure export-credentials --format env' tells it. */
    if (env->credential_expiration != NULL &&
        instant_parse(env->credential_expiration, &keys->expires_ms, NULL) != ERR_NONE)
        return error_set(err, ERR_CONFIG, "AWS_CREDENTIAL_EXPIRATION is '%s', which is no instant",
                         env->credential_expiration);
    credentials_add_link(keys, "environment", "AWS_ACCESS_KEY_ID");
    return ERR_NONE;
}

static enum error_code profile_keys(const struct lookup *lookup, struct credentials *keys,
                                    struct error *err)
{
    const struct profile *profile = lookup->profile;
    if (profile->secret_access_key[0] == '\0') {
        return error_set(err, ERR_CONFIG, "profile '%s' has no aws_secret_access_key",
                         lookup->name);
    }
    TRY(set_keys(keys, profile->access_key_id, profile->secret_access_key, profile->session_token,
                 err));
    credentials_add_link(
        keys, profile->keys_in_credentials_file ? "credentials-file" : "config-file", lookup->name);
    return ERR_NONE;
}

static enum error_code from_credentials_file(const struct lookup *lookup, struct credentials *keys,
                                             struct error *err)
{
    const struct profile *profile = lookup->profile;
    bool has_keys = profile->keys_in_credentials_file;
    return has_keys ? profile_keys(lookup, keys, err) : absent(err);
}

static enum error_code from_config_file(const struct lookup *lookup, struct credentials *keys,
                                        struct error *err)
{
    return lookup->profile->access_key_id[0] != '\0' ? profile_keys(lookup, keys, err)
                                                     : absent(err);
}

static enum error_code from_process(const struct lookup *lookup, struct credentials *keys,
                                    struct error *err)
{
    const char *line = lookup->profile->credential_process;
    if (line[0] == '\0')
        return absent(err);
    if (credential_process_run(line, CREDENTIAL_PROCESS_LIMIT_MS, keys, err) != ERR_NONE)
        return error_prefix(err, "profile '%s'", lookup->name);
    credentials_add_link(keys, "credential-process", lookup->name);
    return ERR_NONE;
}

/* A sign-on needs a browser and a person: what came out of one can be handed to us. */
static enum error_code from_sign_on(const struct lookup *lookup, struct credentials *keys,
                                    struct error *err)
{
    const struct profile *profile = lookup->profile;
    (void)keys;
    if (!is_given(profile->sso_session) && !is_given(profile->sso_start_url) &&
        !is_given(profile->login_session))
        return absent(err);
    return error_set(
        err, ERR_CONFIG,
        "profile '%s' signs on through a browser, which ebshift does not: in a profile "
        "of its own set credential_process = aws configure export-credentials "
        "--profile %s",
        lookup->name, lookup->name);
}

/* ---- this machine ---- */

static enum error_code from_container(const struct lookup *lookup, struct credentials *keys,
                                      struct error *err)
{
    return metadata_container_keys(lookup->source->http, lookup->source->env, keys, err);
}

static enum error_code from_instance(const struct lookup *lookup, struct credentials *keys,
                                     struct error *err)
{
    return metadata_instance_keys(lookup->source->http, lookup->source->env, keys, err);
}

/* ---- roles ---- */

static struct client sts_client(const struct credentials_source *source,
                                struct credentials_source *keys)
{
    struct client client = {.http = source->http,
                            .clock = source->clock,
                            .source = keys,
                            .endpoints = source->endpoints};
    memcpy(client.region, source->region, sizeof(client.region));
    return client;
}

/* Assumes a role with given keys, through a client and a source of its own that only know these. */
static enum error_code assume(const struct credentials_source *source,
                              const struct credentials *base, const struct sts_role *role,
                              const char *provider, struct credentials *keys, struct error *err)
{
    CLEANUP(credentials_source_done)
    struct credentials_source fixed = {.clock = source->clock, .env = source->env, .keys = *base};
    struct client client = sts_client(source, &fixed);
    if (sts_assume_role(&client, role, keys, err) != ERR_NONE)
        return error_prefix(err, "role '%s'", role->role_arn);
    keys->temporary = base->temporary;
    credentials_add_link(keys, provider, role->role_arn);
    for (size_t i = 0; i < base->link_count; i++)
        credentials_add_link(keys, base->links[i].provider, base->links[i].detail);
    return ERR_NONE;
}

static enum error_code role_of_profile(const struct lookup *lookup, struct sts_role *role,
                                       struct error *err)
{
    const struct profile *profile = lookup->profile;
    const char *seconds = profile->duration_seconds;
    char *end = NULL;
    long duration_s = strtol(seconds, &end, 10);
    if (seconds[0] != '\0' &&
        (*end != '\0' || duration_s < MIN_ROLE_SECONDS || duration_s > MAX_ROLE_SECONDS)) {
        return error_set(err, ERR_CONFIG, "profile '%s': duration_seconds is not from %d to %d",
                         lookup->name, MIN_ROLE_SECONDS, MAX_ROLE_SECONDS);
    }
    if (profile->mfa_serial[0] != '\0') {
        return error_set(err, ERR_CONFIG,
                         "profile '%s' has an mfa_serial, and nobody is here to type a code: use "
                         "credential_process, or keys of a session",
                         lookup->name);
    }
    const char *session = profile->role_session_name;
    *role = (struct sts_role){.role_arn = profile->role_arn,
                              .session_name = session[0] == '\0' ? SESSION_NAME : session,
                              .external_id = profile->external_id,
                              .duration_s = duration_s};
    return ERR_NONE;
}

static enum error_code base_of_role(const struct lookup *lookup, struct credentials *keys,
                                    struct error *err);

static enum error_code from_role(const struct lookup *lookup, struct credentials *keys,
                                 struct error *err)
{
    const struct profile *profile = lookup->profile;
    struct sts_role role;
    if (profile->role_arn[0] == '\0' || profile->web_identity_token_file[0] != '\0')
        return absent(err);
    CLEANUP_CREDENTIALS struct credentials base = {0};
    TRY(role_of_profile(lookup, &role, err));
    TRY(base_of_role(lookup, &base, err));
    return assume(lookup->source, &base, &role, "profile-role", keys, err);
}

/* The environment's variables count one by one, as with AWS's tools. */
static const char *first_of(const struct lookup *lookup, const char *variable, const char *setting)
{
    return lookup->with_environment && variable != NULL ? variable : setting;
}

static enum error_code from_web_identity(const struct lookup *lookup, struct credentials *keys,
                                         struct error *err)
{
    const struct aws_env *env = lookup->source->env;
    const struct profile *profile = lookup->profile;
    const char *path =
        first_of(lookup, env->web_identity_token_file, profile->web_identity_token_file);
    const char *arn = first_of(lookup, env->role_arn, profile->role_arn);
    const char *session = first_of(lookup, env->role_session_name, profile->role_session_name);
    if (path[0] == '\0')
        return absent(err);
    if (arn[0] == '\0')
        return error_set(err, ERR_CONFIG, "the web identity in '%s' has no role to assume", path);
    CLEANUP_SECRET_TEXT struct strbuf token = {.max_bytes = MAX_TOKEN_BYTES};
    TRY(secret_file_read(path, &token, err));
    const struct sts_role role = {.role_arn = arn,
                                  .session_name = session[0] == '\0' ? SESSION_NAME : session};
    struct client client = sts_client(lookup->source, NULL);
    if (sts_assume_role_with_token(&client, &role, strbuf_text(&token), keys, err) != ERR_NONE)
        return error_prefix(err, "web identity for role '%s'", arn);
    credentials_add_link(keys, "web-identity", arn);
    return ERR_NONE;
}

/* ---- the chain ---- */

typedef enum error_code provide(const struct lookup *lookup, struct credentials *keys,
                                struct error *err);

/* The order is botocore's. A profile chosen by name outranks keys in the environment, AWS_PROFILE
 * does not; a source_profile looks into its profile only. */
static const struct {
    enum { FROM_ENVIRONMENT, FROM_PROFILE, FROM_MACHINE } place;
    provide *get;
    const char *source_name; /* as credential_source, NULL where it cannot be one */
} providers[] = {
    {FROM_ENVIRONMENT, from_environment, "Environment"},
    {FROM_PROFILE, from_role, NULL},
    {FROM_PROFILE, from_web_identity, NULL},
    {FROM_PROFILE, from_sign_on, NULL},
    {FROM_PROFILE, from_credentials_file, NULL},
    {FROM_PROFILE, from_process, NULL},
    {FROM_PROFILE, from_config_file, NULL},
    {FROM_MACHINE, from_container, "EcsContainer"},
    {FROM_MACHINE, from_instance, "Ec2InstanceMetadata"},
};
#define PROVIDER_COUNT (sizeof(providers) / sizeof(providers[0]))

static enum error_code ask_providers(const struct lookup *lookup, bool only_profile,
                                     struct credentials *keys, struct error *err)
{
    enum error_code code = absent(err);
    for (size_t i = 0; code == ERR_NOT_FOUND && i < PROVIDER_COUNT; i++) {
        bool skipped = (only_profile && providers[i].place != FROM_PROFILE) ||
                       (providers[i].place == FROM_ENVIRONMENT && !lookup->with_environment);
        if (!skipped)
            code = providers[i].get(lookup, keys, err);
    }
    return code;
}

static enum error_code from_credential_source(const struct lookup *lookup, struct credentials *keys,
                                              struct error *err)
{
    const char *name = lookup->profile->credential_source;
    for (size_t i = 0; i < PROVIDER_COUNT; i++) {
        if (providers[i].source_name == NULL || strcmp(providers[i].source_name, name) != 0)
            continue;
        enum error_code code = providers[i].get(lookup, keys, err);
        if (code == ERR_NOT_FOUND) {
            err->code = ERR_ACCESS;
            return error_prefix(err, "credential_source '%s' of profile '%s'", name, lookup->name);
        }
        return code;
    }
    return error_set(err, ERR_CONFIG,
                     "profile '%s': credential_source '%s' is not Environment, EcsContainer or "
                     "Ec2InstanceMetadata",
                     lookup->name, name);
}

static enum error_code from_source_profile(const struct lookup *lookup, struct credentials *keys,
                                           struct error *err)
{
    CLEANUP_PROFILE struct profile profile = {0};
    const char *name = lookup->profile->source_profile;
    const struct lookup base = {
        .source = lookup->source, .name = name, .profile = &profile, .depth = lookup->depth + 1};
    if (lookup->depth == MAX_ROLE_CHAIN)
        return error_set(err, ERR_CONFIG, "the source_profile of '%s' never ends", lookup->name);
    enum error_code code = profile_read(lookup->source->env, name, &profile, err);
    bool found = code == ERR_NONE;
    if (found && strcmp(name, lookup->name) == 0) {
        /* Its own source: the keys beside the role. */
        profile.role_arn[0] = '\0';
        profile.source_profile[0] = '\0';
    }
    if (code == ERR_NONE)
        code = ask_providers(&base, true, keys, err);
    if (code != ERR_NOT_FOUND)
        return code;
    if (!found)
        return err->code = ERR_CONFIG;
    return error_set(err, ERR_CONFIG, "source_profile '%s' of profile '%s' gives no keys", name,
                     lookup->name);
}

static enum error_code base_of_role(const struct lookup *lookup, struct credentials *keys,
                                    struct error *err)
{
    bool by_profile = lookup->profile->source_profile[0] != '\0';
    bool by_source = lookup->profile->credential_source[0] != '\0';
    if (by_profile == by_source) {
        return error_set(err, ERR_CONFIG,
                         "profile '%s' has a role_arn and %s source_profile %s credential_source",
                         lookup->name, by_profile ? "both" : "neither", by_profile ? "and" : "nor");
    }
    return by_profile ? from_source_profile(lookup, keys, err)
                      : from_credential_source(lookup, keys, err);
}

static enum error_code first_of_chain(const struct credentials_source *source,
                                      struct credentials *keys, struct error *err)
{
    CLEANUP_PROFILE struct profile profile = {0};
    const struct lookup lookup = {.source = source,
                                  .name = profile_name(source->env, source->profile),
                                  .profile = &profile,
                                  .with_environment = source->profile == NULL};
    enum error_code code = profile_read(source->env, lookup.name, &profile, err);
    bool is_named = source->profile != NULL || source->env->profile != NULL;
    if (code == ERR_NOT_FOUND && is_named)
        return err->code = ERR_CONFIG;
    if (code != ERR_NONE && code != ERR_NOT_FOUND)
        return code;
    code = ask_providers(&lookup, false, keys, err);
    if (code != ERR_NOT_FOUND)
        return code;
    return error_prefix(
        err, "no AWS credentials in environment, profile '%s', container or instance", lookup.name);
}

enum error_code credential_chain_fetch(const struct credentials_source *source,
                                       struct credentials *keys, struct error *err)
{
    CLEANUP_CREDENTIALS struct credentials found = {0};
    TRY(first_of_chain(source, &found, err));
    if (source->role_arn == NULL) {
        *keys = found;
        return ERR_NONE;
    }
    const struct sts_role role = {.role_arn = source->role_arn,
                                  .session_name = SESSION_NAME,
                                  .external_id = source->external_id};
    return assume(source, &found, &role, "configured-role", keys, err);
}
