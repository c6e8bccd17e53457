/* sim_door.h: the wire door of cloudsim: authenticates a request and hands it to its service.
 *
 * One endpoint serves every service and region: the scope of the signature names both. Errors take
 * the shape of the service. */
#ifndef TESTS_SIM_SIM_DOOR_H
#define TESTS_SIM_SIM_DOOR_H

#include "core/clock.h"
#include "tests/sim/sim_auth.h"
#include "tests/sim/sim_call.h"
#include "tests/sim/sim_request.h"

/* What the door needs; borrows all. */
struct sim_door {
    struct world *world;
    const struct clock *real; /* a signature may be dated by real or by simulated time */
    const char *command_dir;  /* SSM really runs commands, in here; NULL: it runs none */
};

/* Answers one request; a sim_http_answer whose self is a struct sim_door. Takes the world's lock. */
void sim_door_answer(void *self, const struct sim_request *request, struct sim_reply *reply);

/* One service: what it is called in a scope, how it fails, what it does. The names are the error
 * codes, by enum sim_auth_fault. */
struct sim_service {
    const char *name;
    const char *const *auth_codes; /* SIM_AUTH_FAULTS of them */
    /* Does the call and writes the answer. False: nothing of use is in the reply, see refusal. */
    bool (*run)(struct sim_call *call);
    /* Writes the refusal in the shape of the service; the reply is empty but for its headers. */
    void (*write_error)(struct sim_call *call);
};

/* The services, one file (or group of files) each. */
extern const struct sim_service sim_ec2_service;
extern const struct sim_service sim_ebs_service;
extern const struct sim_service sim_sts_service;
extern const struct sim_service sim_cloudwatch_service;
extern const struct sim_service sim_kms_service;
extern const struct sim_service sim_ssm_service;
extern const struct sim_service sim_quotas_service;
extern const struct sim_service sim_iam_service;

/* The HTTP status that goes with an error code. */
unsigned sim_status_of(const char *code);

#endif
