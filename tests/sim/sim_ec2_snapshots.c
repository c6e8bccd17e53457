#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/sim_ec2.h"
#include "tests/sim/sim_listing.h"
#include "tests/sim/sim_xml_out.h"

#define EXCLUDE_MAX 40

static bool is_own(const struct sim_call *call, const struct sim_snapshot *snapshot)
{
    return strcmp(snapshot->account, call->caller.account) == 0;
}

/* Tags belong to the owner: an account a snapshot is shared with sees none. */
static const struct sim_tags *visible_tags(const struct sim_call *call,
                                           const struct sim_snapshot *snapshot)
{
    return is_own(call, snapshot) ? &snapshot->tags : NULL;
}

/* The fields that Snapshot and SnapshotInfo share; the state's element differs between the two. */
static void write_core(struct sim_call *call, const struct sim_snapshot *snapshot,
                       const char *state_element)
{
    struct strbuf *out = call->out;
    char progress[8];
    sim_xml_text(out, "snapshotId", snapshot->id);
    sim_xml_text(out, "volumeId", snapshot->volume_id);
    sim_xml_text(out, state_element, world_snapshot_status(call->world, snapshot));
    sim_xml_time(out, "startTime", snapshot->started_ms);
    sim_xml_text(out, "progress", world_snapshot_progress(call->world, snapshot, progress));
    sim_xml_text(out, "ownerId", snapshot->account);
    sim_xml_int(out, "volumeSize", snapshot->volume_size_gib);
    sim_xml_text(out, "description", snapshot->description);
    sim_xml_bool(out, "encrypted", snapshot->encrypted);
    sim_call_write_tags(call, visible_tags(call, snapshot));
}

/* The fields only DescribeSnapshots shows. */
static void write_rest(struct sim_call *call, const struct sim_snapshot *snapshot)
{
    struct strbuf *out = call->out;
    int64_t completed_ms = world_snapshot_completion_ms(call->world, snapshot);

    if (strcmp(world_snapshot_status(call->world, snapshot), "error") == 0)
        sim_xml_text_if(out, "statusMessage", snapshot->status_message);
    if (completed_ms > 0) {
        sim_xml_time(out, "completionTime", completed_ms);
        sim_xml_int(out, "fullSnapshotSizeInBytes", snapshot->full_size_bytes);
    }
    sim_xml_text_if(out, "kmsKeyId", snapshot->key_arn);
    sim_xml_text_if(out, "dataEncryptionKeyId", snapshot->data_key_id);
    sim_xml_text(out, "storageTier", "standard");
    if (!snapshot->is_copy)
        return;
    sim_xml_text(out, "transferType",
                 snapshot->completion_duration_min > 0 ? "time-based" : "standard");
    if (snapshot->completion_duration_min > 0)
        sim_xml_int(out, "completionDurationMinutes", snapshot->completion_duration_min);
}

bool sim_ec2_create_snapshot(struct sim_call *call)
{
    CLEANUP(tags_done) struct sim_tags tags = {0};
    struct sim_snapshot *snapshot;
    const char *volume_id;
    const char *description = sim_query_get(&call->query, "Description");

    if (!sim_call_need_id(call, SIM_ID_VOLUME, "VolumeId", &volume_id) ||
        !sim_call_tag_specifications(call, "snapshot", &tags) ||
        world_volume(call->world, &call->caller, volume_id, &call->refusal) == NULL ||
        !sim_call_ready(call) ||
        !world_create_snapshot(call->world, &call->caller,
                               &(struct snapshot_request){volume_id, description, &tags}, &snapshot,
                               &call->refusal))
        return false;
    write_core(call, snapshot, "status");
    return true;
}

/* Reads InstanceSpecification and the rest; the ids borrow from the query. */
static bool read_set(struct sim_call *call, struct set_request *set,
                     const char *exclude[EXCLUDE_MAX])
{
    const char *list = "InstanceSpecification.ExcludeDataVolumeId";
    const char *copy_tags = sim_query_get(&call->query, "CopyTagsFromSource");
    const char *description = sim_query_get(&call->query, "Description");

    if (!sim_call_need_id(call, SIM_ID_INSTANCE, "InstanceSpecification.InstanceId",
                          &set->instance_id) ||
        !sim_call_bool(call, "InstanceSpecification.ExcludeBootVolume", &set->exclude_boot) ||
        !sim_call_id_list(call, SIM_ID_VOLUME, list, &set->exclude_count))
        return false;
    if (set->exclude_count > EXCLUDE_MAX) {
        return refuse(&call->refusal, "InvalidParameterValue",
                      "At most %d data volumes may be excluded", EXCLUDE_MAX);
    }
    if (copy_tags != NULL && strcmp(copy_tags, "volume") != 0) {
        return refuse(&call->refusal, "InvalidParameterValue",
                      "Value (%s) for parameter copyTagsFromSource is invalid.", copy_tags);
    }
    for (size_t i = 0; i < set->exclude_count; i++)
        exclude[i] = sim_query_get(&call->query, "%s.%zu", list, i + 1);
    set->exclude_ids = exclude;
    set->copy_volume_tags = copy_tags != NULL;
    set->description = description == NULL ? "" : description;
    return true;
}

bool sim_ec2_create_snapshots(struct sim_call *call)
{
    CLEANUP(tags_done) struct sim_tags tags = {0};
    const char *exclude[EXCLUDE_MAX];
    struct set_request set = {.tags = &tags};
    struct sim_snapshot *snapshots[SIM_SET_MAX];
    size_t count = 0;

    if (!read_set(call, &set, exclude) || !sim_call_tag_specifications(call, "snapshot", &tags) ||
        !sim_call_ready(call) ||
        !world_create_snapshot_set(call->world, &call->caller, &set, snapshots, &count,
                                   &call->refusal))
        return false;
    sim_xml_open(call->out, "snapshotSet");
    for (size_t i = 0; i < count; i++) {
        sim_xml_open(call->out, "item");
        write_core(call, snapshots[i], "state");
        sim_xml_close(call->out, "item");
    }
    sim_xml_close(call->out, "snapshotSet");
    return true;
}

bool sim_ec2_delete_snapshot(struct sim_call *call)
{
    const char *id;
    if (!sim_call_need_id(call, SIM_ID_SNAPSHOT, "SnapshotId", &id) ||
        world_snapshot(call->world, &call->caller, id, &call->refusal) == NULL ||
        !sim_call_ready(call) ||
        !world_delete_snapshot(call->world, &call->caller, id, &call->refusal))
        return false;
    sim_ec2_write_true(call);
    return true;
}

/* ---- the filters of DescribeSnapshots ---- */

#define SNAPSHOT_FIELD(name, expression)                                                           \
    static const char *field_##name(const struct sim_call *call, const void *item, size_t n,       \
                                    char buffer[SIM_TEXT_SIZE])                                    \
    {                                                                                              \
        const struct sim_snapshot *snapshot = item;                                                \
        (void)call;                                                                                \
        (void)snapshot;                                                                            \
        (void)buffer;                                                                              \
        return n > 0 ? NULL : (expression);                                                        \
    }

static const char *print_int(int64_t value, char buffer[SIM_TEXT_SIZE])
{
    snprintf(buffer, SIM_TEXT_SIZE, "%" PRId64, value);
    return buffer;
}

/* Only snapshots of AWS itself and of the marketplace have one. */
static const char *no_alias(void)
{
    return NULL;
}

static const char *transfer_type(const struct sim_snapshot *snapshot)
{
    if (!snapshot->is_copy)
        return NULL;
    return snapshot->completion_duration_min > 0 ? "time-based" : "standard";
}

/* One signature serves every field: NOLINTBEGIN(readability-non-const-parameter) */
SNAPSHOT_FIELD(description, snapshot->description)
SNAPSHOT_FIELD(encrypted, snapshot->encrypted ? "true" : "false")
SNAPSHOT_FIELD(owner_alias, no_alias())
SNAPSHOT_FIELD(owner_id, snapshot->account)
SNAPSHOT_FIELD(progress, world_snapshot_progress(call->world, snapshot, buffer))
SNAPSHOT_FIELD(snapshot_id, snapshot->id)
SNAPSHOT_FIELD(start_time, sim_ec2_time_text(snapshot->started_ms, buffer))
SNAPSHOT_FIELD(status, world_snapshot_status(call->world, snapshot))
SNAPSHOT_FIELD(storage_tier, "standard")
SNAPSHOT_FIELD(transfer_type, transfer_type(snapshot))
SNAPSHOT_FIELD(volume_id, snapshot->volume_id)
SNAPSHOT_FIELD(volume_size, print_int(snapshot->volume_size_gib, buffer))
/* NOLINTEND(readability-non-const-parameter) */

static const struct sim_filter filters[] = {
    {"description", field_description},
    {"encrypted", field_encrypted},
    {"owner-alias", field_owner_alias},
    {"owner-id", field_owner_id},
    {"progress", field_progress},
    {"snapshot-id", field_snapshot_id},
    {"start-time", field_start_time},
    {"status", field_status},
    {"storage-tier", field_storage_tier},
    {"transfer-type", field_transfer_type},
    {"volume-id", field_volume_id},
    {"volume-size", field_volume_size},
    {0},
};

/* Owner.N: "self", "amazon" (nothing of it exists here) or an account. */
static bool owner_passes(struct sim_call *call, const struct sim_snapshot *snapshot)
{
    return sim_call_list_takes(call, "Owner", snapshot->account) ||
           (is_own(call, snapshot) && sim_call_list_takes(call, "Owner", "self"));
}

/* RestorableBy.N: "self" is everything that is visible; "all" is what is public. */
static bool restorable_passes(struct sim_call *call, const struct sim_snapshot *snapshot)
{
    return sim_call_list_takes(call, "RestorableBy", "self") ||
           sim_call_list_takes(call, "RestorableBy", call->caller.account) ||
           (snapshot->shared_with_all && sim_call_list_takes(call, "RestorableBy", "all"));
}

static bool ids_exist(struct sim_call *call, size_t id_count)
{
    for (size_t n = 1; n <= id_count; n++) {
        const char *id = sim_query_get(&call->query, "SnapshotId.%zu", n);
        if (world_snapshot(call->world, &call->caller, id, &call->refusal) == NULL)
            return false;
    }
    return true;
}

static void collect(struct sim_call *call, struct sim_listing *listing)
{
    const struct sim_snapshot *snapshot;
    size_t cursor = 0;
    while ((snapshot = world_next_snapshot(call->world, &call->caller, &cursor)) != NULL) {
        if (sim_call_list_takes(call, "SnapshotId", snapshot->id) && owner_passes(call, snapshot) &&
            restorable_passes(call, snapshot) &&
            sim_filters_pass(call, filters, snapshot, visible_tags(call, snapshot)))
            sim_listing_add(listing, snapshot, snapshot->started_ms, snapshot->id);
    }
    sim_listing_cut(listing);
}

bool sim_ec2_describe_snapshots(struct sim_call *call)
{
    CLEANUP_SIM_LISTING struct sim_listing listing = {0};
    size_t id_count;

    sim_call_list_takes(call, "Owner", "");
    sim_call_list_takes(call, "RestorableBy", "");
    if (!sim_call_id_list(call, SIM_ID_SNAPSHOT, "SnapshotId", &id_count) ||
        !sim_filters_check(call, filters) || !sim_listing_read(call, id_count, &listing) ||
        !sim_call_ready(call) || !ids_exist(call, id_count))
        return false;
    collect(call, &listing);
    sim_xml_open(call->out, "snapshotSet");
    for (size_t i = listing.first; i < listing.end; i++) {
        sim_xml_open(call->out, "item");
        write_core(call, listing.items[i].item, "status");
        write_rest(call, listing.items[i].item);
        sim_xml_close(call->out, "item");
    }
    sim_xml_close(call->out, "snapshotSet");
    sim_listing_write_next(call, &listing);
    return true;
}
