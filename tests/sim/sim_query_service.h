/* sim_query_service.h: running actions, and the AWS Query protocol around them.
 *
 * EC2 speaks its own dialect of the protocol and wraps answers itself; STS and CloudWatch share the
 * envelope written here. */
#ifndef TESTS_SIM_SIM_QUERY_SERVICE_H
#define TESTS_SIM_SIM_QUERY_SERVICE_H

#include <stdbool.h>

#include "tests/sim/sim_auth.h"
#include "tests/sim/sim_call.h"

/* One action of a service. */
struct sim_action {
    const char *name; /* NULL ends a table */
    bool (*run)(struct sim_call *call);
    bool changes; /* has effects */
};

/* What is wrong with a signature, in the words of STS, IAM and CloudWatch. */
extern const char *const sim_query_auth_codes[SIM_AUTH_FAULTS];

/* Runs an action with throttling and faults around it. `unfiltered`: see world_take_token().
 * Refusals: those of the action; RequestLimitExceeded, InternalError. */
bool sim_action_run(struct sim_call *call, const struct sim_action *action, bool unfiltered);

/* Reads form body or query string, finds the action in `table` and runs it.
 * Refusals: as sim_action_run(); MalformedQueryString, MissingAction, InvalidAction. */
bool sim_query_service_run(struct sim_call *call, const struct sim_action *table,
                           const char *version);

/* The same with the answer wrapped in <ActionResponse><ActionResult> and ResponseMetadata. */
bool sim_query_service_run_wrapped(struct sim_call *call, const struct sim_action *table,
                                   const char *version, const char *xml_namespace);

/* Writes <ErrorResponse> for call->refusal. */
void sim_query_service_write_error(struct sim_call *call, const char *xml_namespace);

#endif
