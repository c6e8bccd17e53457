/* profile.h: one profile of AWS's shared files, ~/.aws/credentials and ~/.aws/config.
 *
 * Read by our own few lines: Debian builds inih for lines of 200 bytes, and a session token alone
 * is longer. Nested settings ("s3 =" and indented lines) are skipped. */
#ifndef CORE_AWS_PROFILE_H
#define CORE_AWS_PROFILE_H

#include "core/aws/aws_env.h"
#include "model/error.h"

/* Settings of one profile, empty where absent. Wipe with profile_done(). */
struct profile {
    char access_key_id[132];
    char secret_access_key[132];
    char session_token[4096];
    char region[32];
    char endpoint_url[256];
    char role_arn[2049];
    char source_profile[128];
    char credential_source[32];
    char external_id[1225];
    char role_session_name[65];
    char duration_seconds[8];
};

/* Overwrites the secrets. */
void profile_done(struct profile *profile);
#define CLEANUP_PROFILE CLEANUP(profile_done)

/* The name of the profile in use: `chosen` if not NULL, else the environment's, else "default". */
const char *profile_name(const struct aws_env *env, const char *chosen);

/* Reads a profile from both files; the credentials file wins where both have a setting.
 * Errors: ERR_NOT_FOUND if neither file has the profile (or neither exists); ERR_CONFIG if a value
 * is too long; ERR_SYSTEM if a file exists and cannot be read. */
MUST_CHECK enum error_code profile_read(const struct aws_env *env, const char *name,
                                        struct profile *profile, struct error *err);

#endif
