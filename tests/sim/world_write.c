#include "tests/sim/world_write.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_digest.h"
#include "tests/sim/world_inner.h"

#define BEING_WRITTEN_MAX 100 /* per account and region */
#define BLOCKS_PER_GIB    2048

/* ---- StartSnapshot ---- */

static struct sim_snapshot *by_token(const struct world *world, const struct caller *caller,
                                     const char *token)
{
    for (size_t i = 0; token != NULL && i < world->snapshot_count; i++) {
        struct sim_snapshot *snapshot = world->snapshots[i];
        if (strcmp(snapshot->inner->client_token, token) == 0 &&
            strcmp(snapshot->account, caller->account) == 0 &&
            strcmp(snapshot->region, caller->region) == 0)
            return snapshot;
    }
    return NULL;
}

static bool check_room(const struct world *world, const struct caller *caller,
                       struct refusal *refusal)
{
    int open = 0;
    for (size_t i = 0; i < world->snapshot_count; i++) {
        const struct sim_snapshot *snapshot = world->snapshots[i];
        open += snapshot->inner->open && !snapshot->inner->gone &&
                strcmp(snapshot->account, caller->account) == 0 &&
                strcmp(snapshot->region, caller->region) == 0;
    }
    if (open >= BEING_WRITTEN_MAX) {
        return refuse(refusal, "ServiceQuotaExceededException",
                      "You have reached the quota of pending snapshots");
    }
    return true;
}

static struct sim_snapshot *own_snapshot(struct world *world, const struct caller *caller,
                                         const char *id, struct refusal *refusal)
{
    struct sim_snapshot *snapshot = world_snapshot(world, caller, id, refusal);
    if (snapshot == NULL) {
        (void)refuse(refusal, "SNAPSHOT_NOT_FOUND", "The snapshot '%.60s' does not exist.", id);
        return NULL;
    }
    if (strcmp(snapshot->account, caller->account) == 0)
        return snapshot;
    (void)refuse(refusal, "UNAUTHORIZED_ACCOUNT", "The snapshot '%.60s' is not yours", id);
    return NULL;
}

/* The parent must be complete, and gives size and key. */
static bool check_parent(struct world *world, const struct written_request *request,
                         const struct sim_snapshot *parent, struct refusal *refusal)
{
    if (world_snapshot_completion_ms(world, parent) == 0) {
        return refuse(refusal, "INVALID_SNAPSHOT_ID", "The parent snapshot '%s' is not completed",
                      parent->id);
    }
    if (request->encrypted || request->key != NULL) {
        return refuse(refusal, "INVALID_PARAMETER_VALUE",
                      "Encrypted and KmsKeyArn come from the parent snapshot");
    }
    if (request->size_gib < parent->volume_size_gib) {
        return refuse(refusal, "INVALID_VOLUME_SIZE",
                      "The volume size is smaller than that of the parent snapshot");
    }
    return true;
}

/* *key stays NULL where nothing is encrypted. */
static bool find_key(struct world *world, const struct caller *caller,
                     const struct written_request *request, const struct sim_snapshot *parent,
                     const struct sim_key **key, struct refusal *refusal)
{
    bool encrypted = parent == NULL ? request->encrypted : parent->encrypted;
    const char *name = parent != NULL         ? parent->key_arn
                       : request->key == NULL ? "alias/aws/ebs"
                                              : request->key;
    if (request->key != NULL && !request->encrypted) {
        return refuse(refusal, "INVALID_PARAMETER_VALUE",
                      "KmsKeyArn requires the parameter Encrypted to be true");
    }
    if (!encrypted)
        return true;
    *key = world_key(world, caller, name);
    if (*key == NULL || !world_key_serves(world, caller, *key, KEY_USE_WRITE))
        return refuse(refusal, "INVALID_CUSTOMER_KEY", "The key '%.120s' cannot be used", name);
    return true;
}

static bool make_bytes(struct world *world, const struct cut *parent, struct cut *cut,
                       struct refusal *refusal)
{
    struct error err;
    int64_t parent_id = parent != NULL && parent->has_bytes ? parent->id : 0;
    if (pool_begin_cut(world->pool, parent_id, cut->id, cut->size_bytes, &err) != ERR_NONE)
        return refuse(refusal, "InternalError", "%.200s", err.message);
    cut->has_bytes = true;
    return true;
}

static struct sim_snapshot *record(struct world *world, const struct caller *caller,
                                   const struct written_request *request, struct cut *cut,
                                   const struct sim_snapshot *parent)
{
    struct sim_snapshot *snapshot = world_add_snapshot(world);
    struct snapshot_inner *inner = snapshot->inner;
    world_text(snapshot->volume_id, sizeof(snapshot->volume_id), "vol-ffffffff");
    world_text(snapshot->account, sizeof(snapshot->account), caller->account);
    world_text(snapshot->region, sizeof(snapshot->region), caller->region);
    snapshot->volume_size_gib = request->size_gib;
    snapshot->ends_ms = INT64_MAX;
    inner->cut = cut;
    inner->cut_id = cut->id;
    inner->lineage = parent == NULL ? ++world->lineages_made : parent->inner->lineage;
    inner->open = true;
    inner->write_limit_ms = world->now_ms + request->timeout_min * MS_PER_MINUTE;
    if (request->client_token != NULL) {
        world_text(inner->client_token, sizeof(inner->client_token), request->client_token);
        world_text(inner->request_hash, sizeof(inner->request_hash), request->request_hash);
    }
    if (request->description != NULL)
        world_text(snapshot->description, sizeof(snapshot->description), request->description);
    tags_merge(&snapshot->tags, request->tags);
    world->dirty = true;
    return snapshot;
}

bool world_start_snapshot(struct world *world, const struct caller *caller,
                          const struct written_request *request, struct sim_snapshot **snapshot,
                          struct refusal *refusal)
{
    struct sim_snapshot *known = by_token(world, caller, request->client_token);
    const struct sim_snapshot *parent = NULL;
    const struct sim_key *key = NULL;
    if (known != NULL) {
        *snapshot = known;
        return strcmp(known->inner->request_hash, request->request_hash) == 0 ||
               refuse(refusal, "ConflictException",
                      "The client token was used with other parameters");
    }
    if (world->pool == NULL)
        return refuse(refusal, "InternalError", "This machine has no place for the bytes");
    if (request->parent_id != NULL) {
        parent = own_snapshot(world, caller, request->parent_id, refusal);
        if (parent == NULL || !check_parent(world, request, parent, refusal))
            return false;
    }
    if (!find_key(world, caller, request, parent, &key, refusal) ||
        !check_room(world, caller, refusal))
        return false;
    struct cut *base = parent == NULL ? NULL : parent->inner->cut;
    struct cut *cut = world_add_cut(world, base, request->size_gib * GIB);
    if (!make_bytes(world, base, cut, refusal))
        return false;
    *snapshot = record(world, caller, request, cut, parent);
    if (key != NULL)
        world_encrypt_snapshot(world, *snapshot, key->arn);
    return true;
}

/* ---- PutSnapshotBlock and CompleteSnapshot ---- */

static struct sim_snapshot *open_snapshot(struct world *world, const struct caller *caller,
                                          const char *id, struct refusal *refusal)
{
    struct sim_snapshot *snapshot = own_snapshot(world, caller, id, refusal);
    if (snapshot == NULL || snapshot->inner->open)
        return snapshot;
    (void)refuse(refusal, "INVALID_SNAPSHOT_ID", "The snapshot '%s' is not being written", id);
    return NULL;
}

bool world_put_block(struct world *world, const struct caller *caller, const char *snapshot_id,
                     int64_t block, const uint8_t bytes[SIM_BLOCK_BYTES], struct refusal *refusal)
{
    struct sim_snapshot *snapshot = open_snapshot(world, caller, snapshot_id, refusal);
    struct error err;
    if (snapshot == NULL)
        return false;
    if (block < 0 || block >= snapshot->volume_size_gib * BLOCKS_PER_GIB)
        return refuse(refusal, "INVALID_BLOCK", "The block index is not valid");
    struct cut *cut = snapshot->inner->cut;
    if (pool_write(world->pool, cut->id, block * SIM_BLOCK_BYTES, bytes, (size_t)SIM_BLOCK_BYTES,
                   &err) != ERR_NONE)
        return refuse(refusal, "InternalError", "%.200s", err.message);
    block_set_add(&cut->changed, block);
    world_store_cut(world, cut);
    world->dirty = true;
    return true;
}

/* LINEAR: the digest of the raw digests of all blocks, by ascending index (as coldsnap of AWS does). */
static bool sum_blocks(struct world *world, const struct sim_snapshot *snapshot, char sum[48],
                       struct refusal *refusal)
{
    const struct block_set *changed = &snapshot->inner->cut->changed;
    size_t count = (size_t)block_set_count(changed);
    unsigned char *digests = calloc(count + 1, SIM_DIGEST_BYTES);
    uint8_t *bytes = malloc((size_t)SIM_BLOCK_BYTES);
    bool done = digests != NULL && bytes != NULL;
    size_t at = 0;
    for (int64_t block = block_set_next(changed, 0); done && block != BLOCK_NONE;
         block = block_set_next(changed, block + 1)) {
        done = world_read_block(world, snapshot, block, bytes, refusal);
        sim_digest(bytes, (size_t)SIM_BLOCK_BYTES, digests + SIM_DIGEST_BYTES * at++);
    }
    if (done) {
        unsigned char digest[SIM_DIGEST_BYTES];
        sim_digest(digests, SIM_DIGEST_BYTES * count, digest);
        sim_base64(digest, sizeof(digest), sum);
    }
    free(digests);
    free(bytes);
    return done;
}

static bool check_claim(struct world *world, const struct sim_snapshot *snapshot,
                        const struct written_claim *claim, struct refusal *refusal)
{
    char sum[48];
    if (claim->block_count != block_set_count(&snapshot->inner->cut->changed)) {
        return refuse(refusal, "INVALID_PARAMETER_VALUE",
                      "ChangedBlocksCount is not the number of blocks that were written");
    }
    if (claim->checksum == NULL)
        return true;
    if (!sum_blocks(world, snapshot, sum, refusal))
        return false;
    if (strcmp(sum, claim->checksum) != 0) {
        return refuse(refusal, "INVALID_PARAMETER_VALUE",
                      "The checksum is not that of the blocks that were written");
    }
    return true;
}

bool world_complete_snapshot(struct world *world, const struct caller *caller,
                             const char *snapshot_id, const struct written_claim *claim,
                             struct refusal *refusal)
{
    CLEANUP_BLOCK_SET struct block_set written = {0};
    struct sim_snapshot *snapshot = open_snapshot(world, caller, snapshot_id, refusal);
    if (snapshot == NULL || !check_claim(world, snapshot, claim, refusal))
        return false;
    struct snapshot_inner *inner = snapshot->inner;
    struct dice dice = world_birth(world);
    world_cut_written(inner->cut, &written);
    snapshot->full_size_bytes = block_set_count(&written) * SIM_BLOCK_BYTES;
    inner->moved_bytes = block_set_count(&inner->cut->changed) * SIM_BLOCK_BYTES;
    inner->open = false;
    snapshot->ends_ms =
        world->now_ms + (int64_t)((5 + 10 * dice_uniform(&dice)) * (double)MS_PER_SECOND);
    world->dirty = true;
    return true;
}
