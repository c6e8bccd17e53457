/* sigv4.h: AWS Signature Version 4, as request headers and as a presigned query.
 *
 * A function of its arguments: the instant, the keys and the bytes to sign all come from the
 * caller, and nothing is sent. The rules are those of the IAM guide, "Create a signed AWS API
 * request". We sign by ourselves because libcurl before 8.14 neither sorts nor encodes the query
 * correctly. Called by client.c and by ec2_change.c (CopySnapshot's PresignedUrl). */
#ifndef CORE_AWS_SIGV4_H
#define CORE_AWS_SIGV4_H

#include <stddef.h>
#include <stdint.h>

#include "core/aws/digest.h"
#include "core/aws/http.h"
#include "model/error.h"
#include "model/strbuf.h"

/* Value of X-Amz-Content-SHA256 for an empty payload. */
#define SIGV4_EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

#define SIGV4_DATE_SIZE 17 /* "20150830T123600Z" and its NUL */

/* Who signs, for where, when. Borrows every string for the length of one call. */
struct sigv4_scope {
    const char *access_key_id;
    const char *secret_access_key;
    const char *session_token; /* NULL or "" with long-lived keys; read only when presigning */
    const char *region;
    const char *service; /* "ec2", "ebs", "sts", "monitoring" */
    int64_t at_ms;       /* signing instant, Unix milliseconds UTC */
};

/* The request as it will be sent. Every header listed here is signed. */
struct sigv4_request {
    const char *method;
    const char *path;  /* percent-encoded once, as on the wire */
    const char *query; /* percent-encoded, without '?'; "" when there is none */
    const struct http_header *headers;
    size_t header_count;
    const char *payload_sha256; /* hex digest of the body, or "UNSIGNED-PAYLOAD" */
};

/* Writes the instant in the form of X-Amz-Date. at_ms is Unix milliseconds UTC, before year
 * 10000. */
void sigv4_date(int64_t at_ms, char date[SIGV4_DATE_SIZE]);

/* Derives the signing key of a scope's day, region and service. The caller wipes key.
 * Errors: ERR_SYSTEM if the crypto library refuses. */
MUST_CHECK enum error_code sigv4_key(const struct sigv4_scope *scope,
                                     unsigned char key[DIGEST_BYTES], struct error *err);

/* Appends the canonical request, the text whose hash is signed; public so that the published test
 * vectors can be compared step by step.
 * Errors: ERR_INVALID with more than 32 headers or past out's maximum; ERR_NO_MEMORY. */
MUST_CHECK enum error_code sigv4_canonical(const struct sigv4_request *request, struct strbuf *out,
                                           struct error *err);

/* Appends the value of the Authorization header. The caller has put X-Amz-Date (of at_ms) and the
 * session token among the headers already.
 * Errors: as sigv4_canonical(), and ERR_SYSTEM if the crypto library refuses. */
MUST_CHECK enum error_code sigv4_authorize(const struct sigv4_scope *scope,
                                           const struct sigv4_request *request, struct strbuf *out,
                                           struct error *err);

/* Appends a signed query (without '?') for a GET of path on host: the given query, canonical, with
 * the X-Amz-* parameters and the signature. Good for expires_s seconds, 1 to 604800.
 * Errors: as sigv4_canonical(), and ERR_SYSTEM if the crypto library refuses. */
MUST_CHECK enum error_code sigv4_presign(const struct sigv4_scope *scope,
                                         const struct sigv4_request *request, int expires_s,
                                         struct strbuf *out, struct error *err);

/* Appends length bytes percent-encoded for a query value: only A-Z a-z 0-9 - . _ ~ stay as they
 * are. Failures are kept for strbuf_check(). */
void sigv4_encode(const char *text, size_t length, struct strbuf *out);

#endif
