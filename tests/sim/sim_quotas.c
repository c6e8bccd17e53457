/* Service Quotas, of 'ebs' only: what is granted, what is usual, and asking for more, which is granted
 * at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_door.h"
#include "tests/sim/sim_json.h"
#include "tests/sim/world_quota.h"

#define TARGET "ServiceQuotasV20190624."

/* ---- parameters ---- */

static void put(struct json_object **root)
{
    (void)json_object_put(*root);
}

static const char *text_of(struct json_object *root, const char *name)
{
    struct json_object *value = json_object_object_get(root, name);
    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

static bool need_service(struct sim_call *call, struct json_object *root)
{
    return strcmp(text_of(root, "ServiceCode"), "ebs") == 0 ||
           refuse(&call->refusal, "NoSuchResourceException",
                  "The request failed because the specified service does not exist.");
}

static const struct sim_quota *need_quota(struct sim_call *call, struct json_object *root)
{
    if (!need_service(call, root))
        return NULL;
    const struct sim_quota *quota = world_quota_find(text_of(root, "QuotaCode"));
    if (quota == NULL) {
        (void)refuse(&call->refusal, "NoSuchResourceException",
                     "The request failed because the specified service quota does not exist.");
    }
    return quota;
}

/* ---- answers ---- */

static struct json_object *describe(const struct sim_call *call, const struct sim_quota *quota,
                                    double value)
{
    struct json_object *item = json_object_new_object();
    char arn[160];
    (void)snprintf(arn, sizeof(arn), "arn:aws:servicequotas:%s:%s:ebs/%s", call->caller.region,
                   call->caller.account, quota->code);
    sim_json_add_text(item, "ServiceCode", "ebs");
    sim_json_add_text(item, "ServiceName", "Amazon Elastic Block Store (Amazon EBS)");
    sim_json_add_text(item, "QuotaArn", arn);
    sim_json_add_text(item, "QuotaCode", quota->code);
    sim_json_add_text(item, "QuotaName", quota->name);
    json_object_object_add(item, "Value", json_object_new_double(value));
    sim_json_add_text(item, "Unit", "None");
    json_object_object_add(item, "Adjustable", json_object_new_boolean(true));
    json_object_object_add(item, "GlobalQuota", json_object_new_boolean(false));
    return item;
}

static void answer(struct sim_call *call, const char *name, struct json_object *value)
{
    struct json_object *root = json_object_new_object();
    json_object_object_add(root, name, value);
    sim_json_write(call, root);
}

static bool is_told(const struct sim_call *call, const struct sim_quota *quota)
{
    return quota->is_applied ||
           world_quota_value(call->world, &call->caller, quota) != quota->standard;
}

static bool get_quota(struct sim_call *call)
{
    static const char *const known[] = {"ServiceCode", "QuotaCode", NULL};
    __attribute__((cleanup(put))) struct json_object *root = NULL;
    if (!sim_json_read(call, known, &root))
        return false;
    const struct sim_quota *quota = need_quota(call, root);
    if (quota == NULL)
        return false;
    if (!is_told(call, quota)) {
        return refuse(&call->refusal, "NoSuchResourceException",
                      "The request failed because there is no applied value of this quota.");
    }
    answer(call, "Quota",
           describe(call, quota, world_quota_value(call->world, &call->caller, quota)));
    return true;
}

static bool get_default(struct sim_call *call)
{
    static const char *const known[] = {"ServiceCode", "QuotaCode", NULL};
    __attribute__((cleanup(put))) struct json_object *root = NULL;
    if (!sim_json_read(call, known, &root))
        return false;
    const struct sim_quota *quota = need_quota(call, root);
    if (quota != NULL)
        answer(call, "Quota", describe(call, quota, quota->standard));
    return quota != NULL;
}

/* All that are told, in one page: there are few. */
static bool list_quotas(struct sim_call *call)
{
    static const char *const known[] = {"ServiceCode", "MaxResults", NULL};
    __attribute__((cleanup(put))) struct json_object *root = NULL;
    const struct sim_quota *quota;
    if (!sim_json_read(call, known, &root) || !need_service(call, root))
        return false;
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; (quota = world_quota_at(i)) != NULL; i++) {
        double value = world_quota_value(call->world, &call->caller, quota);
        if (is_told(call, quota))
            json_object_array_add(list, describe(call, quota, value));
    }
    answer(call, "Quotas", list);
    return true;
}

static bool ask_for_more(struct sim_call *call)
{
    static const char *const known[] = {"ServiceCode", "QuotaCode", "DesiredValue", NULL};
    __attribute__((cleanup(put))) struct json_object *root = NULL;
    if (!sim_json_read(call, known, &root))
        return false;
    const struct sim_quota *quota = need_quota(call, root);
    if (quota == NULL)
        return false;
    double wanted = json_object_get_double(json_object_object_get(root, "DesiredValue"));
    if (wanted <= world_quota_value(call->world, &call->caller, quota)) {
        return refuse(&call->refusal, "IllegalArgumentException",
                      "You must provide a quota value greater than the current quota value.");
    }
    world_quota_set(call->world, call->caller.account, call->caller.region, quota, wanted);
    struct json_object *asked = describe(call, quota, wanted);
    sim_json_add_text(asked, "Status", "APPROVED");
    json_object_object_add(asked, "DesiredValue", json_object_new_double(wanted));
    answer(call, "RequestedQuota", asked);
    return true;
}

/* ---- the service ---- */

static const struct sim_action actions[] = {
    {"GetServiceQuota", get_quota, false},
    {"GetAWSDefaultServiceQuota", get_default, false},
    {"ListServiceQuotas", list_quotas, false},
    {"RequestServiceQuotaIncrease", ask_for_more, true},
    {0},
};

static bool run(struct sim_call *call)
{
    return sim_json_run(call, actions, TARGET);
}

static void write_error(struct sim_call *call)
{
    sim_json_write_error(call, "TooManyRequestsException", "ServiceException");
}

const struct sim_service sim_quotas_service = {
    .name = "servicequotas",
    .auth_codes = sim_json_auth_codes,
    .run = run,
    .write_error = write_error,
};
