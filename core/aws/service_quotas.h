/* service_quotas.h: what an account is granted of EBS in a region, as Service Quotas tells it. */
#ifndef CORE_AWS_SERVICE_QUOTAS_H
#define CORE_AWS_SERVICE_QUOTAS_H

#include <stdint.h>

#include "core/aws/client.h"
#include "core/cloud.h"
#include "model/error.h"

/* The contract is that of get_quota in core/cloud.h: the applied value (GetServiceQuota), or AWS's
 * default where none is told (GetAWSDefaultServiceQuota). */
MUST_CHECK enum error_code service_quotas_get(struct client *client, enum cloud_quota quota,
                                              const char *volume_type, uint64_t *value,
                                              struct error *err);

#endif
