/* metadata.h: what the machine we run on says: keys of its container or instance, its region.
 *
 * Plain HTTP to fixed addresses of the machine, never through a proxy. Only version 2 of the
 * instance's service is spoken: one that asks for no token also answers to others. */
#ifndef CORE_AWS_METADATA_H
#define CORE_AWS_METADATA_H

#include "core/aws/aws_env.h"
#include "core/aws/credentials.h"
#include "core/aws/endpoint.h"
#include "core/aws/http.h"
#include "model/error.h"

/* Gets the keys of the container's role, if the environment names its service.
 * Errors: ERR_NOT_FOUND if it names none; ERR_CONFIG if keys must not be asked for there, or its
 * token cannot be read; ERR_ACCESS if the service refuses; ERR_TRANSIENT, ERR_UNREACHABLE,
 * ERR_PROTOCOL, ERR_NO_MEMORY. */
MUST_CHECK enum error_code metadata_container_keys(struct http *http, const struct aws_env *env,
                                                   struct credentials *keys, struct error *err);

/* Gets the keys of the instance's role, with their link.
 * Errors: ERR_NOT_FOUND if this is no instance, has no role, or the service is switched off;
 * ERR_ACCESS, ERR_TRANSIENT, ERR_PROTOCOL, ERR_CONFIG, ERR_NO_MEMORY. */
MUST_CHECK enum error_code metadata_instance_keys(struct http *http, const struct aws_env *env,
                                                  struct credentials *keys, struct error *err);

/* Asks the instance for its region. Errors: as metadata_instance_keys(). */
MUST_CHECK enum error_code metadata_instance_region(struct http *http, const struct aws_env *env,
                                                    char region[ENDPOINT_REGION_SIZE],
                                                    struct error *err);

/* Finds the address of the container's service, and checks that keys may be asked for there:
 * over TLS anywhere, else only on this machine.
 * Errors: ERR_NOT_FOUND if the environment names none; ERR_CONFIG if not. */
MUST_CHECK enum error_code metadata_container_url(const struct aws_env *env, struct strbuf *url,
                                                  struct error *err);

#endif
