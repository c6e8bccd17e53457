#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/sim_digest.h"
#include "tests/sim/sim_ec2.h"
#include "tests/sim/sim_listing.h"
#include "tests/sim/sim_xml_out.h"

#define CLIENT_TOKEN_MAX 64
#define HASHED_MAX_BYTES ((size_t)4 * 1024 * 1024)

/* ---- one volume as XML ---- */

static void write_attachment(struct sim_call *call, const struct sim_volume *volume)
{
    struct strbuf *out = call->out;
    sim_xml_text(out, "volumeId", volume->id);
    sim_xml_text(out, "instanceId", volume->instance_id);
    sim_xml_text(out, "device", volume->device);
    sim_xml_text(out, "status", sim_attachment_text(volume->attachment));
    sim_xml_time(out, "attachTime", volume->attach_ms);
    sim_xml_bool(out, "deleteOnTermination", volume->delete_on_termination);
}

static void write_attachment_set(struct sim_call *call, const struct sim_volume *volume)
{
    if (volume->attachment == ATTACHMENT_NONE) {
        strbuf_puts(call->out, "<attachmentSet/>");
        return;
    }
    strbuf_puts(call->out, "<attachmentSet><item>");
    write_attachment(call, volume);
    strbuf_puts(call->out, "</item></attachmentSet>");
}

static void write_volume(struct sim_call *call, const struct sim_volume *volume)
{
    struct strbuf *out = call->out;
    sim_xml_text(out, "volumeId", volume->id);
    sim_xml_int(out, "size", volume->size_gib);
    sim_xml_text(out, "snapshotId", volume->snapshot_id);
    sim_xml_text(out, "availabilityZone", volume->zone);
    sim_xml_text(out, "availabilityZoneId", sim_ec2_zone_id(volume->zone));
    sim_xml_text(out, "status", world_volume_status(call->world, volume));
    sim_xml_time(out, "createTime", volume->created_ms);
    write_attachment_set(call, volume);
    sim_call_write_tags(call, &volume->tags);
    sim_xml_text(out, "volumeType", volume->type);
    if (volume->iops > 0)
        sim_xml_int(out, "iops", volume->iops);
    if (volume->throughput_mib_per_s > 0)
        sim_xml_int(out, "throughput", volume->throughput_mib_per_s);
    sim_xml_bool(out, "encrypted", volume->encrypted);
    sim_xml_text_if(out, "kmsKeyId", volume->key_arn);
    sim_xml_bool(out, "multiAttachEnabled", volume->multi_attach);
    if (volume->init_rate_mib_per_s > 0)
        sim_xml_int(out, "volumeInitializationRate", volume->init_rate_mib_per_s);
}

/* ---- CreateVolume ---- */

/* Equal requests give equal hashes: a repeated client token must come with the same parameters. */
static void hash_parameters(const struct sim_query *query, char hex[SIM_HEX_SIZE])
{
    CLEANUP_STRBUF struct strbuf text = {.max_bytes = HASHED_MAX_BYTES};
    for (size_t i = 0; i < query->count; i++)
        strbuf_printf(&text, "%s=%s\n", query->items[i].name, query->items[i].value);
    sim_digest_hex(strbuf_text(&text), text.length, hex);
}

/* Exactly one of AvailabilityZone and AvailabilityZoneId; gives the name. */
static bool read_zone(struct sim_call *call, const char **name)
{
    const char *zone = sim_query_get(&call->query, "AvailabilityZone");
    const char *id = sim_query_get(&call->query, "AvailabilityZoneId");
    const struct sim_zone *found;

    if (zone != NULL && id != NULL) {
        return refuse(&call->refusal, "InvalidParameterCombination",
                      "Specify either AvailabilityZone or AvailabilityZoneId, not both");
    }
    if (zone == NULL && id == NULL) {
        return refuse(&call->refusal, "MissingParameter",
                      "The request must contain the parameter availabilityZone");
    }
    for (size_t i = 0; (found = world_zone_at(i)) != NULL; i++) {
        if (strcmp(found->region, call->caller.region) == 0 &&
            (zone != NULL ? strcmp(found->name, zone) == 0 : strcmp(found->id, id) == 0)) {
            *name = found->name;
            return true;
        }
    }
    return refuse(&call->refusal, "InvalidZone.NotFound", "The zone '%s' does not exist.",
                  zone != NULL ? zone : id);
}

/* A number that, when sent, must be more than zero: zero means "not sent" to the world. */
static bool read_positive(struct sim_call *call, const char *name, int64_t *value)
{
    bool sent = sim_query_get(&call->query, "%s", name) != NULL;
    if (!sim_call_int(call, name, value))
        return false;
    if (sent && *value <= 0) {
        return refuse(&call->refusal, "InvalidParameterValue",
                      "Value (%" PRId64 ") for parameter %s is invalid.", *value, name);
    }
    return true;
}

static bool read_token(struct sim_call *call, struct volume_request *request)
{
    request->client_token = sim_query_get(&call->query, "ClientToken");
    if (request->client_token != NULL && strlen(request->client_token) > CLIENT_TOKEN_MAX) {
        return refuse(&call->refusal, "InvalidParameterValue",
                      "The client token is longer than %d characters", CLIENT_TOKEN_MAX);
    }
    if (request->client_token != NULL && request->client_token[0] == '\0')
        request->client_token = NULL;
    return true;
}

static bool read_volume(struct sim_call *call, struct volume_request *request)
{
    request->type = sim_query_get(&call->query, "VolumeType");
    request->key = sim_query_get(&call->query, "KmsKeyId");
    if (!read_zone(call, &request->zone) || !read_positive(call, "Size", &request->size_gib) ||
        !read_positive(call, "Iops", &request->iops) ||
        !read_positive(call, "Throughput", &request->throughput_mib_per_s) ||
        !read_positive(call, "VolumeInitializationRate", &request->init_rate_mib_per_s) ||
        !sim_call_bool(call, "Encrypted", &request->encrypted) ||
        !sim_call_bool(call, "MultiAttachEnabled", &request->multi_attach) ||
        !sim_call_id(call, SIM_ID_SNAPSHOT, "SnapshotId", &request->snapshot_id) ||
        !read_token(call, request))
        return false;
    if (request->snapshot_id == NULL && request->size_gib == 0) {
        return refuse(&call->refusal, "MissingParameter",
                      "The request must contain the parameter size or snapshotId");
    }
    return true;
}

bool sim_ec2_create_volume(struct sim_call *call)
{
    CLEANUP(tags_done) struct sim_tags tags = {0};
    char hash[SIM_HEX_SIZE];
    struct volume_request request = {.tags = &tags, .request_hash = hash};
    struct sim_volume *volume;

    hash_parameters(&call->query, hash);
    if (!read_volume(call, &request) || !sim_call_tag_specifications(call, "volume", &tags) ||
        !sim_call_ready(call) ||
        !world_create_volume(call->world, &call->caller, &request, &volume, &call->refusal))
        return false;
    write_volume(call, volume);
    return true;
}

/* ---- attach, detach, delete ---- */

bool sim_ec2_attach_volume(struct sim_call *call)
{
    const char *volume_id;
    const char *instance_id;
    const char *device;
    struct sim_volume *volume;

    if (!sim_call_need_id(call, SIM_ID_VOLUME, "VolumeId", &volume_id) ||
        !sim_call_need_id(call, SIM_ID_INSTANCE, "InstanceId", &instance_id) ||
        !sim_call_need(call, "Device", &device) ||
        world_volume(call->world, &call->caller, volume_id, &call->refusal) == NULL ||
        !sim_call_ready(call) ||
        !world_attach_volume(call->world, &call->caller,
                             &(struct attach_request){volume_id, instance_id, device, false},
                             &volume, &call->refusal))
        return false;
    write_attachment(call, volume);
    return true;
}

bool sim_ec2_detach_volume(struct sim_call *call)
{
    const char *volume_id;
    const char *instance_id;
    const char *device = sim_query_get(&call->query, "Device");
    bool force = false;
    struct sim_volume *volume;

    if (!sim_call_need_id(call, SIM_ID_VOLUME, "VolumeId", &volume_id) ||
        !sim_call_id(call, SIM_ID_INSTANCE, "InstanceId", &instance_id) ||
        !sim_call_bool(call, "Force", &force) ||
        world_volume(call->world, &call->caller, volume_id, &call->refusal) == NULL ||
        !sim_call_ready(call))
        return false;
    struct sim_volume before = *world_volume(call->world, &call->caller, volume_id, &call->refusal);
    if (!world_detach_volume(call->world, &call->caller,
                             &(struct attach_request){volume_id, instance_id, device, force},
                             &volume, &call->refusal))
        return false;
    /* The answer tells of the attachment that ends, which may be over already. */
    before.attachment =
        volume->attachment == ATTACHMENT_NONE ? ATTACHMENT_DETACHING : volume->attachment;
    write_attachment(call, &before);
    return true;
}

bool sim_ec2_delete_volume(struct sim_call *call)
{
    const char *id;
    if (!sim_call_need_id(call, SIM_ID_VOLUME, "VolumeId", &id) ||
        world_volume(call->world, &call->caller, id, &call->refusal) == NULL ||
        !sim_call_ready(call) ||
        !world_delete_volume(call->world, &call->caller, id, &call->refusal))
        return false;
    sim_ec2_write_true(call);
    return true;
}

/* ---- the filters of DescribeVolumes ---- */

#define VOLUME_FIELD(name, expression)                                                             \
    static const char *field_##name(const struct sim_call *call, const void *item, size_t n,       \
                                    char buffer[SIM_TEXT_SIZE])                                    \
    {                                                                                              \
        const struct sim_volume *volume = item;                                                    \
        (void)call;                                                                                \
        (void)volume;                                                                              \
        (void)buffer;                                                                              \
        return n > 0 ? NULL : (expression);                                                        \
    }
#define ATTACHMENT_FIELD(name, expression)                                                         \
    VOLUME_FIELD(name, volume->attachment == ATTACHMENT_NONE ? NULL : (expression))

static const char *print_int(int64_t value, char buffer[SIM_TEXT_SIZE])
{
    snprintf(buffer, SIM_TEXT_SIZE, "%" PRId64, value);
    return buffer;
}

static const char *print_bool(bool value)
{
    return value ? "true" : "false";
}

/* One signature serves every field: NOLINTBEGIN(readability-non-const-parameter) */
ATTACHMENT_FIELD(attach_time, sim_ec2_time_text(volume->attach_ms, buffer))
ATTACHMENT_FIELD(attach_delete, print_bool(volume->delete_on_termination))
ATTACHMENT_FIELD(attach_device, volume->device)
ATTACHMENT_FIELD(attach_instance, volume->instance_id)
ATTACHMENT_FIELD(attach_status, sim_attachment_text(volume->attachment))
VOLUME_FIELD(zone, volume->zone)
VOLUME_FIELD(zone_id, sim_ec2_zone_id(volume->zone))
VOLUME_FIELD(create_time, sim_ec2_time_text(volume->created_ms, buffer))
VOLUME_FIELD(encrypted, print_bool(volume->encrypted))
VOLUME_FIELD(fast_restored, "false")
VOLUME_FIELD(multi_attach, print_bool(volume->multi_attach))
VOLUME_FIELD(size, print_int(volume->size_gib, buffer))
VOLUME_FIELD(snapshot_id, volume->snapshot_id)
VOLUME_FIELD(status, world_volume_status(call->world, volume))
VOLUME_FIELD(volume_id, volume->id)
VOLUME_FIELD(volume_type, volume->type)

static const char *field_volume_status(const struct sim_call *call, const void *item, size_t n,
                                       char buffer[SIM_TEXT_SIZE])
{
    (void)call;
    (void)item;
    (void)buffer;
    return n > 0 ? NULL : "ok";
}
/* NOLINTEND(readability-non-const-parameter) */

static const struct sim_filter filters[] = {
    {"attachment.attach-time", field_attach_time},
    {"attachment.delete-on-termination", field_attach_delete},
    {"attachment.device", field_attach_device},
    {"attachment.instance-id", field_attach_instance},
    {"attachment.status", field_attach_status},
    {"availability-zone", field_zone},
    {"availability-zone-id", field_zone_id},
    {"create-time", field_create_time},
    {"encrypted", field_encrypted},
    {"fast-restored", field_fast_restored},
    {"multi-attach-enabled", field_multi_attach},
    {"size", field_size},
    {"snapshot-id", field_snapshot_id},
    {"status", field_status},
    {"volume-id", field_volume_id},
    {"volume-type", field_volume_type},
    {0},
};

static const struct sim_filter status_filters[] = {
    {"availability-zone", field_zone},
    {"availability-zone-id", field_zone_id},
    {"volume-status.status", field_volume_status},
    {0},
};

static bool ids_exist(struct sim_call *call, size_t id_count)
{
    for (size_t n = 1; n <= id_count; n++) {
        const char *id = sim_query_get(&call->query, "VolumeId.%zu", n);
        if (world_volume(call->world, &call->caller, id, &call->refusal) == NULL)
            return false;
    }
    return true;
}

/* Reads the parameters both Describes share and collects one page. */
static bool list(struct sim_call *call, const struct sim_filter *table, struct sim_listing *listing)
{
    const struct sim_volume *volume;
    size_t cursor = 0;
    size_t id_count;
    bool managed;

    if (!sim_call_id_list(call, SIM_ID_VOLUME, "VolumeId", &id_count) ||
        !sim_call_bool(call, "IncludeManagedResources", &managed) ||
        !sim_filters_check(call, table) || !sim_listing_read(call, id_count, listing) ||
        !sim_call_ready(call) || !ids_exist(call, id_count))
        return false;
    while ((volume = world_next_volume(call->world, &call->caller, &cursor)) != NULL) {
        if (sim_call_list_takes(call, "VolumeId", volume->id) &&
            sim_filters_pass(call, table, volume, &volume->tags))
            sim_listing_add(listing, volume, volume->created_ms, volume->id);
    }
    sim_listing_cut(listing);
    return true;
}

bool sim_ec2_describe_volumes(struct sim_call *call)
{
    CLEANUP_SIM_LISTING struct sim_listing listing = {0};
    if (!list(call, filters, &listing))
        return false;
    sim_xml_open(call->out, "volumeSet");
    for (size_t i = listing.first; i < listing.end; i++) {
        sim_xml_open(call->out, "item");
        write_volume(call, listing.items[i].item);
        sim_xml_close(call->out, "item");
    }
    sim_xml_close(call->out, "volumeSet");
    sim_listing_write_next(call, &listing);
    return true;
}

/* ---- DescribeVolumeStatus ---- */

static void write_detail(struct sim_call *call, const char *name, const char *status)
{
    sim_xml_open(call->out, "item");
    sim_xml_text(call->out, "name", name);
    sim_xml_text(call->out, "status", status);
    sim_xml_close(call->out, "item");
}

static void write_initialization(struct sim_call *call, const struct sim_volume *volume)
{
    struct strbuf *out = call->out;
    int percent = world_volume_init_percent(call->world, volume);
    int64_t rate = volume->init_rate_mib_per_s;
    if (volume->snapshot_id[0] == '\0')
        return;
    sim_xml_open(out, "initializationStatusDetails");
    sim_xml_text(out, "initializationType", rate > 0 ? "provisioned-rate" : "default");
    sim_xml_int(out, "progress", percent);
    if (rate > 0) {
        sim_xml_int(out, "estimatedTimeToCompleteInSeconds",
                    volume->size_gib * 1024 * (100 - percent) / 100 / rate);
    }
    sim_xml_close(out, "initializationStatusDetails");
}

static void write_status(struct sim_call *call, const struct sim_volume *volume)
{
    struct strbuf *out = call->out;
    bool loaded = world_volume_init_percent(call->world, volume) >= 100;

    sim_xml_text(out, "volumeId", volume->id);
    sim_xml_text(out, "availabilityZone", volume->zone);
    sim_xml_text(out, "availabilityZoneId", sim_ec2_zone_id(volume->zone));
    strbuf_puts(out, "<volumeStatus><status>ok</status><details>");
    write_detail(call, "io-enabled", "passed");
    write_detail(call, "io-performance", "not-applicable");
    if (volume->snapshot_id[0] != '\0')
        write_detail(call, "initialization-state", loaded ? "completed" : "initializing");
    strbuf_puts(out, "</details></volumeStatus><eventsSet/><actionsSet/>");
    write_initialization(call, volume);
}

bool sim_ec2_describe_volume_status(struct sim_call *call)
{
    CLEANUP_SIM_LISTING struct sim_listing listing = {0};
    if (!list(call, status_filters, &listing))
        return false;
    sim_xml_open(call->out, "volumeStatusSet");
    for (size_t i = listing.first; i < listing.end; i++) {
        sim_xml_open(call->out, "item");
        write_status(call, listing.items[i].item);
        sim_xml_close(call->out, "item");
    }
    sim_xml_close(call->out, "volumeStatusSet");
    sim_listing_write_next(call, &listing);
    return true;
}
