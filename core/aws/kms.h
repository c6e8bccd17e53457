/* kms.h: what we ask of AWS's key service: about a key, whether it may be used, and grants.
 *
 * The contracts are those of core/cloud.h, member by member. */
#ifndef CORE_AWS_KMS_H
#define CORE_AWS_KMS_H

#include "core/aws/client.h"
#include "core/cloud.h"
#include "model/error.h"

/* Reads a key by id, alias or ARN (DescribeKey). Errors: ERR_NOT_FOUND; ERR_ACCESS; those of
 * core/cloud.h. */
MUST_CHECK enum error_code kms_get_key(struct client *client, const char *key_id,
                                       struct cloud_key *key, struct error *err);

/* Asks by a dry run whether something may be put under the key, named by its ARN.
 * Errors: ERR_ACCESS if not; ERR_STATE if the key is not enabled; those of core/cloud.h. */
MUST_CHECK enum error_code kms_try_key(struct client *client, const char *key_arn,
                                       struct error *err);

/* Lets a principal, through EBS, read what lies under a key (CreateGrant); idempotent by name.
 * Errors: those of core/cloud.h. */
MUST_CHECK enum error_code kms_grant_key(struct client *client,
                                         const struct cloud_grant_request *request,
                                         char grant_id[CLOUD_GRANT_SIZE], struct error *err);

/* Takes a grant away at once (RevokeGrant). Errors: ERR_NOT_FOUND if it is gone; those of
 * core/cloud.h. */
MUST_CHECK enum error_code kms_revoke_grant(struct client *client, const char *key_id,
                                            const char *grant_id, struct error *err);

#endif
