/* endpoint.h: which region, and which address serves it.
 *
 * Order for an address: the command line, AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the
 * profile's [services] section, its endpoint_url, AWS's own. "{region}" in an override becomes the region's name, so that a
 * mock can serve several. The region that signs is never changed by an override. */
#ifndef CORE_AWS_ENDPOINT_H
#define CORE_AWS_ENDPOINT_H

#include <stdbool.h>

#include "core/aws/aws_env.h"
#include "model/error.h"

enum endpoint_service {
    ENDPOINT_EC2,
    ENDPOINT_EBS,
    ENDPOINT_STS,
    ENDPOINT_CLOUDWATCH,
    ENDPOINT_KMS,
    ENDPOINT_SSM,
    ENDPOINT_SERVICE_QUOTAS,
};
#define ENDPOINT_SERVICES (ENDPOINT_SERVICE_QUOTAS + 1)

#define ENDPOINT_REGION_SIZE 32

/* What can name an address, besides the defaults; borrows. */
struct endpoint_rules {
    const struct aws_env *env;
    const char *url;         /* from the command line, NULL if not given */
    const char *profile_url; /* from the profile, NULL or "" if absent */
    const char *profile_service_urls[ENDPOINT_SERVICES]; /* the same of its [services] section */
    bool ignore_profile; /* ignore_configured_endpoint_urls of the profile */
};

struct endpoint {
    char base[256];   /* "https://ec2.eu-west-1.amazonaws.com" */
    char host[256];   /* as in the Host header: with the port unless it is the scheme's own */
    char prefix[128]; /* path before ours, "" or "/prefix" without a slash at the end */
};

/* The name a service signs with: "ec2", "ebs", "sts", "monitoring",
 * "kms", "ssm". */
const char *endpoint_signing_name(enum endpoint_service service);

/* The name of a service in a [services] section: "ec2", "ebs", "sts", "cloudwatch". */
const char *endpoint_config_name(enum endpoint_service service);

/* Finds the address of a service in a region.
 * Errors: ERR_CONFIG if the region or an override is not well-formed. */
MUST_CHECK enum error_code endpoint_resolve(const struct endpoint_rules *rules,
                                            enum endpoint_service service, const char *region,
                                            struct endpoint *endpoint, struct error *err);

/* Finds the region: chosen (or NULL), AWS_REGION, AWS_DEFAULT_REGION, the profile's (or NULL).
 * Errors: ERR_NOT_FOUND if none names one; ERR_CONFIG if the name has other characters than a-z,
 * 0-9 and '-'. */
MUST_CHECK enum error_code endpoint_region(const struct aws_env *env, const char *chosen,
                                           const char *profile_region,
                                           char region[ENDPOINT_REGION_SIZE], struct error *err);

#endif
