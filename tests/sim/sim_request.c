#include "tests/sim/sim_request.h"

#include <assert.h>
#include <stdio.h>
#include <strings.h>

const char *sim_request_header(const struct sim_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcasecmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    }
    return NULL;
}

void sim_reply_header(struct sim_reply *reply, const char *name, const char *value)
{
    assert(reply->header_count < sizeof(reply->headers) / sizeof(reply->headers[0]));
    reply->headers[reply->header_count].name = name;
    snprintf(reply->headers[reply->header_count].value, sizeof(reply->headers[0].value), "%s",
             value);
    reply->header_count++;
}

void sim_reply_done(struct sim_reply *reply)
{
    strbuf_done(&reply->body);
}
