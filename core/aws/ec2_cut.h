/* ec2_cut.h: the one call that fixes a point in time, with nothing around it but the wire. */
#ifndef CORE_AWS_EC2_CUT_H
#define CORE_AWS_EC2_CUT_H

#include "core/aws/client.h"
#include "core/cloud.h"
#include "model/error.h"

/* Starts snapshots of one volume (CreateSnapshot) or of several of one instance at one instant
 * (CreateSnapshots). With hooks, a cheap call is sent first so that the connection is open; between
 * the hooks only the prepared request travels, into memory reserved before.
 * Errors: ERR_INVALID if the set is empty, too large, or not attached to the instance; what begin()
 * returned; ERR_AMBIGUOUS; those of core/cloud.h. */
MUST_CHECK enum error_code ec2_start_snapshot_set(struct client *client,
                                                  const struct cloud_set_request *request,
                                                  struct cloud_set_result *result,
                                                  struct error *err);

#endif
