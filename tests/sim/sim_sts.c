#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/instant.h"
#include "tests/sim/sim_door.h"
#include "tests/sim/sim_query_service.h"
#include "tests/sim/sim_xml_out.h"

#define STS_VERSION   "2011-06-15"
#define STS_NAMESPACE "https://sts.amazonaws.com/doc/2011-06-15/"

static bool is_signed(struct sim_call *call)
{
    return call->who != NULL || refuse(&call->refusal, "MissingAuthenticationToken",
                                       "Request is missing Authentication Token");
}

static bool get_caller_identity(struct sim_call *call)
{
    if (!is_signed(call) || !sim_call_ready(call))
        return false;
    sim_xml_text(call->out, "Arn", call->who->arn);
    sim_xml_text(call->out, "UserId", call->who->user_id);
    sim_xml_text(call->out, "Account", call->who->account);
    return true;
}

/* Lengths and characters as the API reference of AssumeRole states them. */
static bool check_text(struct sim_call *call, const char *name, const char *value, size_t min,
                       size_t max, const char *extra)
{
    size_t length = strlen(value);
    bool clean = length >= min && length <= max;
    for (const char *c = value; *c != '\0' && clean; c++) {
        clean = strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_", *c) ||
                strchr(extra, *c);
    }
    if (!clean) {
        return refuse(&call->refusal, "ValidationError",
                      "1 validation error detected: Value '%.100s' at '%s' failed to satisfy "
                      "constraint: %zu to %zu characters of [\\w%s]",
                      value, name, min, max, extra);
    }
    return true;
}

static bool read_role(struct sim_call *call, struct assume_role *role)
{
    const char *arn;
    const char *session;
    const char *external_id = sim_query_get(&call->query, "ExternalId");

    role->duration_s = 3600;
    if (!sim_call_need(call, "RoleArn", &arn) ||
        !sim_call_need(call, "RoleSessionName", &session) ||
        !sim_call_int(call, "DurationSeconds", &role->duration_s) ||
        !check_text(call, "roleSessionName", session, 2, 64, "+=,.@-") ||
        !check_text(call, "roleArn", arn, 20, SIM_ARN_SIZE - 1, "+=,.@-:/") ||
        (external_id != NULL &&
         !check_text(call, "externalId", external_id, 2, SIM_TEXT_SIZE - 1, "+=,.@:/-")))
        return false;
    if (role->duration_s < 900 || role->duration_s > 43200) {
        return refuse(&call->refusal, "ValidationError",
                      "1 validation error detected: Value '%" PRId64 "' at 'durationSeconds' "
                      "failed to satisfy constraint: 900 to 43200",
                      role->duration_s);
    }
    snprintf(role->role_arn, sizeof(role->role_arn), "%s", arn);
    snprintf(role->session_name, sizeof(role->session_name), "%s", session);
    snprintf(role->external_id, sizeof(role->external_id), "%s",
             external_id == NULL ? "" : external_id);
    return true;
}

static void write_session(struct sim_call *call, const struct sim_credential *credential)
{
    char expiration[INSTANT_TEXT_SIZE];
    struct strbuf *out = call->out;
    sim_xml_open(out, "AssumedRoleUser");
    sim_xml_text(out, "Arn", credential->arn);
    sim_xml_text(out, "AssumedRoleId", credential->user_id);
    sim_xml_close(out, "AssumedRoleUser");
    sim_xml_open(out, "Credentials");
    sim_xml_text(out, "AccessKeyId", credential->access_key);
    sim_xml_text(out, "SecretAccessKey", credential->secret);
    sim_xml_text(out, "SessionToken", credential->session_token);
    /* STS sends whole seconds. */
    sim_xml_text(
        out, "Expiration",
        instant_text(credential->expires_ms - credential->expires_ms % MS_PER_SECOND, expiration));
    sim_xml_close(out, "Credentials");
}

static bool assume_role(struct sim_call *call)
{
    struct assume_role role = {0};
    const struct sim_credential *credential;

    if (!is_signed(call) || !read_role(call, &role) || !sim_call_ready(call) ||
        !world_assume_role(call->world, call->who, &role, &credential, &call->refusal))
        return false;
    write_session(call, credential);
    return true;
}

/* The one action that nobody signs: the token says who asks. */
static bool assume_role_with_web_identity(struct sim_call *call)
{
    struct assume_role role = {0};
    const char *token;
    const struct sim_credential *credential;

    if (!sim_call_need(call, "WebIdentityToken", &token) || !read_role(call, &role) ||
        !sim_call_ready(call) ||
        !world_assume_role_with_token(call->world, token, &role, &credential, &call->refusal))
        return false;
    write_session(call, credential);
    sim_xml_text(call->out, "SubjectFromWebIdentityToken", "ebshift");
    return true;
}

static const struct sim_action actions[] = {
    {"GetCallerIdentity", get_caller_identity, false},
    {"AssumeRole", assume_role, true},
    {"AssumeRoleWithWebIdentity", assume_role_with_web_identity, true},
    {0},
};

static bool run(struct sim_call *call)
{
    return sim_query_service_run_wrapped(call, actions, STS_VERSION, STS_NAMESPACE);
}

static void write_error(struct sim_call *call)
{
    sim_query_service_write_error(call, STS_NAMESPACE);
}

const struct sim_service sim_sts_service = {
    .name = "sts",
    .auth_codes = sim_query_auth_codes,
    .run = run,
    .write_error = write_error,
};
