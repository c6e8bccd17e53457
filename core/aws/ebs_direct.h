/* ebs_direct.h: reading snapshots block by block (EBS direct APIs, 2019-11-02). */
#ifndef CORE_AWS_EBS_DIRECT_H
#define CORE_AWS_EBS_DIRECT_H

#include <stdint.h>

#include "core/aws/client.h"
#include "core/cloud.h"
#include "model/error.h"

/* Lists the blocks that differ between two snapshots of one lineage; with first_id NULL those that
 * exist in second_id. Indexes come in ascending order, a page at a time.
 * Errors: what the sink returns; ERR_INVALID if they are unrelated; those of core/cloud.h. */
MUST_CHECK enum error_code ebs_list_changed_blocks(struct client *client, const char *first_id,
                                                   const char *second_id,
                                                   const struct cloud_block_sink *sink,
                                                   struct error *err);

/* Reads one block and compares its checksum. Two requests: tokens of blocks change with every
 * listing, so one is asked for first.
 * Errors: ERR_NOT_FOUND if the snapshot has no such block (it reads as zeros); ERR_TRANSIENT if the
 * checksum is wrong; those of core/cloud.h. */
MUST_CHECK enum error_code ebs_get_block(struct client *client, const char *snapshot_id,
                                         uint64_t index, uint8_t block[CLOUD_BLOCK_BYTES],
                                         struct error *err);

#endif
