/* profile.h: one profile of AWS's shared files, ~/.aws/credentials and ~/.aws/config.
 *
 * Read by our own few lines: Debian builds inih for lines of 200 bytes, and a session token alone
 * is longer. Nested settings ("s3 =" and indented lines) count only in a [services] section. */
#ifndef CORE_AWS_PROFILE_H
#define CORE_AWS_PROFILE_H

#include <stdbool.h>

#include "core/aws/aws_env.h"
#include "model/error.h"

#define PROFILE_URL_SIZE 256

/* Settings of one profile, empty where absent. Wipe with profile_done(). */
struct profile {
    char access_key_id[132];
    char secret_access_key[132];
    char session_token[4096];
    bool keys_in_credentials_file; /* the three above; else they are of the config file */
    char region[32];
    char endpoint_url[PROFILE_URL_SIZE];
    char ignore_endpoint_urls[8];
    char services[128]; /* name of a [services] section */
    char role_arn[2049];
    char source_profile[128];
    char credential_source[32];
    char external_id[1225];
    char role_session_name[65];
    char duration_seconds[16];
    char mfa_serial[257];
    char web_identity_token_file[1024];
    char credential_process[2048];
    char sso_session[128];
    char sso_start_url[256];
    char login_session[256];
};

/* Overwrites the secrets. */
void profile_done(struct profile *profile);
#define CLEANUP_PROFILE CLEANUP(profile_done)

/* The name of the profile in use: `chosen` if not NULL, else the environment's, else "default". */
const char *profile_name(const struct aws_env *env, const char *chosen);

/* Reads a profile from both files; the credentials file wins where both have a setting, and keys
 * are never put together from both.
 * Errors: ERR_NOT_FOUND if neither file has the profile (or neither exists); ERR_CONFIG if a value
 * is too long; ERR_SYSTEM if a file exists and cannot be read. */
MUST_CHECK enum error_code profile_read(const struct aws_env *env, const char *name,
                                        struct profile *profile, struct error *err);

/* Finds the endpoint_url of a service ("ec2") in a [services NAME] section of the config file; ""
 * if it has none. Errors: ERR_NOT_FOUND if there is no such section; ERR_CONFIG if the address is
 * too long; ERR_SYSTEM. */
MUST_CHECK enum error_code profile_service_url(const struct aws_env *env, const char *services,
                                               const char *service, char url[PROFILE_URL_SIZE],
                                               struct error *err);

#endif
