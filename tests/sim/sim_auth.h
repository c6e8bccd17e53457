/* sim_auth.h: who a request comes from: the claim of its signature, checked against the world.
 *
 * Used for requests and for the URL inside a CopySnapshot. How a fault is spelled is the service's
 * business. */
#ifndef TESTS_SIM_SIM_AUTH_H
#define TESTS_SIM_SIM_AUTH_H

#include <stdint.h>

#include "tests/sim/sim_sigv4.h"
#include "tests/sim/world.h"

/* Why a request cannot be authenticated. */
enum sim_auth_fault {
    SIM_AUTH_OK,
    SIM_AUTH_MISSING,     /* not signed */
    SIM_AUTH_INCOMPLETE,  /* the signature's parts cannot be read */
    SIM_AUTH_UNKNOWN_KEY, /* no such key id, or the wrong session token for it */
    SIM_AUTH_SIGNATURE,   /* the signature or the payload hash is wrong */
    SIM_AUTH_EXPIRED,     /* signed too long ago, or in the future */
    SIM_AUTH_TOKEN_EXPIRED,
    SIM_AUTH_REGION, /* the scope's region does not exist */
    SIM_AUTH_FAULTS
};

/* Authenticates a request. Its date must be near simulated now or near real_ms. *claim is filled as
 * far as it could be read; *who (borrowed from the world) only with SIM_AUTH_OK. */
enum sim_auth_fault sim_auth_check(struct world *world, int64_t real_ms,
                                   const struct sim_request *request, struct sim_claim *claim,
                                   const struct sim_credential **who);

/* A sentence for the caller. */
const char *sim_auth_text(enum sim_auth_fault fault);

#endif
