/* ec2_parse.h: what EC2 says about snapshots, volumes and instances, turned into our own words. */
#ifndef CORE_AWS_EC2_PARSE_H
#define CORE_AWS_EC2_PARSE_H

#include "core/aws/xml.h"
#include "core/cloud.h"
#include "model/error.h"

/* Reads one snapshot from the element that holds its fields. On failure *snapshot is untouched.
 * Errors: ERR_PROTOCOL, ERR_NO_MEMORY. */
MUST_CHECK enum error_code ec2_parse_snapshot(const struct xml *xml, int node,
                                              struct cloud_snapshot *snapshot, struct error *err);

/* Appends every <item> of a set to a list. Items appended before a failure stay in it.
 * Errors: ERR_PROTOCOL, ERR_NO_MEMORY. */
MUST_CHECK enum error_code ec2_parse_snapshots(const struct xml *xml, int set,
                                               struct cloud_snapshots *snapshots,
                                               struct error *err);

/* Appends every <item> of a volumeSet to a list, as ec2_parse_snapshots(). */
MUST_CHECK enum error_code ec2_parse_volumes(const struct xml *xml, int set,
                                             struct cloud_volumes *volumes, struct error *err);

/* Reads one instance from its <item>. Errors: ERR_PROTOCOL; ERR_LIMIT if it has more volumes than
 * struct cloud_instance holds: a set cut from a part of them would be a silent loss. */
MUST_CHECK enum error_code ec2_parse_instance(const struct xml *xml, int node,
                                              struct cloud_instance *instance, struct error *err);

#endif
