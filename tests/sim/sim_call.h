/* sim_call.h: one authenticated API call: who asks, where, with what, and the answer so far.
 *
 * The services (sim_ec2*.c, sim_sts.c, sim_cloudwatch.c, sim_ebs.c) work on it. An action reads its
 * parameters first, then calls sim_call_ready(), and only then has an effect. Functions that return
 * bool put the reason into call->refusal when they return false. */
#ifndef TESTS_SIM_SIM_CALL_H
#define TESTS_SIM_SIM_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "model/strbuf.h"
#include "tests/sim/sim_query.h"
#include "tests/sim/sim_request.h"
#include "tests/sim/world.h"

/* Lives for one request, under the world's lock. Owns `query`; borrows the rest. */
struct sim_call {
    struct world *world;
    const struct sim_request *request;
    const struct sim_credential *who;
    struct caller caller;    /* account of `who`, region of the signature's scope */
    int64_t now_ms;          /* simulated */
    int64_t real_ms;         /* real time, to judge how old a signature is, and for what is real */
    const char *command_dir; /* of sim_door.h */
    char request_id[40];
    const char *service;    /* its name in a scope, "ec2" */
    char action[64];        /* "" until a service has read it */
    struct sim_query query; /* parameters of the Query protocol; empty otherwise */
    struct sim_reply *reply;
    struct strbuf *out; /* the body of the reply */
    struct refusal refusal;
    bool ready;   /* sim_call_ready() has passed */
    bool changes; /* the action has effects, which are stored before the answer goes out */
};

/* What a resource id must look like. */
enum sim_id_kind { SIM_ID_VOLUME, SIM_ID_SNAPSHOT, SIM_ID_INSTANCE };

/* The value of a parameter that must be there. Refusals: MissingParameter. */
bool sim_call_need(struct sim_call *call, const char *name, const char **value);

/* Reads a parameter that may be absent, which leaves *value as it is.
 * Refusals: InvalidParameterValue. */
bool sim_call_int(struct sim_call *call, const char *name, int64_t *value);
bool sim_call_bool(struct sim_call *call, const char *name, bool *value);

/* Checks the form of an id. Refusals: Invalid...ID.Malformed; InvalidParameterValue when the id is
 * of another kind of resource. */
bool sim_call_check_id(struct sim_call *call, enum sim_id_kind kind, const char *name,
                       const char *id);

/* An id parameter that must be there and have the right form. */
bool sim_call_need_id(struct sim_call *call, enum sim_id_kind kind, const char *name,
                      const char **id);

/* An id parameter that may be absent (NULL). */
bool sim_call_id(struct sim_call *call, enum sim_id_kind kind, const char *name, const char **id);

/* Checks the form of every entry of the list NAME.1, NAME.2, ... and counts them. */
bool sim_call_id_list(struct sim_call *call, enum sim_id_kind kind, const char *name,
                      size_t *count);

/* Tells whether the list NAME.1, NAME.2, ... holds `value`; any list does when it is empty. */
bool sim_call_list_takes(struct sim_call *call, const char *name, const char *value);

/* Adds the tags NAME.N.Key and NAME.N.Value to *tags within AWS's limits.
 * Refusals: InvalidParameterValue, TagLimitExceeded. */
bool sim_call_tags(struct sim_call *call, const char *name, struct sim_tags *tags);

/* Reads TagSpecification.N for resources of that type ("snapshot", "volume") into *tags.
 * Refusals: as sim_call_tags. */
bool sim_call_tag_specifications(struct sim_call *call, const char *type, struct sim_tags *tags);

/* Ends the reading of parameters. Refusals: UnknownParameter; those of sim_rights_check(); DryRunOperation if that was asked. */
bool sim_call_ready(struct sim_call *call);

/* Writes <tagSet>; `tags` may be NULL for none. */
void sim_call_write_tags(struct sim_call *call, const struct sim_tags *tags);

#endif
