/* http.h: one HTTP request and its answer, over one pool of connections.
 *
 * The only file that knows libcurl. TLS is verified, redirects are not followed, nothing is retried
 * and nothing is signed here; proxies come from the environment as curl reads it. A request can be
 * made ready first and sent later, so that a filesystem is frozen for one round trip only. */
#ifndef CORE_AWS_HTTP_H
#define CORE_AWS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/error.h"
#include "model/strbuf.h"

struct http_header {
    const char *name;
    const char *value;
};

/* Borrows everything it points to until the answer is there. */
struct http_request {
    const char *method;
    const char *url;
    const struct http_header *headers; /* Host and Content-Length are added */
    size_t header_count;
    const void *body; /* NULL: none */
    size_t body_bytes;
    int64_t timeout_ms; /* for the whole request, real time */
    /* Refuse to send the body a second time. libcurl does that by itself when a kept connection
     * turns out to be dead, which would make a twin of what the request creates. */
    bool send_once;
    bool is_direct; /* never through a proxy */
    bool may_stop;  /* give up when a stop is asked for (clock_request_stop) */
};

#define HTTP_VALUE_SIZE 128

/* Zero-initialise with body.max_bytes set; hand back with http_response_done(). The header values
 * are empty when the service did not send them. */
struct http_response {
    int status;
    struct strbuf body;
    char date[HTTP_VALUE_SIZE];
    char request_id[HTTP_VALUE_SIZE];
    char error_type[HTTP_VALUE_SIZE]; /* x-amzn-ErrorType */
    char checksum[HTTP_VALUE_SIZE];   /* x-amz-Checksum */
    int64_t elapsed_us;               /* from sending to the last byte received */
    bool reused_connection;           /* no connection had to be opened */
};

/* Frees what *response owns, after overwriting the body: it may hold credentials. */
void http_response_done(struct http_response *response);
#define CLEANUP_HTTP_RESPONSE CLEANUP(http_response_done)

/* A pool of connections and one request at a time; not for use by two threads. */
struct http;

/* Makes a pool. ca_bundle names a file of certificates to trust, NULL for the system's; user_agent
 * is copied. The caller has called curl_global_init() or lets curl do it (single-threaded start).
 * Owns: *http is the caller's, hand back with http_free(). Errors: ERR_NO_MEMORY. */
MUST_CHECK enum error_code http_new(const char *user_agent, const char *ca_bundle,
                                    struct http **http, struct error *err);

/* Closes the connections and frees the pool. Accepts NULL. */
void http_free(struct http *http);

/* Makes a request ready without touching the network: http_finish() then neither allocates nor
 * logs anything of ours, as long as the answer fits what response->body has reserved.
 * Both arguments are borrowed until http_finish(). Errors: ERR_NO_MEMORY, ERR_INVALID. */
MUST_CHECK enum error_code http_prepare(struct http *http, const struct http_request *request,
                                        struct http_response *response, struct error *err);

/* Drops a request that was made ready and shall not be sent. */
void http_abandon(struct http *http);

/* Sends the prepared request and waits for the whole answer, of any status.
 * Errors: ERR_UNREACHABLE if nothing was sent; ERR_AMBIGUOUS if something was and no complete
 * answer came; ERR_PROTOCOL if the answer exceeds body.max_bytes; ERR_CLOUD, with nothing sent, if
 * the certificate of the server is not to be trusted; ERR_INTERRUPTED. */
MUST_CHECK enum error_code http_finish(struct http *http, struct error *err);

/* http_prepare() and http_finish() in one. */
MUST_CHECK enum error_code http_send(struct http *http, const struct http_request *request,
                                     struct http_response *response, struct error *err);

#endif
