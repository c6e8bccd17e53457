/* aws_error.h: what a service's refusal means to us.
 *
 * One table from the error codes of EC2, EBS direct, STS and CloudWatch to our codes, which also
 * say whether a request may be sent again (core/cloud.h). Called by client.c with the parsed
 * answer. */
#ifndef CORE_AWS_AWS_ERROR_H
#define CORE_AWS_AWS_ERROR_H

#include <stdbool.h>

#include "model/error.h"

/* How our own client may heal a refusal before it reports it, once per call. */
enum aws_heal {
    AWS_HEAL_NONE,
    AWS_HEAL_CLOCK, /* sign again by the service's clock */
    AWS_HEAL_KEYS,  /* get fresh credentials */
    AWS_HEAL_BOTH,
};

struct aws_error_row {
    const char *service_code;
    enum error_code code;
    enum aws_heal heal;
    const char *remedy; /* what to do, "" where the code says all */
};

/* A refusal as the service worded it; borrows. */
struct aws_refusal {
    const char *action;       /* "CreateSnapshot" */
    int status;               /* HTTP */
    const char *service_code; /* "" when the body could not be understood */
    const char *message;
    const char *request_id;
};

/* The row of a code, NULL if it is unknown. A namespace before '#' and a link after ':' as in JSON
 * errors is ignored, and so is the ending "Exception". */
const struct aws_error_row *aws_error_find(const char *service_code);

/* Fills *err from a refusal and returns its code: by the table, else by the HTTP status. Server
 * errors and answers that say nothing count as ERR_TRANSIENT. */
enum error_code aws_error_set(const struct aws_refusal *refusal, struct error *err);

/* Tells whether the refusal surely had no effect. A 5xx may come from something in between, after
 * the service has done its work; throttling and 4xx say that nothing was done. */
bool aws_error_is_definite(const struct aws_refusal *refusal);

#endif
