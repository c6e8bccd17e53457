#include <stdio.h>
#include <string.h>

#include "tests/sim/physics.h"
#include "tests/sim/world_inner.h"
#include "tests/sim/world_quota.h"

#define COPY_LIMIT   20 /* in flight to one region, per account */
#define INVISIBLE_MS (2 * MS_PER_MINUTE)

/* What CopySnapshot works out before anything is made. */
struct copy_plan {
    const struct sim_snapshot *source;
    const char *key_arn;   /* NULL: the copy is not encrypted */
    const char *late_fail; /* what goes wrong after the call was accepted; NULL: nothing */
};

static bool check_shape(const struct copy_request *request, struct refusal *refusal)
{
    int64_t minutes = request->completion_duration_min;
    if (!world_region_exists(request->source_region)) {
        return refuse(refusal, "InvalidParameterValue", "Invalid value '%.60s' for source-region",
                      request->source_region);
    }
    if (request->key != NULL && !request->encrypted) {
        return refuse(refusal, "InvalidParameterCombination",
                      "KmsKeyId requires the parameter Encrypted to be true");
    }
    if (minutes != 0 && (minutes < 15 || minutes > 2880 || minutes % 15 != 0)) {
        return refuse(refusal, "InvalidParameterValue",
                      "CompletionDurationMinutes must be a multiple of 15 from 15 to 2880");
    }
    return true;
}

static bool check_limit(const struct world *world, const struct caller *caller,
                        struct refusal *refusal)
{
    int running = 0;
    for (size_t i = 0; i < world->snapshot_count; i++) {
        const struct sim_snapshot *copy = world->snapshots[i];
        if (copy->is_copy && !copy->inner->gone && world->now_ms < copy->ends_ms &&
            strcmp(copy->account, caller->account) == 0 &&
            strcmp(copy->region, caller->region) == 0)
            running++;
    }
    if (running >= COPY_LIMIT) {
        return refuse(refusal, "ResourceLimitExceeded",
                      "Too many snapshot copies in progress to this region. Limit is %d.",
                      COPY_LIMIT);
    }
    return true;
}

static bool find_source(struct world *world, const struct caller *caller,
                        const struct copy_request *request, struct copy_plan *plan,
                        struct refusal *refusal)
{
    struct caller there = *caller;
    world_text(there.region, sizeof(there.region), request->source_region);
    plan->source = world_snapshot(world, &there, request->source_id, refusal);
    if (plan->source == NULL)
        return false;
    if (world_snapshot_completion_ms(world, plan->source) == 0) {
        return refuse(refusal, "IncorrectState", "Snapshot is in invalid state - %s",
                      world_snapshot_status(world, plan->source));
    }
    if (plan->source->encrypted && request->presigned == PRESIGNED_ABSENT) {
        return refuse(refusal, "MissingParameter",
                      "The request must contain the parameter PresignedUrl");
    }
    return true;
}

static const char no_access[] = "Given key ID is not accessible";

/* That one call takes an encrypted snapshot of another account into another region is not
 * documented, so it does not work here. */
static bool can_read(struct world *world, const struct caller *there, const struct caller *here,
                     const struct sim_snapshot *source)
{
    bool own = strcmp(source->account, here->account) == 0;
    bool near = strcmp(there->region, here->region) == 0;
    return (own || near) &&
           world_key_serves(world, there, world_key(world, there, source->key_arn), KEY_USE_READ);
}

/* The outcome table of the EBS user guide. Keys and signatures are judged after the answer. */
static void plan_encryption(struct world *world, const struct caller *caller,
                            const struct copy_request *request, struct copy_plan *plan)
{
    struct caller there = *caller;
    world_text(there.region, sizeof(there.region), request->source_region);
    if (request->presigned == PRESIGNED_INVALID)
        plan->late_fail = "The presigned URL is not valid";
    if (plan->source->encrypted && !can_read(world, &there, caller, plan->source))
        plan->late_fail = no_access;
    if (!plan->source->encrypted && !request->encrypted)
        return;
    const char *name = request->key == NULL ? "alias/aws/ebs" : request->key;
    const struct sim_key *key = world_key(world, caller, name);
    if (!world_key_serves(world, caller, key, KEY_USE_WRITE))
        plan->late_fail = no_access;
    plan->key_arn = key == NULL ? name : key->arn;
}

static struct copy_track *find_track(struct world *world, const struct caller *caller,
                                     int64_t lineage)
{
    for (size_t i = 0; i < world->track_count; i++) {
        struct copy_track *track = &world->tracks[i];
        if (track->lineage == lineage && strcmp(track->account, caller->account) == 0 &&
            strcmp(track->region, caller->region) == 0)
            return track;
    }
    world->tracks = world_grow(world->tracks, world->track_count, sizeof(*world->tracks));
    struct copy_track *track = &world->tracks[world->track_count++];
    track->lineage = lineage;
    world_text(track->account, sizeof(track->account), caller->account);
    world_text(track->region, sizeof(track->region), caller->region);
    return track;
}

/* The EBS user guide asks for one key, or none, of all copies of the lineage in a place. */
static bool is_other_key_there(const struct world *world, const struct copy_track *track,
                               const struct sim_snapshot *copy)
{
    for (size_t i = 0; i < world->snapshot_count; i++) {
        const struct sim_snapshot *other = world->snapshots[i];
        bool stands =
            other->is_copy && !other->inner->gone && !other->inner->doomed && !other->fails;
        if (stands && other->inner->lineage == track->lineage &&
            strcmp(other->account, track->account) == 0 &&
            strcmp(other->region, track->region) == 0 && strcmp(other->key_arn, copy->key_arn) != 0)
            return true;
    }
    return false;
}

/* What the copy can build on, or NULL: it moves everything. */
static const struct sim_snapshot *increment_base(struct world *world,
                                                 const struct copy_track *track,
                                                 const struct sim_snapshot *source,
                                                 const struct sim_snapshot *copy)
{
    bool same_place =
        strcmp(source->account, copy->account) == 0 && strcmp(source->region, copy->region) == 0;
    const struct sim_snapshot *base =
        same_place ? source : world_find_snapshot(world, track->newest_id);
    if (base == NULL || base->inner->doomed || strcmp(base->key_arn, copy->key_arn) != 0)
        return NULL;
    return same_place || !is_other_key_there(world, track, copy) ? base : NULL;
}

static int64_t count_moved(const struct sim_snapshot *base, const struct sim_snapshot *copy)
{
    CLEANUP_BLOCK_SET struct block_set blocks = {0};
    if (base == NULL) {
        world_cut_written(copy->inner->cut, &blocks);
    } else {
        world_cut_between(base->inner->cut, copy->inner->cut, &blocks);
    }
    return block_set_count(&blocks) * SIM_BLOCK_BYTES;
}

uint64_t world_copy_path(const struct world *world, const struct caller *caller, int64_t lineage)
{
    uint64_t key = dice_hash(world->seed ^ 21, (uint64_t)lineage);
    return dice_hash_text(dice_hash_text(key, caller->account), caller->region);
}

/* With less of the quota than it needs a copy takes longer than was asked for. */
static int64_t timed_ms(const struct world *world, const struct copy_request *request,
                        const struct caller *caller, struct sim_snapshot *copy, struct dice dice)
{
    int64_t bytes = copy->inner->moved_bytes;
    int64_t rate = world_timed_rate(world, caller, request, bytes);
    int64_t own_ms = physics_timed_copy_ms(bytes, request->completion_duration_min, dice);
    int64_t least_ms = (int64_t)((double)bytes / (double)rate * 1000);
    copy->inner->timed_bytes_per_s = rate;
    bool enough = least_ms <= request->completion_duration_min * MS_PER_MINUTE;
    return enough ? own_ms : least_ms;
}

/* A second copy of a lineage waits behind the running one. */
static void time_copy(struct world *world, const struct copy_request *request,
                      const struct caller *caller, struct copy_track *track,
                      struct sim_snapshot *copy)
{
    int64_t begin_ms = world->now_ms > track->busy_until_ms ? world->now_ms : track->busy_until_ms;
    struct transfer transfer = {.pace = &world->nature.pace,
                                .path_key = world_copy_path(world, caller, track->lineage),
                                .start_ms = begin_ms,
                                .bytes = copy->inner->moved_bytes,
                                .is_copy = true};
    struct dice dice = world_luck(world, transfer.path_key, begin_ms);
    int64_t took_ms = request->completion_duration_min == 0
                          ? physics_transfer_ms(&transfer, dice)
                          : timed_ms(world, request, caller, copy, dice);
    copy->completion_duration_min = request->completion_duration_min;
    copy->ends_ms = begin_ms + took_ms;
    track->busy_until_ms = copy->ends_ms;
}

static void fail_copy(struct world *world, struct sim_snapshot *copy, const char *reason)
{
    struct dice dice = world_birth(world);
    double part = 0.1 + 0.5 * dice_uniform(&dice);
    copy->fails = true;
    copy->ends_ms = copy->started_ms + (int64_t)(part * (double)(copy->ends_ms - copy->started_ms));
    world_text(copy->status_message, sizeof(copy->status_message), reason);
}

static struct sim_snapshot *record(struct world *world, const struct caller *caller,
                                   const struct copy_request *request, const struct copy_plan *plan)
{
    const struct sim_snapshot *source = plan->source;
    struct sim_snapshot *copy = world_add_snapshot(world);
    copy->is_copy = true;
    world_text(copy->inner->from_region, sizeof(copy->inner->from_region), source->region);
    world_text(copy->volume_id, sizeof(copy->volume_id), "vol-ffffffff");
    world_text(copy->account, sizeof(copy->account), caller->account);
    world_text(copy->region, sizeof(copy->region), caller->region);
    copy->volume_size_gib = source->volume_size_gib;
    copy->full_size_bytes = source->full_size_bytes;
    copy->inner->cut = source->inner->cut;
    copy->inner->cut_id = source->inner->cut_id;
    copy->inner->lineage = source->inner->lineage;
    if (plan->key_arn != NULL)
        world_encrypt_snapshot(world, copy, plan->key_arn);
    if (request->description != NULL) {
        world_text(copy->description, sizeof(copy->description), request->description);
    } else {
        (void)snprintf(copy->description, sizeof(copy->description), "[Copied %s from %s]",
                       source->id, source->region);
    }
    tags_merge(&copy->tags, request->tags);
    return copy;
}

bool world_copy_snapshot(struct world *world, const struct caller *caller,
                         const struct copy_request *request, struct sim_snapshot **snapshot,
                         struct refusal *refusal)
{
    struct copy_plan plan = {0};
    if (!check_shape(request, refusal) || !find_source(world, caller, request, &plan, refusal) ||
        !check_limit(world, caller, refusal) ||
        !world_quota_fits_snapshots(world, caller, 1, refusal) ||
        !world_check_timed(world, caller, request, refusal))
        return false;
    plan_encryption(world, caller, request, &plan);

    struct sim_snapshot *copy = record(world, caller, request, &plan);
    struct copy_track *track = find_track(world, caller, copy->inner->lineage);
    copy->inner->moved_bytes = count_moved(increment_base(world, track, plan.source, copy), copy);
    time_copy(world, request, caller, track, copy);
    if (plan.late_fail == NULL && world_is_struck(world, FAULT_COPY_ERROR))
        plan.late_fail = "Snapshot copy failed due to an internal error";
    if (plan.late_fail != NULL) {
        fail_copy(world, copy, plan.late_fail);
        track->busy_until_ms = copy->ends_ms;
    } else {
        world_text(track->newest_id, sizeof(track->newest_id), copy->id);
    }
    if (world_is_struck(world, FAULT_INVISIBLE))
        copy->visible_ms = world->now_ms + INVISIBLE_MS;
    world->dirty = true;
    *snapshot = copy;
    return true;
}
