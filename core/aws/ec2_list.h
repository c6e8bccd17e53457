/* ec2_list.h: what EC2 tells about things that exist. Lists are complete: all pages are read. */
#ifndef CORE_AWS_EC2_LIST_H
#define CORE_AWS_EC2_LIST_H

#include <stddef.h>

#include "core/aws/client.h"
#include "core/cloud.h"
#include "model/error.h"

/* Lists snapshots, those of this account unless ids are given. Appends to nothing: *snapshots must
 * be empty. Errors: ERR_NOT_FOUND if one of the ids is missing; those of core/cloud.h. */
MUST_CHECK enum error_code ec2_list_snapshots(struct client *client,
                                              const struct cloud_snapshot_filter *filter,
                                              struct cloud_snapshots *snapshots, struct error *err);

/* Lists volumes; as ec2_list_snapshots(). */
MUST_CHECK enum error_code ec2_list_volumes(struct client *client,
                                            const struct cloud_volume_filter *filter,
                                            struct cloud_volumes *volumes, struct error *err);

/* Reads one volume into *volume, whose tags the caller frees. Errors: ERR_NOT_FOUND and others. */
MUST_CHECK enum error_code ec2_get_volume(struct client *client, const char *volume_id,
                                          struct cloud_volume *volume, struct error *err);

/* Reads one instance. Errors: ERR_NOT_FOUND; ERR_LIMIT with too many volumes; and others. */
MUST_CHECK enum error_code ec2_get_instance(struct client *client, const char *instance_id,
                                            struct cloud_instance *instance, struct error *err);

/* Names of the usable zones of the region. Errors: ERR_LIMIT if more than `room`; and others. */
MUST_CHECK enum error_code ec2_get_zones(struct client *client, char (*zones)[CLOUD_ZONE_SIZE],
                                         size_t room, size_t *count, struct error *err);

#endif
