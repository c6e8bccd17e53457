#include "tests/sim/fake_cloud.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/instant.h"
#include "tests/sim/world_key.h"
#include "tests/sim/world_quota.h"

#define GIB (INT64_C(1) << 30)
/* A Monday, 12:00 UTC. */
#define FIRST_INSTANT_MS INT64_C(1795435200000)

/* One way of a call over the network. */
#define WAY_MS 20
/* When a client stops waiting for an answer. */
#define TIMEOUT_MS 12000

static int64_t world_clock_ms(void *self)
{
    const struct fake_world *fake = self;
    return fake->now_ms;
}

static void pass_until(struct fake_world *fake, int64_t world_ms)
{
    if (world_ms <= fake->now_ms)
        return;
    fake->now_ms = world_ms;
    if (fake->live != NULL)
        fake->live(fake->inhabitant);
}

static int64_t fake_now_ms(void *self)
{
    const struct fake_world *fake = self;
    return fake->now_ms + fake->skew_ms;
}

static enum error_code fake_sleep_until(void *self, int64_t instant_ms, struct error *err)
{
    struct fake_world *fake = self;
    if (fake->dead)
        return error_set(err, ERR_INTERRUPTED, "killed at step %lld", (long long)fake->die_at);
    pass_until(fake, instant_ms - fake->skew_ms);
    return ERR_NONE;
}

enum error_code fake_world_step(struct fake_world *fake, struct error *err)
{
    if (!fake->dead)
        fake->dead = ++fake->steps == fake->die_at;
    if (fake->dead)
        return error_set(err, ERR_INTERRUPTED, "killed at step %lld", (long long)fake->die_at);
    return ERR_NONE;
}

void fake_world_bury(struct fake_world *fake)
{
    fake->dead = false;
    fake->die_at = 0;
}

enum error_code fake_world_open(struct fake_world *fake, uint64_t seed, const struct nature *nature,
                                struct error *err)
{
    *fake = (struct fake_world){.now_ms = FIRST_INSTANT_MS};
    struct world_options options = {
        .seed = seed,
        .seeded = nature != NULL,
        .nature = nature,
        .time = {world_clock_ms, fake},
    };
    TRY(world_open(&fake->world, &options, err));
    world_names(fake->world, &fake->names);
    return ERR_NONE;
}

void fake_world_close(struct fake_world *fake)
{
    world_close(fake->world);
    *fake = (struct fake_world){0};
}

struct clock fake_world_clock(struct fake_world *fake)
{
    return (struct clock){.now_ms = fake_now_ms, .sleep_until = fake_sleep_until, .self = fake};
}

/* First match by prefix. */
static const struct {
    const char *code;
    enum error_code meaning;
} meanings[] = {
    {"RequestLimitExceeded", ERR_THROTTLED},
    {"SnapshotCreationPerVolumeRateExceeded", ERR_THROTTLED},
    {"ConcurrentSnapshotLimitExceeded", ERR_LIMIT},
    {"ResourceLimitExceeded", ERR_LIMIT},
    {"InternalError", ERR_TRANSIENT},
    {"Unavailable", ERR_TRANSIENT},
    {"RequestExpired", ERR_ACCESS},
    {"InvalidSnapshot.NotFound", ERR_NOT_FOUND},
    {"InvalidVolume.NotFound", ERR_NOT_FOUND},
    {"InvalidInstanceID.NotFound", ERR_NOT_FOUND},
    {"InvalidAttachment.NotFound", ERR_NOT_FOUND},
    {"IncorrectState", ERR_STATE},
    {"VolumeInUse", ERR_STATE},
    {"Unauthorized", ERR_ACCESS},
    {"AccessDenied", ERR_ACCESS},
    {"Invalid", ERR_INVALID},
    {"Missing", ERR_INVALID},
    {"", ERR_CLOUD},
};

static enum error_code refused(const struct refusal *refusal, struct error *err)
{
    size_t i = 0;
    while (strncmp(refusal->code, meanings[i].code, strlen(meanings[i].code)) != 0)
        i++;
    return error_set(err, meanings[i].meaning, "%s: %s", refusal->code, refusal->message);
}

/* To be called first by every verb; on ERR_NONE the effect is due. */
static enum error_code enter(struct fake_cloud *fake, const char *action, struct error *err)
{
    struct fake_world *in = fake->in;
    struct refusal refusal = {0};
    TRY(fake_world_step(in, err));
    in->call_count++;
    pass_until(in, in->now_ms + WAY_MS);
    world_advance(in->world);
    if (!world_begin_call(in->world, &fake->caller, action, &fake->fate, &refusal))
        return refused(&refusal, err);
    if (fake->fate != CALL_UNSENT)
        return ERR_NONE;
    pass_until(in, in->now_ms + TIMEOUT_MS);
    return error_set(err, ERR_AMBIGUOUS, "no answer to '%s'", action);
}

/* The same for a verb that changes something: nothing is due if it was only asked about. */
static enum error_code enter_change(struct fake_cloud *fake, const char *action, struct error *err)
{
    TRY(enter(fake, action, err));
    return fake->asks ? error_set(err, ERR_ASKED, "'%s' was only asked about", action) : ERR_NONE;
}

/* To be called after the effect by every verb that changes something. */
static enum error_code leave(struct fake_cloud *fake, const char *action, struct error *err)
{
    struct fake_world *in = fake->in;
    TRY(fake_world_step(in, err));
    pass_until(in, in->now_ms + (fake->fate == CALL_LATE ? TIMEOUT_MS : WAY_MS));
    if (fake->fate == CALL_LOST || fake->fate == CALL_LATE)
        return error_set(err, ERR_AMBIGUOUS, "the answer to '%s' was lost", action);
    return ERR_NONE;
}

/* To be called first by every verb that only looks: with the answer, what it saw is lost. */
static enum error_code look(struct fake_cloud *fake, const char *action, struct error *err)
{
    TRY(enter(fake, action, err));
    if (fake->fate != CALL_ANSWERED)
        return error_set(err, ERR_AMBIGUOUS, "the answer to '%s' was lost", action);
    return ERR_NONE;
}

static void copy_text(char *into, size_t size, const char *from)
{
    size_t length = from == NULL ? 0 : strnlen(from, size - 1);
    memcpy(into, from == NULL ? "" : from, length);
    into[length] = '\0';
}
#define COPY_TEXT(into, from) copy_text((into), sizeof(into), (from))

static enum error_code tags_out(const struct sim_tags *from, struct cloud_tags *to,
                                struct error *err)
{
    for (size_t i = 0; i < from->count; i++)
        TRY(cloud_tags_set(to, from->items[i].key, from->items[i].value, err));
    return ERR_NONE;
}

static void tags_in(const struct cloud_tags *from, struct sim_tags *to)
{
    for (size_t i = 0; from != NULL && i < from->count; i++)
        tags_set(to, from->items[i].key, from->items[i].value);
}

static bool has_tag(const struct sim_tags *tags, const char *key, const char *value)
{
    const char *found = key == NULL ? NULL : tags_get(tags, key);
    return key == NULL || (found != NULL && (value == NULL || strcmp(found, value) == 0));
}

static bool is_listed(const char *const *ids, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(ids[i], id) == 0)
            return true;
    }
    return count == 0;
}

static enum cloud_snapshot_state snapshot_state(const char *status)
{
    if (strcmp(status, "pending") == 0)
        return CLOUD_SNAPSHOT_PENDING;
    return strcmp(status, "error") == 0 ? CLOUD_SNAPSHOT_ERROR : CLOUD_SNAPSHOT_COMPLETED;
}

static int progress_of(struct world *world, const struct sim_snapshot *from)
{
    char text[8];
    const char *shown = world_snapshot_progress(world, from, text);
    return shown[0] == '\0' ? -1 : (int)strtol(shown, NULL, 10);
}

static enum error_code snapshot_out(struct world *world, const struct sim_snapshot *from,
                                    struct cloud_snapshot *to, struct error *err)
{
    *to = (struct cloud_snapshot){
        .state = snapshot_state(world_snapshot_status(world, from)),
        .started_ms = from->started_ms,
        .completed_ms = world_snapshot_completion_ms(world, from),
        .progress_percent = progress_of(world, from),
        .volume_bytes = (uint64_t)(from->volume_size_gib * GIB),
        .full_bytes = (uint64_t)from->full_size_bytes,
        .encrypted = from->encrypted,
    };
    COPY_TEXT(to->id, from->id);
    COPY_TEXT(to->volume_id, from->volume_id);
    COPY_TEXT(to->owner_id, from->account);
    COPY_TEXT(to->key_id, from->key_arn);
    COPY_TEXT(to->data_key_id, from->data_key_id);
    COPY_TEXT(to->description, from->description);
    if (to->state == CLOUD_SNAPSHOT_ERROR)
        copy_text(to->state_message, sizeof(to->state_message), from->status_message);
    return tags_out(&from->tags, &to->tags, err);
}

static enum error_code append_snapshot(struct cloud_snapshots *list, struct world *world,
                                       const struct sim_snapshot *from, struct error *err)
{
    struct cloud_snapshot *items = reallocarray(list->items, list->count + 1, sizeof(*items));
    if (items == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu snapshots", list->count + 1);
    list->items = items;
    items[list->count] = (struct cloud_snapshot){0};
    return snapshot_out(world, from, &items[list->count++], err);
}

static enum error_code volume_out(struct world *world, const struct sim_volume *from,
                                  struct cloud_volume *to, struct error *err)
{
    static const enum cloud_attachment_state states[] = {
        [ATTACHMENT_NONE] = CLOUD_DETACHED,     [ATTACHMENT_ATTACHING] = CLOUD_ATTACHING,
        [ATTACHMENT_ATTACHED] = CLOUD_ATTACHED, [ATTACHMENT_DETACHING] = CLOUD_DETACHING,
        [ATTACHMENT_BUSY] = CLOUD_BUSY,
    };
    const char *status = world_volume_status(world, from);
    *to = (struct cloud_volume){
        .state = strcmp(status, "creating") == 0    ? CLOUD_VOLUME_CREATING
                 : strcmp(status, "available") == 0 ? CLOUD_VOLUME_AVAILABLE
                                                    : CLOUD_VOLUME_IN_USE,
        .size_bytes = (uint64_t)(from->size_gib * GIB),
        .iops = (int)from->iops,
        .throughput_mibs = (int)from->throughput_mib_per_s,
        .encrypted = from->encrypted,
        .created_ms = from->created_ms,
        .attachment = states[from->attachment],
        .delete_on_termination = from->delete_on_termination,
    };
    COPY_TEXT(to->id, from->id);
    COPY_TEXT(to->zone, from->zone);
    COPY_TEXT(to->type, from->type);
    COPY_TEXT(to->key_id, from->key_arn);
    COPY_TEXT(to->snapshot_id, from->snapshot_id);
    if (from->attachment != ATTACHMENT_NONE) {
        COPY_TEXT(to->instance_id, from->instance_id);
        copy_text(to->device, sizeof(to->device), from->device);
    }
    return tags_out(&from->tags, &to->tags, err);
}

static enum error_code get_identity(void *self, struct cloud_identity *identity, struct error *err)
{
    struct fake_cloud *fake = self;
    TRY(look(fake, "GetCallerIdentity", err));
    COPY_TEXT(identity->account_id, fake->caller.account);
    (void)snprintf(identity->arn, sizeof(identity->arn), "arn:aws:iam::%s:user/operator",
                   fake->caller.account);
    return ERR_NONE;
}

static enum error_code get_zones(void *self, char (*zones)[CLOUD_ZONE_SIZE], size_t room,
                                 size_t *count, struct error *err)
{
    struct fake_cloud *fake = self;
    const struct sim_zone *zone;
    size_t found = 0;
    TRY(look(fake, "DescribeAvailabilityZones", err));
    for (size_t i = 0; (zone = world_zone_at(i)) != NULL && found < room; i++) {
        if (strcmp(zone->region, fake->caller.region) == 0)
            copy_text(zones[found++], CLOUD_ZONE_SIZE, zone->name);
    }
    *count = found;
    return ERR_NONE;
}

static void add_device(struct cloud_instance *instance, const struct sim_volume *volume,
                       const char *root_device)
{
    size_t room = sizeof(instance->devices) / sizeof(instance->devices[0]);
    if (strcmp(volume->device, root_device) == 0)
        COPY_TEXT(instance->root_volume_id, volume->id);
    if (instance->device_count == room)
        return;
    COPY_TEXT(instance->devices[instance->device_count].device, volume->device);
    COPY_TEXT(instance->devices[instance->device_count].volume_id, volume->id);
    instance->device_count++;
}

static enum error_code get_instance(void *self, const char *instance_id,
                                    struct cloud_instance *instance, struct error *err)
{
    struct fake_cloud *fake = self;
    const struct sim_instance *from;
    const struct sim_volume *volume;
    size_t cursor = 0;
    TRY(look(fake, "DescribeInstances", err));
    do {
        from = world_next_instance(fake->in->world, &fake->caller, &cursor);
    } while (from != NULL && strcmp(from->id, instance_id) != 0);
    if (from == NULL)
        return error_set(err, ERR_NOT_FOUND, "no instance '%s'", instance_id);
    *instance = (struct cloud_instance){.state = "running"};
    COPY_TEXT(instance->id, from->id);
    COPY_TEXT(instance->zone, from->zone);
    cursor = 0;
    while ((volume = world_next_volume(fake->in->world, &fake->caller, &cursor)) != NULL) {
        if (volume->attachment != ATTACHMENT_NONE && strcmp(volume->instance_id, from->id) == 0)
            add_device(instance, volume, from->root_device);
    }
    return ERR_NONE;
}

static enum error_code fill_volumes(struct fake_cloud *fake,
                                    const struct cloud_volume_filter *filter,
                                    struct cloud_volumes *list, struct error *err)
{
    const struct sim_volume *from;
    size_t cursor = 0;
    while ((from = world_next_volume(fake->in->world, &fake->caller, &cursor)) != NULL) {
        bool on_instance =
            filter->instance_id == NULL || (from->attachment != ATTACHMENT_NONE &&
                                            strcmp(from->instance_id, filter->instance_id) == 0);
        if (!on_instance || !is_listed(filter->ids, filter->id_count, from->id) ||
            !has_tag(&from->tags, filter->tag_key, filter->tag_value))
            continue;
        struct cloud_volume *items = reallocarray(list->items, list->count + 1, sizeof(*items));
        if (items == NULL)
            return error_set(err, ERR_NO_MEMORY, "cannot hold %zu volumes", list->count + 1);
        list->items = items;
        items[list->count] = (struct cloud_volume){0};
        TRY(volume_out(fake->in->world, from, &items[list->count++], err));
    }
    if (list->count < filter->id_count) {
        return error_set(err, ERR_NOT_FOUND, "InvalidVolume.NotFound: one of %zu volumes",
                         filter->id_count);
    }
    return ERR_NONE;
}

static enum error_code list_volumes(void *self, const struct cloud_volume_filter *filter,
                                    struct cloud_volumes *volumes, struct error *err)
{
    CLEANUP_CLOUD_VOLUMES struct cloud_volumes list = {0};
    TRY(look(self, "DescribeVolumes", err));
    TRY(fill_volumes(self, filter, &list, err));
    *volumes = list;
    list = (struct cloud_volumes){0};
    return ERR_NONE;
}

static enum error_code fill_snapshots(struct fake_cloud *fake,
                                      const struct cloud_snapshot_filter *filter,
                                      struct cloud_snapshots *list, struct error *err)
{
    const struct sim_snapshot *from;
    size_t cursor = 0;
    while ((from = world_next_snapshot(fake->in->world, &fake->caller, &cursor)) != NULL) {
        bool own = strcmp(from->account, fake->caller.account) == 0 || filter->id_count > 0;
        bool of_volume =
            filter->volume_id == NULL || strcmp(from->volume_id, filter->volume_id) == 0;
        if (own && of_volume && is_listed(filter->ids, filter->id_count, from->id) &&
            has_tag(&from->tags, filter->tag_key, filter->tag_value))
            TRY(append_snapshot(list, fake->in->world, from, err));
    }
    if (list->count < filter->id_count) {
        return error_set(err, ERR_NOT_FOUND, "InvalidSnapshot.NotFound: one of %zu snapshots",
                         filter->id_count);
    }
    return ERR_NONE;
}

static enum error_code list_snapshots(void *self, const struct cloud_snapshot_filter *filter,
                                      struct cloud_snapshots *snapshots, struct error *err)
{
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots list = {0};
    TRY(look(self, "DescribeSnapshots", err));
    TRY(fill_snapshots(self, filter, &list, err));
    *snapshots = list;
    list = (struct cloud_snapshots){0};
    return ERR_NONE;
}

static bool is_wanted(const struct cloud_set_request *request, const char *id)
{
    return is_listed(request->volume_ids, request->volume_count, id);
}

/* Everything else that is attached to the instance is excluded, as the real call demands. */
static bool start_several(struct fake_cloud *fake, const struct cloud_set_request *request,
                          const struct sim_tags *tags, struct sim_snapshot *snapshots[SIM_SET_MAX],
                          size_t *count, struct refusal *refusal)
{
    const char *excluded[SIM_SET_MAX];
    struct set_request set = {.instance_id = request->instance_id,
                              .exclude_boot = true,
                              .exclude_ids = excluded,
                              .description = request->description,
                              .tags = tags};
    const struct sim_volume *volume;
    size_t cursor = 0;
    while ((volume = world_next_volume(fake->in->world, &fake->caller, &cursor)) != NULL) {
        if (volume->attachment != ATTACHMENT_NONE &&
            strcmp(volume->instance_id, request->instance_id) == 0 &&
            !is_wanted(request, volume->id) && !volume->delete_on_termination &&
            set.exclude_count < SIM_SET_MAX)
            excluded[set.exclude_count++] = volume->id;
    }
    return world_create_snapshot_set(fake->in->world, &fake->caller, &set, snapshots, count,
                                     refusal);
}

static bool start_any(struct fake_cloud *fake, const struct cloud_set_request *request,
                      const struct sim_tags *tags, struct sim_snapshot *snapshots[SIM_SET_MAX],
                      size_t *count, struct refusal *refusal)
{
    if (request->volume_count > 1)
        return start_several(fake, request, tags, snapshots, count, refusal);
    *count = 1;
    struct snapshot_request one = {request->volume_ids[0], request->description, tags};
    return world_create_snapshot(fake->in->world, &fake->caller, &one, &snapshots[0], refusal);
}

/* In the order in which the volumes were asked for. */
static enum error_code fill_set(struct fake_cloud *fake, const struct cloud_set_request *request,
                                struct sim_snapshot *const *snapshots, size_t count,
                                struct cloud_snapshots *list, struct error *err)
{
    for (size_t i = 0; i < request->volume_count; i++) {
        for (size_t j = 0; j < count; j++) {
            if (strcmp(snapshots[j]->volume_id, request->volume_ids[i]) == 0)
                TRY(append_snapshot(list, fake->in->world, snapshots[j], err));
        }
    }
    return ERR_NONE;
}

static enum error_code start_snapshot_set(void *self, const struct cloud_set_request *request,
                                          struct cloud_set_result *result, struct error *err)
{
    struct fake_cloud *fake = self;
    const char *action = request->volume_count > 1 ? "CreateSnapshots" : "CreateSnapshot";
    struct sim_snapshot *snapshots[SIM_SET_MAX];
    struct refusal refusal = {0};
    CLEANUP(tags_done) struct sim_tags tags = {0};
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots list = {0};
    size_t count = 0;
    if (request->cut != NULL)
        TRY(request->cut->begin(request->cut->self, err));
    enum error_code code = enter_change(fake, action, err);
    tags_in(request->tags, &tags);
    if (code == ERR_NONE && !start_any(fake, request, &tags, snapshots, &count, &refusal))
        code = refused(&refusal, err);
    if (code == ERR_NONE)
        code = leave(fake, action, err);
    if (request->cut != NULL)
        request->cut->end(request->cut->self);
    TRY(code);
    TRY(fill_set(fake, request, snapshots, count, &list, err));
    *result = (struct cloud_set_result){.snapshots = list, .request_us = 2 * WAY_MS * 1000};
    list = (struct cloud_snapshots){0};
    return ERR_NONE;
}

static enum error_code copy_snapshot(void *self, const struct cloud_copy_request *request,
                                     char copy_id[CLOUD_ID_SIZE], struct error *err)
{
    struct fake_cloud *fake = self;
    struct sim_snapshot *copy = NULL;
    struct refusal refusal = {0};
    CLEANUP(tags_done) struct sim_tags tags = {0};
    TRY(enter_change(fake, "CopySnapshot", err));
    tags_in(request->tags, &tags);
    struct copy_request wanted = {.source_region = request->source_region,
                                  .source_id = request->source_snapshot_id,
                                  .description = request->description,
                                  .encrypted = request->encrypted,
                                  .key = request->key_id,
                                  .presigned = PRESIGNED_VALID,
                                  .tags = &tags};
    if (!world_copy_snapshot(fake->in->world, &fake->caller, &wanted, &copy, &refusal))
        return refused(&refusal, err);
    TRY(leave(fake, "CopySnapshot", err));
    copy_text(copy_id, CLOUD_ID_SIZE, copy->id);
    return ERR_NONE;
}

static enum error_code share_snapshot(void *self, const char *snapshot_id, const char *account_id,
                                      bool share, struct error *err)
{
    struct fake_cloud *fake = self;
    struct refusal refusal = {0};
    TRY(enter_change(fake, "ModifySnapshotAttribute", err));
    if (!world_share_snapshot(fake->in->world, &fake->caller, snapshot_id, account_id, share,
                              &refusal))
        return refused(&refusal, err);
    return leave(fake, "ModifySnapshotAttribute", err);
}

static enum error_code delete_snapshot(void *self, const char *snapshot_id, struct error *err)
{
    struct fake_cloud *fake = self;
    struct refusal refusal = {0};
    TRY(enter_change(fake, "DeleteSnapshot", err));
    if (!world_delete_snapshot(fake->in->world, &fake->caller, snapshot_id, &refusal))
        return refused(&refusal, err);
    return leave(fake, "DeleteSnapshot", err);
}

static enum error_code create_volume(void *self, const struct cloud_volume_request *request,
                                     char volume_id[CLOUD_ID_SIZE], struct error *err)
{
    struct fake_cloud *fake = self;
    struct sim_volume *volume = NULL;
    struct refusal refusal = {0};
    CLEANUP(tags_done) struct sim_tags tags = {0};
    TRY(enter_change(fake, "CreateVolume", err));
    tags_in(request->tags, &tags);
    struct volume_request wanted = {.zone = request->zone,
                                    .size_gib = (int64_t)request->size_bytes / GIB,
                                    .type = request->type,
                                    .iops = request->iops,
                                    .throughput_mib_per_s = request->throughput_mibs,
                                    .snapshot_id = request->snapshot_id,
                                    .encrypted = request->encrypted,
                                    .key = request->key_id,
                                    .client_token = request->client_token,
                                    .tags = &tags};
    if (!world_create_volume(fake->in->world, &fake->caller, &wanted, &volume, &refusal))
        return refused(&refusal, err);
    TRY(leave(fake, "CreateVolume", err));
    copy_text(volume_id, CLOUD_ID_SIZE, volume->id);
    return ERR_NONE;
}

static bool is_attached_so(struct fake_cloud *fake, const char *volume_id, const char *instance_id,
                           const char *device)
{
    struct refusal refusal;
    const struct sim_volume *volume =
        world_volume(fake->in->world, &fake->caller, volume_id, &refusal);
    return volume != NULL && volume->attachment != ATTACHMENT_NONE &&
           strcmp(volume->instance_id, instance_id) == 0 && strcmp(volume->device, device) == 0;
}

static enum error_code attach_volume(void *self, const char *volume_id, const char *instance_id,
                                     const char *device, struct error *err)
{
    struct fake_cloud *fake = self;
    struct sim_volume *volume = NULL;
    struct refusal refusal = {0};
    struct attach_request wanted = {volume_id, instance_id, device, false};
    TRY(enter_change(fake, "AttachVolume", err));
    if (!is_attached_so(fake, volume_id, instance_id, device) &&
        !world_attach_volume(fake->in->world, &fake->caller, &wanted, &volume, &refusal))
        return refused(&refusal, err);
    return leave(fake, "AttachVolume", err);
}

static enum error_code detach_volume(void *self, const char *volume_id, struct error *err)
{
    struct fake_cloud *fake = self;
    struct sim_volume *volume = NULL;
    struct refusal refusal = {0};
    struct attach_request wanted = {.volume_id = volume_id};
    TRY(enter_change(fake, "DetachVolume", err));
    if (!world_detach_volume(fake->in->world, &fake->caller, &wanted, &volume, &refusal) &&
        strcmp(refusal.code, "IncorrectState") != 0)
        return refused(&refusal, err);
    return leave(fake, "DetachVolume", err);
}

static enum error_code delete_volume(void *self, const char *volume_id, struct error *err)
{
    struct fake_cloud *fake = self;
    struct refusal refusal = {0};
    TRY(enter_change(fake, "DeleteVolume", err));
    if (!world_delete_volume(fake->in->world, &fake->caller, volume_id, &refusal))
        return refused(&refusal, err);
    return leave(fake, "DeleteVolume", err);
}

static enum error_code tag(void *self, const char *resource_id, const struct cloud_tags *tags,
                           struct error *err)
{
    struct fake_cloud *fake = self;
    struct refusal refusal = {0};
    struct sim_tags *into = NULL;
    TRY(enter_change(fake, "CreateTags", err));
    if (strncmp(resource_id, "vol-", 4) == 0) {
        struct sim_volume *volume =
            world_volume(fake->in->world, &fake->caller, resource_id, &refusal);
        into = volume == NULL ? NULL : &volume->tags;
    } else {
        struct sim_snapshot *snapshot =
            world_snapshot(fake->in->world, &fake->caller, resource_id, &refusal);
        into = snapshot == NULL ? NULL : &snapshot->tags;
    }
    if (into == NULL)
        return refused(&refusal, err);
    tags_in(tags, into);
    return leave(fake, "CreateTags", err);
}

#define PAGE_BLOCKS 1000

static enum error_code give_blocks(const struct block_set *blocks,
                                   const struct cloud_block_sink *sink, struct error *err)
{
    uint64_t page[PAGE_BLOCKS];
    size_t count = 0;
    for (int64_t i = block_set_next(blocks, 0); i != BLOCK_NONE;
         i = block_set_next(blocks, i + 1)) {
        page[count++] = (uint64_t)i;
        if (count < PAGE_BLOCKS)
            continue;
        TRY(sink->take(sink->self, page, count, err));
        count = 0;
    }
    return count == 0 ? ERR_NONE : sink->take(sink->self, page, count, err);
}

static enum error_code list_changed_blocks(void *self, const char *first_id, const char *second_id,
                                           const struct cloud_block_sink *sink, struct error *err)
{
    struct fake_cloud *fake = self;
    struct world *world = fake->in->world;
    struct refusal refusal = {0};
    CLEANUP_BLOCK_SET struct block_set blocks = {0};
    TRY(look(fake, first_id == NULL ? "ListSnapshotBlocks" : "ListChangedBlocks", err));
    const struct sim_snapshot *first =
        first_id == NULL ? NULL : world_snapshot(world, &fake->caller, first_id, &refusal);
    const struct sim_snapshot *second = world_snapshot(world, &fake->caller, second_id, &refusal);
    if (second == NULL || (first_id != NULL && first == NULL) ||
        !world_changed_blocks(world, first, second, &blocks, &refusal))
        return refused(&refusal, err);
    return give_blocks(&blocks, sink, err);
}

static enum error_code get_block(void *self, const char *snapshot_id, uint64_t index,
                                 uint8_t block[CLOUD_BLOCK_BYTES], struct error *err)
{
    struct fake_cloud *fake = self;
    struct refusal refusal = {0};
    TRY(look(fake, "GetSnapshotBlock", err));
    const struct sim_snapshot *snapshot =
        world_snapshot(fake->in->world, &fake->caller, snapshot_id, &refusal);
    if (snapshot == NULL ||
        !world_read_block(fake->in->world, snapshot, (int64_t)index, block, &refusal))
        return refused(&refusal, err);
    return ERR_NONE;
}

static bool find_metric(const char *name, enum sim_metric *metric)
{
    static const char *const names[METRIC_COUNT] = {
        [METRIC_READ_BYTES] = "VolumeReadBytes",
        [METRIC_WRITE_BYTES] = "VolumeWriteBytes",
        [METRIC_READ_OPS] = "VolumeReadOps",
        [METRIC_WRITE_OPS] = "VolumeWriteOps",
    };
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        *metric = (enum sim_metric)i;
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

static enum error_code append_point(struct cloud_metric *list, int64_t start_ms, double sum,
                                    struct error *err)
{
    struct cloud_metric_point *points =
        reallocarray(list->points, list->count + 1, sizeof(*points));
    if (points == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu points", list->count + 1);
    points[list->count++] = (struct cloud_metric_point){start_ms, sum};
    list->points = points;
    return ERR_NONE;
}

static enum error_code get_metric(void *self, const struct cloud_metric_request *request,
                                  struct cloud_metric *metric, struct error *err)
{
    struct fake_cloud *fake = self;
    struct refusal refusal = {0};
    CLEANUP_CLOUD_METRIC struct cloud_metric list = {0};
    enum sim_metric which = METRIC_COUNT;
    int64_t period_ms = request->period_s * MS_PER_SECOND;
    double sum = 0;
    TRY(look(fake, "GetMetricData", err));
    const struct sim_volume *volume =
        world_volume(fake->in->world, &fake->caller, request->volume_id, &refusal);
    /* CloudWatch knows no volumes, only names: an unknown one has no points. */
    for (int64_t at_ms = request->start_ms - request->start_ms % period_ms;
         volume != NULL && find_metric(request->name, &which) && at_ms < request->end_ms;
         at_ms += period_ms) {
        if (world_metric_sum(fake->in->world, volume, which, at_ms, request->period_s, &sum))
            TRY(append_point(&list, at_ms, sum, err));
    }
    *metric = list;
    list = (struct cloud_metric){0};
    return ERR_NONE;
}

/* The key, if the caller may do what the action says. */
static struct sim_key *find_key(struct fake_cloud *fake, const char *name, const char *action,
                                struct error *err)
{
    struct sim_key *key = world_key(fake->in->world, &fake->caller, name);
    if (key == NULL) {
        (void)error_set(err, ERR_NOT_FOUND, "key '%s' does not exist", name);
        return NULL;
    }
    if (world_key_allows(fake->in->world, &fake->caller, key, action, KEY_ACTOR_SELF))
        return key;
    (void)error_set(err, ERR_ACCESS, "not allowed to %s on '%s'", action, name);
    return NULL;
}

static enum error_code get_key(void *self, const char *key_id, struct cloud_key *key,
                               struct error *err)
{
    static const enum cloud_key_state states[] = {
        [KEY_ENABLED] = CLOUD_KEY_ENABLED,
        [KEY_DISABLED] = CLOUD_KEY_DISABLED,
        [KEY_PENDING_DELETION] = CLOUD_KEY_DELETED,
    };
    struct fake_cloud *fake = self;
    TRY(look(fake, "DescribeKey", err));
    const struct sim_key *found = find_key(fake, key_id, "kms:DescribeKey", err);
    if (found == NULL)
        return err->code;
    *key = (struct cloud_key){.state = states[found->state], .aws_managed = found->aws_managed};
    COPY_TEXT(key->arn, found->arn);
    COPY_TEXT(key->account_id, found->account);
    return ERR_NONE;
}

static enum error_code try_key(void *self, const char *key_arn, struct error *err)
{
    struct fake_cloud *fake = self;
    TRY(look(fake, "GenerateDataKeyWithoutPlaintext", err));
    const struct sim_key *key = find_key(fake, key_arn, "kms:GenerateDataKeyWithoutPlaintext", err);
    if (key == NULL)
        return err->code;
    if (key->state != KEY_ENABLED)
        return error_set(err, ERR_STATE, "key '%s' is not enabled", key_arn);
    return ERR_NONE;
}

static enum error_code grant_key(void *self, const struct cloud_grant_request *request,
                                 char grant_id[CLOUD_GRANT_SIZE], struct error *err)
{
    struct fake_cloud *fake = self;
    struct grant_request wanted = {
        .principal = request->principal,
        .operations = " Decrypt DescribeKey CreateGrant GenerateDataKeyWithoutPlaintext "
                      "ReEncryptFrom ReEncryptTo ",
        .name = request->name,
    };
    TRY(enter(fake, "CreateGrant", err));
    struct sim_key *key = find_key(fake, request->key_id, "kms:CreateGrant", err);
    if (key == NULL)
        return err->code;
    if (fake->asks)
        return error_set(err, ERR_ASKED, "a grant was only asked about");
    const struct sim_grant *grant = world_key_grant(fake->in->world, key, &wanted);
    copy_text(grant_id, CLOUD_GRANT_SIZE, grant->id);
    return leave(fake, "CreateGrant", err);
}

static enum error_code revoke_grant(void *self, const char *key_id, const char *grant_id,
                                    struct error *err)
{
    struct fake_cloud *fake = self;
    struct refusal refusal = {0};
    TRY(enter(fake, "RevokeGrant", err));
    struct sim_key *key = find_key(fake, key_id, "kms:RevokeGrant", err);
    if (key == NULL)
        return err->code;
    if (fake->asks)
        return error_set(err, ERR_ASKED, "a grant was only asked about");
    if (!world_key_revoke(fake->in->world, key, grant_id, &refusal))
        return error_set(err, ERR_NOT_FOUND, "%s", refusal.message);
    return leave(fake, "RevokeGrant", err);
}

static enum error_code get_quota(void *self, enum cloud_quota quota, const char *volume_type,
                                 uint64_t *value, struct error *err)
{
    struct fake_cloud *fake = self;
    const struct sim_quota *at = NULL;
    TRY(look(fake, "GetServiceQuota", err));
    for (size_t i = 0; (at = world_quota_at(i)) != NULL; i++) {
        bool is_it = quota == CLOUD_QUOTA_SNAPSHOTS
                         ? at->volume_type == NULL
                         : at->volume_type != NULL && volume_type != NULL &&
                               strcmp(at->volume_type, volume_type) == 0 &&
                               at->is_iops == (quota == CLOUD_QUOTA_IOPS);
        if (!is_it)
            continue;
        double told = world_quota_value(fake->in->world, &fake->caller, at);
        *value = (uint64_t)(quota == CLOUD_QUOTA_STORAGE ? told * 1099511627776.0 : told);
        return ERR_NONE;
    }
    return error_set(err, ERR_NOT_FOUND, "there is no such quota");
}

static void ask_only(void *self, bool on)
{
    ((struct fake_cloud *)self)->asks = on;
}

struct cloud fake_cloud_init(struct fake_cloud *fake, struct fake_world *in, const char *account,
                             const char *region)
{
    *fake = (struct fake_cloud){.in = in};
    COPY_TEXT(fake->caller.account, account);
    COPY_TEXT(fake->caller.region, region);
    struct cloud cloud = {
        .get_identity = get_identity,
        .get_zones = get_zones,
        .get_instance = get_instance,
        .list_volumes = list_volumes,
        .list_snapshots = list_snapshots,
        .start_snapshot_set = start_snapshot_set,
        .copy_snapshot = copy_snapshot,
        .share_snapshot = share_snapshot,
        .delete_snapshot = delete_snapshot,
        .create_volume = create_volume,
        .attach_volume = attach_volume,
        .detach_volume = detach_volume,
        .delete_volume = delete_volume,
        .tag = tag,
        .list_changed_blocks = list_changed_blocks,
        .get_block = get_block,
        .get_metric = get_metric,
        .get_key = get_key,
        .try_key = try_key,
        .grant_key = grant_key,
        .revoke_grant = revoke_grant,
        .get_quota = get_quota,
        .ask_only = ask_only,
        .self = fake,
    };
    COPY_TEXT(cloud.region, region);
    return cloud;
}
