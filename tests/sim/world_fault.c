#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/sim/world_inner.h"

enum error_code world_arm_fault(struct world *world, const char *script, struct error *err)
{
    return fault_script_arm(&world->faults, script, err);
}

int64_t world_struck_calls(const struct world *world)
{
    return world->faults.strikes;
}

/* Taken away by renaming first, so that a line written meanwhile is not lost. */
void world_read_faults(struct world *world)
{
    char path[4200];
    char taken[4200];
    if (world->dir == NULL)
        return;
    (void)snprintf(path, sizeof(path), "%s/faults", world->dir);
    (void)snprintf(taken, sizeof(taken), "%s/faults.taken", world->dir);
    if (rename(path, taken) != 0)
        return;
    FILE *file = fopen(taken, "re");
    char line[256];
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        struct error err;
        if (world_arm_fault(world, line, &err) != ERR_NONE)
            (void)fprintf(stderr, "cloudsim: %s\n", err.message);
    }
    if (file != NULL)
        (void)fclose(file);
    (void)unlink(taken);
}

bool world_is_struck(const struct world *world, enum fault_effect effect)
{
    return (world->struck & FAULT_BIT(effect)) != 0;
}

/* Effects that refuse, with what AWS says then. */
static const struct {
    enum fault_effect effect;
    const char *code;
    const char *message;
} refusals[] = {
    {FAULT_THROTTLE, "RequestLimitExceeded", "Request limit exceeded."},
    {FAULT_SNAPSHOT_RATE, "SnapshotCreationPerVolumeRateExceeded",
     "The maximum per volume CreateSnapshot request rate has been exceeded. Use an increasing or "
     "variable sleep interval between requests."},
    {FAULT_INTERNAL_ERROR, "InternalError", "An internal error has occurred"},
    {FAULT_UNAVAILABLE, "Unavailable", "The server is overloaded and can't handle the request."},
    {FAULT_EXPIRED_KEYS, "RequestExpired", "Request has expired."},
    {FAULT_DENIED, "UnauthorizedOperation", "You are not authorized to perform this operation."},
};

static enum call_fate fate_of(const struct world *world)
{
    if (world_is_struck(world, FAULT_LOST_REQUEST))
        return CALL_UNSENT;
    if (world_is_struck(world, FAULT_LOST_REPLY))
        return CALL_LOST;
    return world_is_struck(world, FAULT_SLOW_REPLY) ? CALL_LATE : CALL_ANSWERED;
}

bool world_begin_call(struct world *world, const struct caller *caller, const char *action,
                      enum call_fate *fate, struct refusal *refusal)
{
    world->struck = fault_script_strike(&world->faults, action, world->now_ms);
    world_somebody_acts(world, caller);
    *fate = fate_of(world);
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (world_is_struck(world, refusals[i].effect))
            return refuse(refusal, refusals[i].code, "%s", refusals[i].message);
    }
    return true;
}
