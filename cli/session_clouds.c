/* The part of session.h that reaches AWS. */
#include <stdio.h>

#include "cli/session.h"
#include "core/version.h"

/* Where one side of the move is, and in whose name. Borrows. */
struct side {
    struct http *http; /* NULL: the one of all */
    const struct aws_env *env;
    const char *region;
    const char *fallback_region; /* if nothing names one */
    const char *profile;
    bool takes_role; /* that of the target */
};

static const char *given(const char *text)
{
    return text[0] == '\0' ? NULL : text;
}

static enum error_code open_cloud(struct session *session, const struct side *side,
                                  struct cloud_aws **aws, struct cloud *cloud, struct error *err)
{
    struct cloud_aws_options options = {
        .http = side->http != NULL ? side->http : session->http,
        .clock = &session->clock,
        .env = side->env,
        .region = given(side->region),
        .fallback_region = side->fallback_region,
        .profile = given(side->profile),
        .role_arn = side->takes_role ? given(session->config.target_role) : NULL,
        .external_id = side->takes_role ? given(session->config.target_external_id) : NULL,
        .endpoint_url = given(session->config.endpoint_url),
    };
    TRY(cloud_aws_new(&options, aws, err));
    *cloud = cloud_aws_cloud(*aws);
    return ERR_NONE;
}

/* A profile of the target's own brings its region: the variables speak of the source. */
static enum error_code open_target(struct session *session, struct error *err)
{
    struct config *config = &session->config;
    bool is_own = config->target_profile[0] != '\0';
    session->target_env = session->aws_env;
    if (is_own) {
        session->target_env.region = NULL;
        session->target_env.default_region = NULL;
    }
    const struct side side = {
        .env = &session->target_env,
        .region = config->target_region[0] == '\0' && !is_own ? config->source_region
                                                              : config->target_region,
        .fallback_region = config->source_region,
        .profile = is_own ? config->target_profile : config->profile,
        .takes_role = true,
    };
    TRY(open_cloud(session, &side, &session->target_aws, &session->target, err));
    (void)snprintf(config->target_region, sizeof(config->target_region), "%s",
                   session->target.region);
    return ERR_NONE;
}

/* For another account, both sides are needed in the region where snapshots change hands. */
static enum error_code open_via(struct session *session, struct error *err)
{
    struct config *config = &session->config;
    bool own_profile = config->target_profile[0] != '\0';
    if (config->target_account[0] == '\0')
        return ERR_NONE;
    if (config->via_region[0] == '\0')
        (void)snprintf(config->via_region, sizeof(config->via_region), "%s", config->target_region);
    const struct side source = {
        .env = &session->aws_env, .region = config->via_region, .profile = config->profile};
    const struct side target = {
        .env = &session->target_env,
        .region = config->via_region,
        .profile = own_profile ? config->target_profile : config->profile,
        .takes_role = true,
    };
    TRY(open_cloud(session, &source, &session->via_source_aws, &session->via_source, err));
    return open_cloud(session, &target, &session->via_target_aws, &session->via_target, err);
}

static void make_path(struct session *session)
{
    const struct config *config = &session->config;
    const struct path_ends ends = {
        .source = &session->source,
        .target = &session->target,
        .target_key = config->target_key,
        .account_id = config->target_account,
        .principal = session->principal,
        .via_source = &session->via_source,
        .via_target = &session->via_target,
        .via_key = config->via_key,
    };
    /* The role outlives every session of it; without one the account's root stands for all. */
    if (config->target_role[0] != '\0') {
        (void)snprintf(session->principal, sizeof(session->principal), "%s", config->target_role);
    } else {
        (void)snprintf(session->principal, sizeof(session->principal), "arn:aws:iam::%s:root",
                       config->target_account);
    }
    session->path = path_make(&ends);
}

enum error_code session_open_clouds(struct session *session, struct error *err)
{
    struct config *config = &session->config;
    session->aws_env = aws_env_read();
    TRY(http_new("ebshift/" EBSHIFT_VERSION, session->aws_env.ca_bundle, &session->http, err));
    const struct side side = {
        .env = &session->aws_env, .region = config->source_region, .profile = config->profile};
    TRY(open_cloud(session, &side, &session->source_aws, &session->source, err));
    (void)snprintf(config->source_region, sizeof(config->source_region), "%s",
                   session->source.region);
    TRY(open_target(session, err));
    TRY(open_via(session, err));
    make_path(session);
    return ERR_NONE;
}

enum error_code session_open_far_cloud(struct session *session, struct error *err)
{
    const struct config *config = &session->config;
    struct cloud unused;
    if (session->source_aws == NULL || config->source_instance[0] == '\0')
        return error_set(err, ERR_CONFIG, "host.quiesce is 'ssm', and source.instance is not set");
    TRY(http_new("ebshift/" EBSHIFT_VERSION, session->aws_env.ca_bundle, &session->far_http, err));
    const struct side side = {.http = session->far_http,
                              .env = &session->aws_env,
                              .region = config->source_region,
                              .profile = config->profile};
    return open_cloud(session, &side, &session->far_aws, &unused, err);
}
