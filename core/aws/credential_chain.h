/* credential_chain.h: the places where credentials are looked for, in AWS's own order.
 *
 * Environment; role, web identity, keys or program of a profile; container; instance. Each is a row
 * of one table, the first that is configured decides, and an error there is not passed over: to go
 * on with a weaker name would be worse. Keeps nothing; core/aws/credentials.h does. */
#ifndef CORE_AWS_CREDENTIAL_CHAIN_H
#define CORE_AWS_CREDENTIAL_CHAIN_H

#include "core/aws/credentials.h"
#include "model/error.h"

/* Asks the chain, then assumes the source's role if it names one.
 * Errors: ERR_NOT_FOUND if nothing is configured; those of credentials_get(). */
MUST_CHECK enum error_code credential_chain_fetch(const struct credentials_source *source,
                                                  struct credentials *keys, struct error *err);

#endif
