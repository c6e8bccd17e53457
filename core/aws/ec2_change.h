/* ec2_change.h: the calls of EC2 that make, join, share and remove things, except the cut itself
 * (ec2_cut.h). The contracts are those of core/cloud.h, member by member. */
#ifndef CORE_AWS_EC2_CHANGE_H
#define CORE_AWS_EC2_CHANGE_H

#include "core/aws/client.h"
#include "core/cloud.h"
#include "model/error.h"

/* Starts a copy into the client's region. Sends a presigned address always: encrypted sources need
 * it. Errors: ERR_INVALID if encrypted without a key; ERR_AMBIGUOUS; those of core/cloud.h. */
MUST_CHECK enum error_code ec2_copy_snapshot(struct client *client,
                                             const struct cloud_copy_request *request,
                                             char copy_id[CLOUD_ID_SIZE], struct error *err);

/* Lets another account make volumes and copies of a snapshot, or no longer. Errors: those of
 * core/cloud.h. */
MUST_CHECK enum error_code ec2_share_snapshot(struct client *client, const char *snapshot_id,
                                              const char *account_id, bool share,
                                              struct error *err);

/* Deletes a snapshot. Errors: those of core/cloud.h; ERR_NOT_FOUND if it is gone or too fresh. */
MUST_CHECK enum error_code ec2_delete_snapshot(struct client *client, const char *snapshot_id,
                                               struct error *err);

/* Creates a volume, idempotent by client_token. Errors: those of core/cloud.h. */
MUST_CHECK enum error_code ec2_create_volume(struct client *client,
                                             const struct cloud_volume_request *request,
                                             char volume_id[CLOUD_ID_SIZE], struct error *err);

/* Attaches a volume; success if it is attached just so. Errors: ERR_STATE if it is attached
 * elsewhere; those of core/cloud.h. */
MUST_CHECK enum error_code ec2_attach_volume(struct client *client, const char *volume_id,
                                             const char *instance_id, const char *device,
                                             struct error *err);

/* Detaches a volume; success if it is not attached. Errors: those of core/cloud.h. */
MUST_CHECK enum error_code ec2_detach_volume(struct client *client, const char *volume_id,
                                             struct error *err);

/* Deletes a volume. Errors: those of core/cloud.h; ERR_NOT_FOUND if it is gone or too fresh. */
MUST_CHECK enum error_code ec2_delete_volume(struct client *client, const char *volume_id,
                                             struct error *err);

/* Adds or replaces tags of a snapshot or volume. Errors: those of core/cloud.h. */
MUST_CHECK enum error_code ec2_tag(struct client *client, const char *resource_id,
                                   const struct cloud_tags *tags, struct error *err);

#endif
