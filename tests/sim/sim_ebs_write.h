/* sim_ebs_write.h: StartSnapshot, PutSnapshotBlock and CompleteSnapshot on the wire of EBS direct.
 *
 * sim_ebs.c finds them by method and path, and writes their refusals. */
#ifndef TESTS_SIM_SIM_EBS_WRITE_H
#define TESTS_SIM_SIM_EBS_WRITE_H

#include "tests/sim/sim_query_service.h"

extern const struct sim_action sim_start_snapshot_action;
extern const struct sim_action sim_put_block_action;
extern const struct sim_action sim_complete_snapshot_action;

#endif
