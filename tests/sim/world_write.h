/* world_write.h: snapshots that are written block by block, as EBS direct lets one do.
 *
 * Part of the world (world.h); its bytes need a pool. Codes of refusals are those that EBS direct
 * calls the Reason of an exception, or the exception where it has none. */
#ifndef TESTS_SIM_WORLD_WRITE_H
#define TESTS_SIM_WORLD_WRITE_H

#include "tests/sim/world.h"

struct written_request {
    int64_t size_gib;
    const char *parent_id;    /* NULL: blank */
    const char *description;  /* NULL: none */
    const char *client_token; /* NULL: none */
    const char *request_hash; /* with a token: any text equal for equal requests */
    bool encrypted;
    const char *key; /* ARN; NULL: the default key where encrypted */
    int64_t timeout_min;
    const struct sim_tags *tags;
};

/* StartSnapshot. A known client token returns the snapshot it began. *snapshot is borrowed.
 * Refusals: SNAPSHOT_NOT_FOUND, UNAUTHORIZED_ACCOUNT, INVALID_SNAPSHOT_ID (parent not completed),
 * INVALID_VOLUME_SIZE, INVALID_PARAMETER_VALUE, INVALID_CUSTOMER_KEY, ConflictException,
 * ServiceQuotaExceededException, InternalError (no pool). */
bool world_start_snapshot(struct world *world, const struct caller *caller,
                          const struct written_request *request, struct sim_snapshot **snapshot,
                          struct refusal *refusal);

/* PutSnapshotBlock: the last of two writes of a block counts.
 * Refusals: SNAPSHOT_NOT_FOUND, UNAUTHORIZED_ACCOUNT, INVALID_SNAPSHOT_ID (not being written),
 * INVALID_BLOCK, InternalError. */
bool world_put_block(struct world *world, const struct caller *caller, const char *snapshot_id,
                     int64_t block, const uint8_t bytes[SIM_BLOCK_BYTES], struct refusal *refusal);

/* What a client says that it wrote. */
struct written_claim {
    int64_t block_count;
    const char *checksum; /* base64 of the digest of all blocks' digests; NULL: not said */
};

/* CompleteSnapshot; it completes some seconds later. Refusals: as above, and
 * INVALID_PARAMETER_VALUE where the claim is wrong. */
bool world_complete_snapshot(struct world *world, const struct caller *caller,
                             const char *snapshot_id, const struct written_claim *claim,
                             struct refusal *refusal);

#endif
