/* sim_json.h: the JSON 1.1 protocol of KMS, SSM and Service Quotas: the operation is named by a
 * header, the request and the answer are objects. */
#ifndef TESTS_SIM_SIM_JSON_H
#define TESTS_SIM_SIM_JSON_H

#include <stdbool.h>

#include <json-c/json.h>

#include "tests/sim/sim_auth.h"
#include "tests/sim/sim_call.h"
#include "tests/sim/sim_query_service.h"

/* What is wrong with a signature, in the words of these services. */
extern const char *const sim_json_auth_codes[SIM_AUTH_FAULTS];

/* Finds the operation "TARGET.Name" of the header x-amz-target in a table and runs it.
 * Refusals: UnknownOperationException; those of sim_action_run(). */
bool sim_json_run(struct sim_call *call, const struct sim_action *table, const char *target);

/* Reads the body, an object of the members `known` and no others: one that nobody reads would be a
 * spelling mistake. Owns: *root is the caller's. Refusals: SerializationException,
 * ValidationException; those of sim_call_ready(). */
bool sim_json_read(struct sim_call *call, const char *const *known, struct json_object **root);

/* Writes an object as the body, and frees it. */
void sim_json_write(struct sim_call *call, struct json_object *root);

/* Writes a refusal; RequestLimitExceeded and InternalError by the names that they have in this
 * service, of which the second has status 500. */
void sim_json_write_error(struct sim_call *call, const char *throttled, const char *failure);

/* Adds a text to an object. */
void sim_json_add_text(struct json_object *object, const char *name, const char *text);

#endif
