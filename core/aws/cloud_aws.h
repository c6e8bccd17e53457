/* cloud_aws.h: core/cloud.h over AWS, for one principal in one region.
 *
 * Everything of this folder meets here; the command line makes one per (account, region) and hands
 * its `struct cloud` to the engine. */
#ifndef CORE_AWS_CLOUD_AWS_H
#define CORE_AWS_CLOUD_AWS_H

#include "core/aws/aws_env.h"
#include "core/aws/http.h"
#include "core/aws/ssm.h"
#include "core/clock.h"
#include "core/cloud.h"
#include "model/error.h"

/* Borrows every pointer for the life of the cloud. */
struct cloud_aws_options {
    struct http *http; /* may be shared by several clouds of one thread */
    const struct clock *clock;
    const struct aws_env *env;
    const char *region;          /* NULL: as environment or profile say */
    const char *fallback_region; /* if they do not; NULL: the instance's own */
    const char *profile;         /* NULL: as the environment says */
    const char *role_arn;        /* to assume on top of the credentials found; NULL: none */
    const char *external_id;     /* for that role; NULL: none */
    const char *endpoint_url;    /* for every service, with "{region}" if wanted; NULL: none */
};

struct cloud_aws;

/* Reads the profile and finds the region, for which it asks the instance's metadata if nothing else
 * names one; asks for no credentials yet.
 * Owns: *aws is the caller's, hand back with cloud_aws_free().
 * Errors: ERR_CONFIG for a missing region or a bad profile; ERR_SYSTEM, ERR_NO_MEMORY. */
MUST_CHECK enum error_code cloud_aws_new(const struct cloud_aws_options *options,
                                         struct cloud_aws **aws, struct error *err);

/* Wipes the credentials and frees. Accepts NULL. The http of the options stays the caller's. */
void cloud_aws_free(struct cloud_aws *aws);

/* One line at a time to an instance there, over SSM; borrows all. Zero-initialise *ssm. */
struct wire cloud_aws_wire(struct cloud_aws *aws, struct ssm *ssm, const char *instance_id,
                           const char *command);

/* The interface; borrows *aws. */
struct cloud cloud_aws_cloud(struct cloud_aws *aws);

#endif
