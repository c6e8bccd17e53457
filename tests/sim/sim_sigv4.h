/* sim_sigv4.h: verifies AWS Signature Version 4, in headers or in a presigned query.
 *
 * Written from the public description ("Create a signed AWS API request", IAM User Guide) and from
 * nothing else of this repository: a misreading must not sit on both sides of the wire. */
#ifndef TESTS_SIM_SIM_SIGV4_H
#define TESTS_SIM_SIM_SIGV4_H

#include <stdbool.h>
#include <stdint.h>

#include "model/error.h"
#include "tests/sim/sim_request.h"

#define SIM_SIGNATURE_SIZE 65 /* 64 hex digits and the NUL */

/* What a request says about who signed it, when and for what. Nothing in it is verified yet. */
struct sim_claim {
    bool presigned; /* the claim came in the query string */
    char key_id[129];
    char date[9]; /* of the scope, "20150830" */
    char region[33];
    char service[33];
    char signed_headers[1024]; /* as sent: lower case, ';' between */
    char signature[SIM_SIGNATURE_SIZE];
    char stamp[17];    /* "20150830T123600Z" */
    int64_t signed_ms; /* the stamp as UTC milliseconds */
    int64_t expires_s; /* presigned: seconds of validity; else 0 */
    char token[2049];  /* session token, "" if none was sent */
};

/* Why a claim is not acceptable, before and after the secret is known. */
enum sim_claim_fault {
    SIM_CLAIM_OK,
    SIM_CLAIM_MISSING,    /* no signature of any form */
    SIM_CLAIM_INCOMPLETE, /* a part is missing or cannot be read */
    SIM_CLAIM_UNSIGNED,   /* host or an x-amz-* header is sent but not signed */
    SIM_CLAIM_PAYLOAD,    /* x-amz-content-sha256 is not the hash of the body */
    SIM_CLAIM_SIGNATURE,  /* the signature is not the one the secret gives */
};

/* Reads the claim of a request: the Authorization header, else the X-Amz-* query parameters.
 * Also checks that host and every x-amz-* header are among the signed ones. On a fault *claim may
 * be half filled. */
enum sim_claim_fault sim_claim_read(const struct sim_request *request, struct sim_claim *claim);

/* Compares the claim's signature and payload hash with what `secret` gives for the request.
 * Returns SIM_CLAIM_OK, SIM_CLAIM_PAYLOAD or SIM_CLAIM_SIGNATURE. */
enum sim_claim_fault sim_claim_verify(const struct sim_request *request,
                                      const struct sim_claim *claim, const char *secret);

/* Splits an absolute URL ("http://host/path?query") into a GET request with a host header. The
 * request borrows from `parts`, which is overwritten.
 * Errors: ERR_INVALID if it is no such URL; ERR_NO_MEMORY. */
MUST_CHECK enum error_code sim_request_from_url(const char *url, struct strbuf *parts,
                                                struct sim_request *request, struct error *err);

#endif
