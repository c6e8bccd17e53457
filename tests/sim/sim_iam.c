/* The part of IAM (2010-05-08) that puts policy documents on users and roles and takes them away. */
#include <stdio.h>

#include "tests/sim/sim_door.h"
#include "tests/sim/sim_query_service.h"
#include "tests/sim/world_iam.h"

#define IAM_VERSION   "2010-05-08"
#define IAM_NAMESPACE "https://iam.amazonaws.com/doc/2010-05-08/"

static bool need_principal(struct sim_call *call, const char *kind, char arn[SIM_ARN_SIZE])
{
    const char *name;
    bool is_user = kind[0] == 'u';
    if (!sim_call_need(call, is_user ? "UserName" : "RoleName", &name))
        return false;
    (void)snprintf(arn, SIM_ARN_SIZE, "arn:aws:iam::%s:%s/%.64s", call->caller.account, kind, name);
    return true;
}

static bool put_policy(struct sim_call *call, const char *kind)
{
    char arn[SIM_ARN_SIZE];
    const char *name;
    const char *document;
    return need_principal(call, kind, arn) && sim_call_need(call, "PolicyName", &name) &&
           sim_call_need(call, "PolicyDocument", &document) && sim_call_ready(call) &&
           world_iam_put(call->world, arn, name, document, &call->refusal);
}

static bool delete_policy(struct sim_call *call, const char *kind)
{
    char arn[SIM_ARN_SIZE];
    const char *name;
    return need_principal(call, kind, arn) && sim_call_need(call, "PolicyName", &name) &&
           sim_call_ready(call) && world_iam_delete(call->world, arn, name, &call->refusal);
}

static bool put_user_policy(struct sim_call *call)
{
    return put_policy(call, "user");
}

static bool put_role_policy(struct sim_call *call)
{
    return put_policy(call, "role");
}

static bool delete_user_policy(struct sim_call *call)
{
    return delete_policy(call, "user");
}

static bool delete_role_policy(struct sim_call *call)
{
    return delete_policy(call, "role");
}

static const struct sim_action actions[] = {
    {"PutUserPolicy", put_user_policy, true},
    {"PutRolePolicy", put_role_policy, true},
    {"DeleteUserPolicy", delete_user_policy, true},
    {"DeleteRolePolicy", delete_role_policy, true},
    {0},
};

static bool run(struct sim_call *call)
{
    return sim_query_service_run_wrapped(call, actions, IAM_VERSION, IAM_NAMESPACE);
}

static void write_error(struct sim_call *call)
{
    sim_query_service_write_error(call, IAM_NAMESPACE);
}

const struct sim_service sim_iam_service = {
    .name = "iam",
    .auth_codes = sim_query_auth_codes,
    .run = run,
    .write_error = write_error,
};
