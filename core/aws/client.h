/* client.h: one principal in one region, who signs calls, sends them and judges the answers.
 *
 * Knows nothing of volumes or snapshots. Retries nothing, with one exception: a call that was
 * definitely refused because of the clock or of expired credentials is healed and sent once
 * more. */
#ifndef CORE_AWS_CLIENT_H
#define CORE_AWS_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/aws/credentials.h"
#include "core/aws/endpoint.h"
#include "core/aws/http.h"
#include "core/clock.h"
#include "model/error.h"
#include "model/strbuf.h"

#define CLIENT_HEADERS_MAX 9

/* Borrows everything it points to. */
struct client {
    struct http *http;
    const struct clock *clock;
    struct credentials_source *source; /* NULL: nothing is signed */
    struct endpoint_rules endpoints;
    char region[ENDPOINT_REGION_SIZE];
    int64_t skew_ms;       /* the service's clock minus ours, once it has complained */
    int64_t told_skew_ms;  /* the same as its last answer told it; 0 without a date */
    bool asks_only;        /* what changes something is sent as a dry run */
    char last_refusal[80]; /* service code of the last call, "" if it was not refused */
};

/* One call. Query calls leave method, path and query empty: POST, "/" and "". Borrows. */
struct client_call {
    enum endpoint_service service;
    const char *action; /* for messages, and what the service calls it */
    const char *method;
    const char *path;
    const char *query;
    const struct strbuf *form; /* body of a Query call, NULL for none */
    const struct strbuf *json; /* or body of a JSON 1.1 call; then `target` names the operation */
    const char *target;        /* "TrentService.DescribeKey" */
    bool creates;              /* makes something and has no client token */
    int64_t timeout_ms;        /* 0: the default of 20 s */
};

/* A call with its signature, ready for http_prepare(). Zero-initialise; hand back with
 * client_signed_done(). `request` points into the rest, so it must not be moved. */
struct client_signed {
    struct http_request request;
    struct http_header headers[CLIENT_HEADERS_MAX];
    size_t header_count;
    struct endpoint endpoint;
    struct strbuf url;
    struct strbuf path;
    struct strbuf authorization;
    struct credentials keys;
    char date[20];
    char body_sha256[65];
};

/* Wipes the keys and frees the rest. */
void client_signed_done(struct client_signed *signed_call);
#define CLEANUP_CLIENT_SIGNED CLEANUP(client_signed_done)

/* Gets credentials (which may send requests of its own) and signs a call for now.
 * *call is borrowed by *signed_call. Errors: ERR_ACCESS, ERR_CONFIG, ERR_NO_MEMORY, ERR_INVALID and
 * those of getting credentials. */
MUST_CHECK enum error_code client_sign(struct client *client, const struct client_call *call,
                                       struct client_signed *signed_call, struct error *err);

/* Says what the outcome of a sent call means: sent is what http_finish() returned, with *err as it
 * filled it. A lost answer is ERR_AMBIGUOUS if the call creates, else ERR_TRANSIENT. */
MUST_CHECK enum error_code client_judge(struct client *client, const struct client_call *call,
                                        enum error_code sent, const struct http_response *response,
                                        struct error *err);

/* Signs, sends and judges; heals clock and credentials once. On success *response holds the answer
 * of a 2xx status. Errors: those of core/cloud.h. */
MUST_CHECK enum error_code client_send(struct client *client, const struct client_call *call,
                                       struct http_response *response, struct error *err);

/* Tells whether the last call was refused with this service code. */
bool client_was_refused(const struct client *client, const char *service_code);

#endif
