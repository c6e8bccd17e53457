/* sim_request.h: one HTTP request and the reply to it, as plain data.
 *
 * The server (sim_http.h) fills a request and sends a reply; everything between them (signatures,
 * services) works on these two and can be tested without a socket. */
#ifndef TESTS_SIM_SIM_REQUEST_H
#define TESTS_SIM_SIM_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "model/strbuf.h"

/* Enough for any AWS client; a request with more is refused by the server. */
#define SIM_HEADERS_MAX 48

/* One header line; the name as received, in any case. Borrows its texts. */
struct sim_header {
    const char *name;
    const char *value;
};

/* A request as received. Borrows every text from the server for the time of the call. */
struct sim_request {
    const char *method;
    const char *path;  /* still percent-encoded, without the query */
    const char *query; /* still percent-encoded, without '?'; "" if there is none */
    struct sim_header headers[SIM_HEADERS_MAX];
    size_t header_count;
    const char *body; /* NUL-terminated after body_bytes */
    size_t body_bytes;
};

/* How long a slow reply is held back: longer than any sensible freeze. */
#define SIM_SLOW_S 12

/* The reply under construction. Owns `body`; hand back with sim_reply_done(). */
struct sim_reply {
    unsigned status;
    const char *content_type;
    struct strbuf body;
    struct {
        const char *name;
        char value[96];
    } headers[6];
    size_t header_count;
    bool drop; /* close the connection without an answer: the caller cannot know what happened */
    bool slow; /* answer after SIM_SLOW_S seconds of real time */
};

/* The value of the first header of that name in any case, or NULL. Borrows from *request. */
const char *sim_request_header(const struct sim_request *request, const char *name);

/* Adds one header line; `name` must outlive the reply. */
void sim_reply_header(struct sim_reply *reply, const char *name, const char *value);

/* Frees what *reply owns. */
void sim_reply_done(struct sim_reply *reply);
#define CLEANUP_SIM_REPLY CLEANUP(sim_reply_done)

#endif
