#include "core/aws/service_quotas.h"

#include <math.h>
#include <string.h>

#include "core/aws/json.h"

#define MAX_REQUEST_BYTES 1024
#define MAX_ANSWER_BYTES  65536
#define BYTES_PER_TIB     1099511627776.0

/* Codes of the service 'ebs' (service-quotas list-aws-default-service-quotas). */
static const struct {
    enum cloud_quota quota;
    const char *volume_type; /* NULL: of all */
    const char *code;
} codes[] = {
    {CLOUD_QUOTA_SNAPSHOTS, NULL, "L-309BACF6"}, {CLOUD_QUOTA_STORAGE, "standard", "L-9CF3C2EB"},
    {CLOUD_QUOTA_STORAGE, "gp2", "L-D18FCD1D"},  {CLOUD_QUOTA_STORAGE, "gp3", "L-7A658B76"},
    {CLOUD_QUOTA_STORAGE, "io1", "L-FD252861"},  {CLOUD_QUOTA_STORAGE, "io2", "L-09BD8365"},
    {CLOUD_QUOTA_STORAGE, "sc1", "L-17AF77E8"},  {CLOUD_QUOTA_STORAGE, "st1", "L-82ACEF56"},
    {CLOUD_QUOTA_IOPS, "io1", "L-B3A130E6"},     {CLOUD_QUOTA_IOPS, "io2", "L-8D977E7E"},
};

static const char *code_of(enum cloud_quota quota, const char *volume_type)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        bool fits = codes[i].volume_type == NULL ||
                    (volume_type != NULL && strcmp(codes[i].volume_type, volume_type) == 0);
        if (codes[i].quota == quota && fits)
            return codes[i].code;
    }
    return NULL;
}

static enum error_code ask(struct client *client, const char *target, const char *code,
                           double *value, struct error *err)
{
    CLEANUP_STRBUF struct strbuf json = {.max_bytes = MAX_REQUEST_BYTES};
    CLEANUP_HTTP_RESPONSE struct http_response response = {.body.max_bytes = MAX_ANSWER_BYTES};
    CLEANUP_JVAL struct jval *root = NULL;
    strbuf_puts(&json, "{\"ServiceCode\":\"ebs\",\"QuotaCode\":");
    jval_quote(&json, code);
    strbuf_puts(&json, "}");
    TRY(strbuf_check(&json, err));
    const struct client_call call = {.service = ENDPOINT_SERVICE_QUOTAS,
                                     .action = strchr(target, '.') + 1,
                                     .json = &json,
                                     .target = target};
    TRY(client_send(client, &call, &response, err));
    TRY(jval_parse(strbuf_text(&response.body), response.body.length, &root, err));
    *value = jval_real(jval_get(jval_get(root, "Quota"), "Value"));
    return ERR_NONE;
}

enum error_code service_quotas_get(struct client *client, enum cloud_quota quota,
                                   const char *volume_type, uint64_t *value, struct error *err)
{
    const char *code = code_of(quota, volume_type);
    double told = 0;
    if (code == NULL)
        return error_set(err, ERR_NOT_FOUND, "there is no such quota");
    enum error_code found = ask(client, "ServiceQuotasV20190624.GetServiceQuota", code, &told, err);
    if (found == ERR_NOT_FOUND)
        found = ask(client, "ServiceQuotasV20190624.GetAWSDefaultServiceQuota", code, &told, err);
    TRY(found);
    if (quota == CLOUD_QUOTA_STORAGE)
        told *= BYTES_PER_TIB;
    if (!isfinite(told) || told < 0 || told >= 9e18)
        return error_set(err, ERR_PROTOCOL, "quota '%s' has a value that is none", code);
    *value = (uint64_t)told;
    return ERR_NONE;
}
