/* sim_ec2.h: the actions of the EC2 Query API (2016-11-15), by noun.
 *
 * Each is the `run` of an action: it writes what stands between the root element's tags (after
 * requestId) and returns false with call->refusal set when it refuses. Element names follow the EC2
 * API reference. */
#ifndef TESTS_SIM_SIM_EC2_H
#define TESTS_SIM_SIM_EC2_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/sim_call.h"

/* sim_ec2_snapshots.c */
bool sim_ec2_create_snapshot(struct sim_call *call);
bool sim_ec2_create_snapshots(struct sim_call *call);
bool sim_ec2_describe_snapshots(struct sim_call *call);
bool sim_ec2_delete_snapshot(struct sim_call *call);

/* sim_ec2_copies.c: copies and sharing */
bool sim_ec2_copy_snapshot(struct sim_call *call);
bool sim_ec2_modify_snapshot_attribute(struct sim_call *call);
bool sim_ec2_describe_snapshot_attribute(struct sim_call *call);
bool sim_ec2_reset_snapshot_attribute(struct sim_call *call);

/* sim_ec2_volumes.c */
bool sim_ec2_create_volume(struct sim_call *call);
bool sim_ec2_describe_volumes(struct sim_call *call);
bool sim_ec2_describe_volume_status(struct sim_call *call);
bool sim_ec2_attach_volume(struct sim_call *call);
bool sim_ec2_detach_volume(struct sim_call *call);
bool sim_ec2_delete_volume(struct sim_call *call);

/* sim_ec2_places.c: instances, zones, regions */
bool sim_ec2_describe_instances(struct sim_call *call);
bool sim_ec2_describe_availability_zones(struct sim_call *call);
bool sim_ec2_describe_regions(struct sim_call *call);

/* sim_ec2_tags.c */
bool sim_ec2_create_tags(struct sim_call *call);
bool sim_ec2_delete_tags(struct sim_call *call);

/* Writes <return>true</return>, the answer of actions that have nothing to tell. */
void sim_ec2_write_true(struct sim_call *call);

/* The id of a zone name ("use1-az1"), or "". */
const char *sim_ec2_zone_id(const char *zone);

/* A time as filters compare it, "2026-08-07T10:00:00.000Z". Returns `buffer`. */
const char *sim_ec2_time_text(int64_t instant_ms, char buffer[SIM_TEXT_SIZE]);

#endif
