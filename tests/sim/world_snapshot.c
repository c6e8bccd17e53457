#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/physics.h"
#include "tests/sim/world_inner.h"
#include "tests/sim/world_quota.h"

#define SPACING_MS   (15 * MS_PER_SECOND)
#define INVISIBLE_MS (2 * MS_PER_MINUTE)

struct sim_snapshot *world_add_snapshot(struct world *world)
{
    struct sim_snapshot *snapshot = calloc(1, sizeof(*snapshot));
    assert(snapshot != NULL);
    snapshot->inner = calloc(1, sizeof(*snapshot->inner));
    assert(snapshot->inner != NULL);
    world_new_id(world, "snap-", snapshot->id);
    snapshot->started_ms = world->now_ms;
    world->snapshots =
        world_grow(world->snapshots, world->snapshot_count, sizeof(struct sim_snapshot *));
    world->snapshots[world->snapshot_count++] = snapshot;
    return snapshot;
}

void world_free_snapshot(struct sim_snapshot *snapshot)
{
    tags_done(&snapshot->tags);
    free(snapshot->shared_with);
    free(snapshot->inner);
    free(snapshot);
}

const char *world_snapshot_status(struct world *world, const struct sim_snapshot *snapshot)
{
    if (world->now_ms < snapshot->ends_ms)
        return "pending";
    return snapshot->fails ? "error" : "completed";
}

int64_t world_snapshot_completion_ms(struct world *world, const struct sim_snapshot *snapshot)
{
    return snapshot->fails || world->now_ms < snapshot->ends_ms ? 0 : snapshot->ends_ms;
}

const char *world_snapshot_progress(struct world *world, const struct sim_snapshot *snapshot,
                                    char text[8])
{
    int64_t passed_ms = world->now_ms - snapshot->started_ms;
    int64_t whole_ms = snapshot->ends_ms - snapshot->started_ms;
    double done = whole_ms <= 0 ? 1 : (double)passed_ms / (double)whole_ms;
    int percent = 100;
    if (done < 1 || snapshot->fails)
        percent = physics_progress(dice_hash_text(world->seed, snapshot->id), done);
    text[0] = '\0';
    if (percent >= 0)
        (void)snprintf(text, 8, "%u%%", (unsigned char)percent);
    return text;
}

static bool is_shared_with(const struct sim_snapshot *snapshot, const char *account)
{
    for (size_t i = 0; i < snapshot->shared_count; i++) {
        if (strcmp(snapshot->shared_with[i], account) == 0)
            return true;
    }
    return snapshot->shared_with_all;
}

static bool may_see(const struct world *world, const struct caller *caller,
                    const struct sim_snapshot *snapshot)
{
    return !snapshot->inner->gone && snapshot->visible_ms <= world->now_ms &&
           strcmp(snapshot->region, caller->region) == 0 &&
           (strcmp(snapshot->account, caller->account) == 0 ||
            is_shared_with(snapshot, caller->account));
}

struct sim_snapshot *world_find_snapshot(struct world *world, const char *id)
{
    for (size_t i = 0; i < world->snapshot_count; i++) {
        if (!world->snapshots[i]->inner->gone && strcmp(world->snapshots[i]->id, id) == 0)
            return world->snapshots[i];
    }
    return NULL;
}

struct sim_snapshot *world_snapshot(struct world *world, const struct caller *caller,
                                    const char *id, struct refusal *refusal)
{
    struct sim_snapshot *snapshot = world_find_snapshot(world, id);
    if (snapshot != NULL && may_see(world, caller, snapshot))
        return snapshot;
    (void)refuse(refusal, "InvalidSnapshot.NotFound", "The snapshot '%.60s' does not exist.", id);
    return NULL;
}

struct sim_snapshot *world_next_snapshot(struct world *world, const struct caller *caller,
                                         size_t *cursor)
{
    while (*cursor < world->snapshot_count) {
        struct sim_snapshot *snapshot = world->snapshots[(*cursor)++];
        if (may_see(world, caller, snapshot))
            return snapshot;
    }
    return NULL;
}

/* Pending ones count, deleted or not; failed ones count until they are deleted. */
static int count_pending(const struct world *world, const struct sim_volume *volume)
{
    int count = 0;
    for (size_t i = 0; i < world->snapshot_count; i++) {
        const struct sim_snapshot *snapshot = world->snapshots[i];
        bool busy = world->now_ms < snapshot->ends_ms || snapshot->fails;
        if (!snapshot->inner->gone && busy && strcmp(snapshot->volume_id, volume->id) == 0)
            count++;
    }
    return count;
}

static bool check_volume(struct world *world, const struct sim_volume *volume,
                         struct refusal *refusal)
{
    bool slow_disk = strcmp(volume->type, "st1") == 0 || strcmp(volume->type, "sc1") == 0;
    if (world->now_ms < volume->available_ms)
        return refuse(refusal, "IncorrectState", "The volume '%s' is 'creating'", volume->id);
    if (volume->inner->snapshots_made > 0 &&
        world->now_ms - volume->inner->last_snapshot_ms < SPACING_MS) {
        return refuse(refusal, "SnapshotCreationPerVolumeRateExceeded",
                      "The maximum per volume CreateSnapshot request rate has been exceeded. Use "
                      "an increasing or variable sleep interval between requests.");
    }
    if (count_pending(world, volume) >= (slow_disk ? 1 : 5)) {
        return refuse(refusal, "ConcurrentSnapshotLimitExceeded",
                      "Maximum allowed in-progress snapshots for a single volume exceeded.");
    }
    return true;
}

/* The newest snapshot that this volume's next one can build on, or NULL: it will be full. */
static const struct cut *increment_base(const struct world *world, const struct sim_volume *volume,
                                        const struct cut *newest)
{
    for (const struct cut *cut = newest; cut != NULL; cut = cut->parent) {
        for (size_t i = 0; i < world->snapshot_count; i++) {
            const struct sim_snapshot *snapshot = world->snapshots[i];
            if (snapshot->inner->cut == cut && !snapshot->inner->gone && !snapshot->fails &&
                !snapshot->inner->doomed && snapshot->inner->lineage == volume->inner->lineage &&
                strcmp(snapshot->account, volume->account) == 0 &&
                strcmp(snapshot->region, volume->region) == 0)
                return cut;
        }
    }
    return NULL;
}

static int64_t bytes_between(const struct cut *base, const struct cut *cut)
{
    CLEANUP_BLOCK_SET struct block_set blocks = {0};
    world_cut_between(base, cut, &blocks);
    return block_set_count(&blocks) * SIM_BLOCK_BYTES;
}

/* Kept with the volume, as climbing a long history for every snapshot would cost too much. */
static int64_t bytes_written(struct volume_inner *inner, const struct cut *cut)
{
    if (inner->written.word_count == 0) {
        world_cut_written(cut, &inner->written);
    } else {
        block_set_unite(&inner->written, &cut->changed);
    }
    return block_set_count(&inner->written) * SIM_BLOCK_BYTES;
}

void world_encrypt_snapshot(struct world *world, struct sim_snapshot *snapshot, const char *key_arn)
{
    char hex[33];
    struct dice dice = {
        dice_hash_text(dice_hash(world->seed, (uint64_t)snapshot->inner->lineage), key_arn)};
    snapshot->encrypted = true;
    world_text(snapshot->key_arn, sizeof(snapshot->key_arn), key_arn);
    dice_hex(&dice, hex, sizeof(hex));
    (void)snprintf(snapshot->data_key_id, sizeof(snapshot->data_key_id),
                   "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
    for (size_t i = 0; i < world->key_count; i++) {
        if (strcmp(world->keys[i].arn, key_arn) == 0)
            snapshot->inner->managed_key = world->keys[i].aws_managed;
    }
}

static struct sim_snapshot *record(struct world *world, const struct sim_volume *volume,
                                   struct cut *cut)
{
    struct sim_snapshot *snapshot = world_add_snapshot(world);
    world_text(snapshot->volume_id, sizeof(snapshot->volume_id), volume->id);
    world_text(snapshot->account, sizeof(snapshot->account), volume->account);
    world_text(snapshot->region, sizeof(snapshot->region), volume->region);
    snapshot->volume_size_gib = volume->size_gib;
    snapshot->ends_ms = INT64_MAX;
    snapshot->inner->cut = cut;
    snapshot->inner->cut_id = cut->id;
    snapshot->inner->lineage = volume->inner->lineage;
    snapshot->inner->unsettled = true;
    if (volume->encrypted)
        world_encrypt_snapshot(world, snapshot, volume->key_arn);
    return snapshot;
}

void world_record_set(struct world *world, struct sim_volume *const *volumes,
                      struct cut *const *cuts, struct sim_snapshot **snapshots, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        snapshots[i] = record(world, volumes[i], cuts[i]);
        snapshots[i]->inner->set_id = cuts[0]->id;
        volumes[i]->inner->snapshots_made++;
        volumes[i]->inner->last_snapshot_ms = snapshots[i]->started_ms;
    }
    if (world_is_struck(world, FAULT_SNAPSHOT_ERROR) ||
        world_is_struck(world, FAULT_MEMBER_ERROR)) {
        size_t doomed = world_is_struck(world, FAULT_SNAPSHOT_ERROR) ? count : 1;
        for (size_t i = 0; i < doomed; i++)
            snapshots[i]->inner->will_fail = true;
    }
    if (world_is_struck(world, FAULT_INVISIBLE)) {
        for (size_t i = 0; i < count; i++)
            snapshots[i]->visible_ms = world->now_ms + INVISIBLE_MS;
    }
    world->dirty = true;
}

uint64_t world_snapshot_path(const struct world *world, const struct sim_volume *volume)
{
    return dice_hash_text(world->seed, volume->id);
}

/* One volume's transfers run one after the other, so the later waits for the earlier. */
static int64_t time_transfer(struct world *world, struct sim_volume *volume,
                             const struct sim_snapshot *snapshot)
{
    struct volume_inner *inner = volume->inner;
    int64_t begin_ms = snapshot->started_ms;
    if (inner->transfer_free_ms > begin_ms)
        begin_ms = inner->transfer_free_ms;
    struct transfer transfer = {
        .pace = &world->nature.pace,
        .path_key = world_snapshot_path(world, volume),
        .start_ms = begin_ms,
        .bytes = snapshot->inner->moved_bytes,
        .calm = world->seeded && snapshot->inner->cut->parent == NULL,
    };
    struct dice dice = world_luck(world, transfer.path_key, begin_ms);
    int64_t took_ms = physics_transfer_ms(&transfer, dice);
    inner->transfer_free_ms = begin_ms + took_ms;
    int64_t end_ms = inner->transfer_free_ms;
    return end_ms > inner->last_end_ms ? end_ms : inner->last_end_ms + 1;
}

static void fail_members(struct world *world, struct sim_snapshot *const *snapshots, size_t count)
{
    struct dice dice = world_birth(world);
    double part = 0.2 + 0.6 * dice_uniform(&dice);
    for (size_t i = 0; i < count; i++) {
        if (!snapshots[i]->inner->will_fail)
            continue;
        int64_t whole_ms = snapshots[i]->ends_ms - snapshots[i]->started_ms;
        snapshots[i]->fails = true;
        snapshots[i]->ends_ms = snapshots[i]->started_ms + (int64_t)(part * (double)whole_ms);
        world_text(snapshots[i]->status_message, sizeof(snapshots[i]->status_message),
                   "Snapshot creation failed due to an internal error");
    }
}

static int64_t measure(struct world *world, const struct sim_volume *volume,
                       struct sim_snapshot *snapshot)
{
    const struct cut *cut = snapshot->inner->cut;
    const struct cut *base = increment_base(world, volume, cut->parent);
    snapshot->full_size_bytes = bytes_written(volume->inner, cut);
    return base == NULL ? snapshot->full_size_bytes : bytes_between(base, cut);
}

static bool is_any_doomed(struct sim_snapshot *const *snapshots, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (snapshots[i]->inner->will_fail)
            return true;
    }
    return false;
}

/* A set completes when its slowest member does, all at once. It fails as a whole, or one member alone
 * where a test says so. */
void world_time_set(struct world *world, struct sim_volume *const *volumes,
                    struct sim_snapshot *const *snapshots, size_t count)
{
    int64_t end_ms = 0;
    for (size_t i = 0; i < count; i++) {
        snapshots[i]->inner->moved_bytes = measure(world, volumes[i], snapshots[i]);
        int64_t own_end_ms = time_transfer(world, volumes[i], snapshots[i]);
        end_ms = own_end_ms > end_ms ? own_end_ms : end_ms;
    }
    for (size_t i = 0; i < count; i++) {
        snapshots[i]->ends_ms = end_ms;
        snapshots[i]->inner->unsettled = false;
        volumes[i]->inner->last_end_ms = end_ms;
    }
    if (is_any_doomed(snapshots, count))
        fail_members(world, snapshots, count);
    world->dirty = true;
}

static struct sim_volume *volume_of(const struct world *world, const struct sim_snapshot *snapshot)
{
    size_t i = 0;
    while (strcmp(world->volumes[i]->id, snapshot->volume_id) != 0)
        i++;
    return world->volumes[i];
}

static void settle_set(struct world *world, size_t first)
{
    struct sim_volume *volumes[SIM_SET_MAX];
    struct sim_snapshot *members[SIM_SET_MAX];
    struct cut *cuts[SIM_SET_MAX];
    struct error err;
    size_t count = 0;
    for (size_t i = first; i < world->snapshot_count; i++) {
        struct sim_snapshot *snapshot = world->snapshots[i];
        if (snapshot->inner->set_id != world->snapshots[first]->inner->set_id || snapshot->is_copy)
            continue;
        members[count] = snapshot;
        cuts[count] = snapshot->inner->cut;
        volumes[count++] = volume_of(world, snapshot);
    }
    assert(count > 0);
    enum error_code code =
        world_finish_cuts(world, volumes, cuts, count, members[0]->started_ms, &err);
    world_time_set(world, volumes, members, count);
    if (code != ERR_NONE) {
        (void)fprintf(stderr, "cloudsim: %s\n", err.message);
        for (size_t i = 0; i < count; i++)
            members[i]->inner->will_fail = true;
        fail_members(world, members, count);
    }
}

/* Comparing and timing take longer than a call may, so they follow it: at the next request, or when
 * the house is kept. */
void world_settle_snapshots(struct world *world)
{
    size_t i = world->snapshot_count;
    while (i > 0 && world->snapshots[i - 1]->inner->unsettled)
        i--;
    for (; i < world->snapshot_count; i++) {
        if (world->snapshots[i]->inner->unsettled)
            settle_set(world, i);
    }
}

/* Without bytes there is nothing slow to do. */
static void record_now(struct world *world, struct sim_volume *const *volumes,
                       struct cut *const *cuts, struct sim_snapshot **snapshots, size_t count)
{
    world_record_set(world, volumes, cuts, snapshots, count);
    if (world->pool == NULL)
        world_settle_snapshots(world);
}

static void describe(struct sim_snapshot *snapshot, const char *description,
                     const struct sim_tags *tags)
{
    if (description != NULL)
        world_text(snapshot->description, sizeof(snapshot->description), description);
    tags_merge(&snapshot->tags, tags);
}

struct sim_snapshot *world_snap_unasked(struct world *world, struct sim_volume *volume)
{
    struct sim_snapshot *snapshot;
    struct refusal refusal;
    struct cut *cut;
    if (!world_take_cuts(world, &volume, &cut, 1, &refusal))
        return NULL;
    record_now(world, &volume, &cut, &snapshot, 1);
    return snapshot;
}

bool world_create_snapshot(struct world *world, const struct caller *caller,
                           const struct snapshot_request *request, struct sim_snapshot **snapshot,
                           struct refusal *refusal)
{
    struct sim_volume *volume = world_volume(world, caller, request->volume_id, refusal);
    struct cut *cut;
    if (volume == NULL || !check_volume(world, volume, refusal) ||
        !world_quota_fits_snapshots(world, caller, 1, refusal) ||
        !world_take_cuts(world, &volume, &cut, 1, refusal))
        return false;
    record_now(world, &volume, &cut, snapshot, 1);
    describe(*snapshot, request->description, request->tags);
    return true;
}

static bool is_excluded(const struct set_request *request, const char *id)
{
    for (size_t i = 0; i < request->exclude_count; i++) {
        if (strcmp(request->exclude_ids[i], id) == 0)
            return true;
    }
    return false;
}

static bool is_boot(const struct sim_instance *instance, const struct sim_volume *volume)
{
    return strcmp(volume->device, instance->root_device) == 0;
}

/* Collects the members; the boot volume may only be left out by exclude_boot. */
static bool find_members(struct world *world, const struct caller *caller,
                         const struct set_request *request, struct sim_volume *members[SIM_SET_MAX],
                         size_t *count, struct refusal *refusal)
{
    const struct sim_instance *instance = world_find_instance(world, caller, request->instance_id);
    struct sim_volume *volume;
    size_t cursor = 0;
    *count = 0;
    if (instance == NULL) {
        return refuse(refusal, "InvalidInstanceID.NotFound",
                      "The instance ID '%.60s' does not exist", request->instance_id);
    }
    while ((volume = world_next_volume(world, caller, &cursor)) != NULL) {
        bool boot = is_boot(instance, volume);
        if (volume->attachment == ATTACHMENT_NONE || strcmp(volume->instance_id, instance->id) != 0)
            continue;
        if (boot && is_excluded(request, volume->id)) {
            return refuse(refusal, "InvalidParameterValue",
                          "The boot volume '%s' can only be left out by ExcludeBootVolume",
                          volume->id);
        }
        if ((boot && request->exclude_boot) || is_excluded(request, volume->id))
            continue;
        if (*count == SIM_SET_MAX)
            return refuse(refusal, "InvalidParameterValue", "More than %d volumes", SIM_SET_MAX);
        members[(*count)++] = volume;
    }
    if (*count == 0) {
        return refuse(refusal, "InvalidParameterValue",
                      "The instance '%s' has no volume to take a snapshot of", instance->id);
    }
    return true;
}

bool world_create_snapshot_set(struct world *world, const struct caller *caller,
                               const struct set_request *request,
                               struct sim_snapshot *snapshots[SIM_SET_MAX], size_t *count,
                               struct refusal *refusal)
{
    struct sim_volume *members[SIM_SET_MAX];
    struct cut *cuts[SIM_SET_MAX];
    size_t found = 0;
    if (!find_members(world, caller, request, members, &found, refusal))
        return false;
    for (size_t i = 0; i < found; i++) {
        if (!check_volume(world, members[i], refusal))
            return false;
    }
    if (!world_quota_fits_snapshots(world, caller, found, refusal))
        return false;
    if (!world_take_cuts(world, members, cuts, found, refusal))
        return false;
    record_now(world, members, cuts, snapshots, found);
    for (size_t i = 0; i < found; i++) {
        if (request->copy_volume_tags)
            tags_merge(&snapshots[i]->tags, &members[i]->tags);
        describe(snapshots[i], request->description, request->tags);
    }
    *count = found;
    return true;
}

void world_forget_snapshot(struct world *world, struct sim_snapshot *snapshot)
{
    snapshot->inner->gone = true;
    world_drop_unused_bytes(world, snapshot->inner->cut);
    world->dirty = true;
}

bool world_delete_snapshot(struct world *world, const struct caller *caller, const char *id,
                           struct refusal *refusal)
{
    struct sim_snapshot *snapshot = world_snapshot(world, caller, id, refusal);
    if (snapshot == NULL)
        return false;
    if (strcmp(snapshot->account, caller->account) != 0) {
        return refuse(refusal, "UnauthorizedOperation",
                      "You are not authorized to perform this operation.");
    }
    if (world->now_ms < snapshot->ends_ms) {
        snapshot->inner->doomed = true;
    } else {
        world_forget_snapshot(world, snapshot);
    }
    world->dirty = true;
    return true;
}

/* One that is being written fails if it is not completed in time. */
static void give_up_writing(struct world *world, struct sim_snapshot *snapshot)
{
    snapshot->inner->open = false;
    snapshot->fails = true;
    snapshot->ends_ms = snapshot->inner->write_limit_ms;
    world_text(snapshot->status_message, sizeof(snapshot->status_message),
               "The snapshot was not completed in time");
    world->dirty = true;
}

void world_advance_snapshots(struct world *world)
{
    for (size_t i = 0; i < world->snapshot_count; i++) {
        struct sim_snapshot *snapshot = world->snapshots[i];
        if (snapshot->inner->open && snapshot->inner->write_limit_ms <= world->now_ms)
            give_up_writing(world, snapshot);
        if (snapshot->inner->doomed && !snapshot->inner->gone && snapshot->ends_ms <= world->now_ms)
            world_forget_snapshot(world, snapshot);
    }
}

static void give(struct sim_snapshot *snapshot, const char *account)
{
    if (is_shared_with(snapshot, account))
        return;
    snapshot->shared_with =
        world_grow(snapshot->shared_with, snapshot->shared_count, sizeof(*snapshot->shared_with));
    world_text(snapshot->shared_with[snapshot->shared_count++], SIM_ACCOUNT_SIZE, account);
}

static void take_back(struct sim_snapshot *snapshot, const char *account)
{
    size_t kept = 0;
    for (size_t i = 0; i < snapshot->shared_count; i++) {
        if (strcmp(snapshot->shared_with[i], account) != 0)
            memmove(snapshot->shared_with[kept++], snapshot->shared_with[i], SIM_ACCOUNT_SIZE);
    }
    snapshot->shared_count = kept;
}

bool world_share_snapshot(struct world *world, const struct caller *caller, const char *id,
                          const char *account, bool shared, struct refusal *refusal)
{
    struct sim_snapshot *snapshot = world_snapshot(world, caller, id, refusal);
    bool all = strcmp(account, "all") == 0;
    if (snapshot == NULL)
        return false;
    if (strcmp(snapshot->account, caller->account) != 0) {
        return refuse(refusal, "UnauthorizedOperation",
                      "You are not authorized to perform this operation.");
    }
    if (shared && all && snapshot->encrypted)
        return refuse(refusal, "OperationNotPermitted", "Encrypted snapshots cannot be public");
    if (shared && snapshot->inner->managed_key) {
        return refuse(refusal, "OperationNotPermitted",
                      "Encrypted snapshots with EBS default key cannot be shared");
    }
    if (all) {
        snapshot->shared_with_all = shared;
    } else if (shared) {
        give(snapshot, account);
    } else {
        take_back(snapshot, account);
    }
    world->dirty = true;
    return true;
}

int64_t world_snapshot_moved_bytes(const struct sim_snapshot *snapshot)
{
    return snapshot->inner->moved_bytes;
}
