#include "core/aws/ec2_parse.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define GIB (UINT64_C(1) << 30)

/* A word of the service and the value it stands for. */
struct word {
    const char *text;
    int value;
};

static int word_value(const struct word *words, size_t count, const char *text, int otherwise)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i].text, text) == 0)
            return words[i].value;
    }
    return otherwise;
}
#define WORD_VALUE(words, text, otherwise)                                                         \
    word_value(words, sizeof(words) / sizeof((words)[0]), text, otherwise)

static const struct word snapshot_states[] = {
    {"pending", CLOUD_SNAPSHOT_PENDING},
    {"completed", CLOUD_SNAPSHOT_COMPLETED},
    {"error", CLOUD_SNAPSHOT_ERROR},
};

static const struct word volume_states[] = {
    {"creating", CLOUD_VOLUME_CREATING}, {"available", CLOUD_VOLUME_AVAILABLE},
    {"in-use", CLOUD_VOLUME_IN_USE},     {"deleting", CLOUD_VOLUME_DELETING},
    {"deleted", CLOUD_VOLUME_DELETED},   {"error", CLOUD_VOLUME_ERROR},
};

static const struct word attachment_states[] = {
    {"detached", CLOUD_DETACHED},   {"attaching", CLOUD_ATTACHING}, {"attached", CLOUD_ATTACHED},
    {"detaching", CLOUD_DETACHING}, {"busy", CLOUD_BUSY},
};

/* Copies a text for people; what does not fit is cut. */
static void copy_cut(const struct xml *xml, int node, const char *name, char *text, size_t size)
{
    const char *value = xml_text(xml, node, name);
    size_t length = strnlen(value, size - 1);
    memcpy(text, value, length);
    text[length] = '\0';
}

static enum error_code parse_bytes(const struct xml *xml, int node, const char *name, uint64_t unit,
                                   uint64_t *bytes, struct error *err)
{
    int64_t count = 0;
    TRY(xml_int64(xml, node, name, 0, &count, err));
    if (count < 0 || (uint64_t)count > UINT64_MAX / unit)
        return error_set(err, ERR_PROTOCOL, "element '%s' is no size", name);
    *bytes = (uint64_t)count * unit;
    return ERR_NONE;
}

static enum error_code parse_count(const struct xml *xml, int node, const char *name, int *count,
                                   struct error *err)
{
    int64_t value = 0;
    TRY(xml_int64(xml, node, name, 0, &value, err));
    if (value < 0 || value > INT_MAX)
        return error_set(err, ERR_PROTOCOL, "element '%s' is no count", name);
    *count = (int)value;
    return ERR_NONE;
}

static enum error_code parse_tags(const struct xml *xml, int node, struct cloud_tags *tags,
                                  struct error *err)
{
    int set = xml_child(xml, node, "tagSet");
    for (int item = xml_first(xml, set); item != XML_NONE; item = xml_next(xml, item))
        TRY(cloud_tags_set(tags, xml_text(xml, item, "key"), xml_text(xml, item, "value"), err));
    return ERR_NONE;
}

/* "37%", or nothing just after the create. */
static int parse_progress(const char *text)
{
    char *end = NULL;
    long percent = strtol(text, &end, 10);
    bool is_percent = end != text && strcmp(end, "%") == 0 && percent >= 0 && percent <= 100;
    return is_percent ? (int)percent : -1;
}

/* Snapshot calls it <status>, SnapshotInfo (CreateSnapshots) calls it <state>. */
static const char *snapshot_state(const struct xml *xml, int node)
{
    const char *status = xml_text(xml, node, "status");
    return status[0] != '\0' ? status : xml_text(xml, node, "state");
}

static enum error_code snapshot_fields(const struct xml *xml, int node,
                                       struct cloud_snapshot *snapshot, struct error *err)
{
    struct cloud_snapshot *s = snapshot;
    TRY(xml_copy(xml, node, "snapshotId", s->id, sizeof(s->id), err));
    TRY(xml_copy(xml, node, "volumeId", s->volume_id, sizeof(s->volume_id), err));
    TRY(xml_copy(xml, node, "ownerId", s->owner_id, sizeof(s->owner_id), err));
    TRY(xml_copy(xml, node, "kmsKeyId", s->key_id, sizeof(s->key_id), err));
    TRY(xml_copy(xml, node, "dataEncryptionKeyId", s->data_key_id, sizeof(s->data_key_id), err));
    TRY(xml_instant(xml, node, "startTime", &s->started_ms, err));
    TRY(xml_instant(xml, node, "completionTime", &s->completed_ms, err));
    TRY(parse_bytes(xml, node, "volumeSize", GIB, &s->volume_bytes, err));
    TRY(parse_bytes(xml, node, "fullSnapshotSizeInBytes", 1, &s->full_bytes, err));
    copy_cut(xml, node, "statusMessage", s->state_message, sizeof(s->state_message));
    copy_cut(xml, node, "description", s->description, sizeof(s->description));
    s->progress_percent = parse_progress(xml_text(xml, node, "progress"));
    s->encrypted = xml_bool(xml, node, "encrypted");
    s->archived = strcmp(xml_text(xml, node, "storageTier"), "archive") == 0;
    s->state = (enum cloud_snapshot_state)WORD_VALUE(snapshot_states, snapshot_state(xml, node),
                                                     CLOUD_SNAPSHOT_OTHER);
    return parse_tags(xml, node, &s->tags, err);
}

enum error_code ec2_parse_snapshot(const struct xml *xml, int node, struct cloud_snapshot *snapshot,
                                   struct error *err)
{
    struct cloud_snapshot read = {0};
    enum error_code code = snapshot_fields(xml, node, &read, err);
    if (code == ERR_NONE && read.id[0] == '\0')
        code = error_set(err, ERR_PROTOCOL, "a snapshot has no snapshotId");
    if (code == ERR_NONE) {
        *snapshot = read;
    } else {
        cloud_tags_done(&read.tags);
    }
    return code;
}

static size_t item_count(const struct xml *xml, int set)
{
    size_t count = 0;
    for (int item = xml_first(xml, set); item != XML_NONE; item = xml_next(xml, item))
        count++;
    return count;
}

enum error_code ec2_parse_snapshots(const struct xml *xml, int set,
                                    struct cloud_snapshots *snapshots, struct error *err)
{
    size_t room = snapshots->count + item_count(xml, set);
    if (room == snapshots->count)
        return ERR_NONE;
    struct cloud_snapshot *items = reallocarray(snapshots->items, room, sizeof(*items));
    if (items == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu snapshots", room);
    snapshots->items = items;
    for (int item = xml_first(xml, set); item != XML_NONE; item = xml_next(xml, item)) {
        TRY(ec2_parse_snapshot(xml, item, &items[snapshots->count], err));
        snapshots->count++;
    }
    return ERR_NONE;
}

static enum error_code attachment_fields(const struct xml *xml, int node,
                                         struct cloud_volume *volume, struct error *err)
{
    int first = xml_first(xml, xml_child(xml, node, "attachmentSet"));
    if (first == XML_NONE)
        return ERR_NONE;
    TRY(xml_copy(xml, first, "instanceId", volume->instance_id, sizeof(volume->instance_id), err));
    TRY(xml_copy(xml, first, "device", volume->device, sizeof(volume->device), err));
    volume->attachment = (enum cloud_attachment_state)WORD_VALUE(
        attachment_states, xml_text(xml, first, "status"), CLOUD_BUSY);
    volume->delete_on_termination = xml_bool(xml, first, "deleteOnTermination");
    return ERR_NONE;
}

static enum error_code volume_fields(const struct xml *xml, int node, struct cloud_volume *volume,
                                     struct error *err)
{
    struct cloud_volume *v = volume;
    TRY(xml_copy(xml, node, "volumeId", v->id, sizeof(v->id), err));
    TRY(xml_copy(xml, node, "availabilityZone", v->zone, sizeof(v->zone), err));
    TRY(xml_copy(xml, node, "volumeType", v->type, sizeof(v->type), err));
    TRY(xml_copy(xml, node, "kmsKeyId", v->key_id, sizeof(v->key_id), err));
    TRY(xml_copy(xml, node, "snapshotId", v->snapshot_id, sizeof(v->snapshot_id), err));
    TRY(xml_instant(xml, node, "createTime", &v->created_ms, err));
    TRY(parse_bytes(xml, node, "size", GIB, &v->size_bytes, err));
    TRY(parse_count(xml, node, "iops", &v->iops, err));
    TRY(parse_count(xml, node, "throughput", &v->throughput_mibs, err));
    v->encrypted = xml_bool(xml, node, "encrypted");
    v->state = (enum cloud_volume_state)WORD_VALUE(volume_states, xml_text(xml, node, "status"),
                                                   CLOUD_VOLUME_ERROR);
    TRY(attachment_fields(xml, node, v, err));
    return parse_tags(xml, node, &v->tags, err);
}

static enum error_code parse_volume(const struct xml *xml, int node, struct cloud_volume *volume,
                                    struct error *err)
{
    struct cloud_volume read = {0};
    enum error_code code = volume_fields(xml, node, &read, err);
    if (code == ERR_NONE && read.id[0] == '\0')
        code = error_set(err, ERR_PROTOCOL, "a volume has no volumeId");
    if (code == ERR_NONE) {
        *volume = read;
    } else {
        cloud_tags_done(&read.tags);
    }
    return code;
}

enum error_code ec2_parse_volumes(const struct xml *xml, int set, struct cloud_volumes *volumes,
                                  struct error *err)
{
    size_t room = volumes->count + item_count(xml, set);
    if (room == volumes->count)
        return ERR_NONE;
    struct cloud_volume *items = reallocarray(volumes->items, room, sizeof(*items));
    if (items == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu volumes", room);
    volumes->items = items;
    for (int item = xml_first(xml, set); item != XML_NONE; item = xml_next(xml, item)) {
        TRY(parse_volume(xml, item, &items[volumes->count], err));
        volumes->count++;
    }
    return ERR_NONE;
}

static enum error_code add_device(const struct xml *xml, int item, const char *root_device,
                                  struct cloud_instance *instance, struct error *err)
{
    size_t room = sizeof(instance->devices) / sizeof(instance->devices[0]);
    int ebs = xml_child(xml, item, "ebs");
    if (ebs == XML_NONE)
        return ERR_NONE;
    if (instance->device_count == room) {
        return error_set(err, ERR_LIMIT, "instance '%s' has more than %zu volumes", instance->id,
                         room);
    }
    char *device = instance->devices[instance->device_count].device;
    char *volume_id = instance->devices[instance->device_count].volume_id;
    TRY(xml_copy(xml, item, "deviceName", device, sizeof(instance->devices[0].device), err));
    TRY(xml_copy(xml, ebs, "volumeId", volume_id, sizeof(instance->devices[0].volume_id), err));
    if (strcmp(device, root_device) == 0)
        memcpy(instance->root_volume_id, volume_id, sizeof(instance->root_volume_id));
    instance->device_count++;
    return ERR_NONE;
}

enum error_code ec2_parse_instance(const struct xml *xml, int node, struct cloud_instance *instance,
                                   struct error *err)
{
    struct cloud_instance read = {0};
    int placement = xml_child(xml, node, "placement");
    int state = xml_child(xml, node, "instanceState");
    int devices = xml_child(xml, node, "blockDeviceMapping");
    const char *root_device = xml_text(xml, node, "rootDeviceName");
    TRY(xml_copy(xml, node, "instanceId", read.id, sizeof(read.id), err));
    TRY(xml_copy(xml, placement, "availabilityZone", read.zone, sizeof(read.zone), err));
    TRY(xml_copy(xml, state, "name", read.state, sizeof(read.state), err));
    for (int item = xml_first(xml, devices); item != XML_NONE; item = xml_next(xml, item))
        TRY(add_device(xml, item, root_device, &read, err));
    *instance = read;
    return ERR_NONE;
}
