/* sts.h: the calls of AWS's token service that we need. */
#ifndef CORE_AWS_STS_H
#define CORE_AWS_STS_H

#include "core/aws/client.h"
#include "core/aws/credentials.h"
#include "core/cloud.h"
#include "model/error.h"

/* A role to become; borrows. */
struct sts_role {
    const char *role_arn;
    const char *session_name;
    const char *external_id; /* NULL or "": none */
    int64_t duration_s;      /* 0: the service's default, an hour */
};

/* Assumes a role with the client's credentials. Errors: those of core/cloud.h; ERR_ACCESS if the
 * role may not be assumed (also with a wrong external id). */
MUST_CHECK enum error_code sts_assume_role(struct client *client, const struct sts_role *role,
                                           struct credentials *keys, struct error *err);

/* Assumes a role with the token of an identity provider, through a client without a source: this
 * call is not signed. Errors: as sts_assume_role(). */
MUST_CHECK enum error_code sts_assume_role_with_token(struct client *client,
                                                      const struct sts_role *role,
                                                      const char *token, struct credentials *keys,
                                                      struct error *err);

/* Asks who we are and how we came by it; needs no permission. Errors: those of core/cloud.h. */
MUST_CHECK enum error_code sts_get_identity(struct client *client, struct cloud_identity *identity,
                                            struct error *err);

#endif
