/* sim_rights.h: asks the policy documents of the caller about a call, resource by resource.
 *
 * Which resources an action is judged on follows AWS's service authorization reference; an action
 * that stands not in its table is judged on "*". Keys are judged where they are used
 * (world_key_allows). */
#ifndef TESTS_SIM_SIM_RIGHTS_H
#define TESTS_SIM_SIM_RIGHTS_H

#include "tests/sim/sim_call.h"

/* Judges the call whose parameters have been read. Refusals: UnauthorizedOperation,
 * AccessDeniedException or AccessDenied, as the service has it. */
bool sim_rights_check(struct sim_call *call);

/* Judges one action on a snapshot in the caller's region, for calls that name it elsewhere than in
 * their parameters. Refusals: as above. */
bool sim_rights_check_snapshot(struct sim_call *call, const char *action, const char *snapshot_id);

/* True if somebody may copy a snapshot out of a region. */
bool sim_rights_may_read_copy(struct sim_call *call, const struct caller *caller,
                              const char *snapshot_id);

#endif
