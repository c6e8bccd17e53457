/* credentials.h: whose name we sign with, where that came from, and when it ends.
 *
 * What core/aws/credential_chain.h finds is kept and fetched again ten minutes before it expires, so
 * that a night of fourteen hours may be signed with keys of one. Keys that never end are kept. */
#ifndef CORE_AWS_CREDENTIALS_H
#define CORE_AWS_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/aws/aws_env.h"
#include "core/aws/endpoint.h"
#include "core/aws/http.h"
#include "core/clock.h"
#include "core/cloud.h"
#include "model/error.h"

/* Secrets: wipe with credentials_done(). */
struct credentials {
    char access_key_id[132];
    char secret_access_key[132];
    char session_token[4096]; /* "" with long-lived keys */
    int64_t expires_ms;       /* 0: never, or not told if they are temporary */
    bool temporary;           /* they end, and were given by hand: nothing here can renew them */
    struct cloud_link links[CLOUD_LINKS_MAX];
    size_t link_count;
};

/* Overwrites the secrets. */
void credentials_done(struct credentials *keys);
#define CLEANUP_CREDENTIALS CLEANUP(credentials_done)

/* Says what gave the credentials, after what was said before; texts are cut to fit. */
void credentials_add_link(struct credentials *keys, const char *provider, const char *detail);

/* How to get credentials, and those it got. Fill the first part; borrows every pointer. */
struct credentials_source {
    struct http *http; /* NULL: the keys below are given and cannot be fetched */
    const struct clock *clock;
    const struct aws_env *env;
    struct endpoint_rules endpoints;
    char region[ENDPOINT_REGION_SIZE]; /* of the STS that assumes roles */
    const char *profile;               /* chosen by name; NULL: as the environment says */
    const char *role_arn;              /* to assume on top; NULL: none */
    const char *external_id;           /* for that role; NULL: none */

    struct credentials keys; /* what was found; empty before the first use */
    int64_t renew_ms;        /* when to fetch again; 0: never */
};

/* Wipes what a source has found. */
void credentials_source_done(struct credentials_source *source);

/* Gets credentials that are good for some minutes more. Kept ones that are about to end are used on
 * if fetching fails and they are still valid. fresh: fetch again in any case.
 * Errors: ERR_ACCESS if no provider has any, or they have ended; ERR_UNREACHABLE if one that had
 * does not answer any more; ERR_CONFIG for a bad profile; ERR_TIMEOUT, ERR_PROTOCOL; those of
 * core/cloud.h from assuming a role. */
MUST_CHECK enum error_code credentials_get(struct credentials_source *source, bool fresh,
                                           struct credentials *keys, struct error *err);

#endif
