/* credentials.h: whose name we sign with, where that came from, and when it ends.
 *
 * A chain of providers is asked in order: environment, a profile that assumes a role, keys in the
 * shared files; then, if asked for, one more role is assumed with what was found. What is found is
 * kept and fetched again ten minutes before it expires. */
#ifndef CORE_AWS_CREDENTIALS_H
#define CORE_AWS_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/aws/aws_env.h"
#include "core/aws/endpoint.h"
#include "core/aws/http.h"
#include "core/clock.h"
#include "model/error.h"

/* Secrets: wipe with credentials_done(). */
struct credentials {
    char access_key_id[132];
    char secret_access_key[132];
    char session_token[4096]; /* "" with long-lived keys */
    int64_t expires_ms;       /* 0: never */
};

/* Overwrites the secrets. */
void credentials_done(struct credentials *keys);
#define CLEANUP_CREDENTIALS CLEANUP(credentials_done)

/* How to get credentials, and those it got. Fill the first part; borrows every pointer. */
struct credentials_source {
    struct http *http; /* for AssumeRole */
    const struct clock *clock;
    const struct aws_env *env;
    struct endpoint_rules endpoints;
    char region[ENDPOINT_REGION_SIZE]; /* of the STS that assumes roles */
    const char *profile;               /* chosen by name; NULL: as the environment says */
    const char *role_arn;              /* to assume on top; NULL: none */
    const char *external_id;           /* for that role; NULL: none */

    struct credentials keys; /* what was found; empty before the first use */
};

/* Wipes what a source has found. */
void credentials_source_done(struct credentials_source *source);

/* Gets credentials that are good for some minutes more. Kept ones that are about to end are used on
 * if fetching fails and they are still valid. fresh: fetch again in any case.
 * Errors: ERR_ACCESS if no provider has any, or they have ended; ERR_CONFIG for a bad profile;
 * those of core/cloud.h from assuming a role. */
MUST_CHECK enum error_code credentials_get(struct credentials_source *source, bool fresh,
                                           struct credentials *keys, struct error *err);

#endif
