#include "tests/support/fake_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fake_world_init(struct fake_world *world, int64_t now_ms)
{
    memset(world, 0, sizeof(*world));
    world->now_ms = now_ms;
    world->snapshot_ms = 17000;
    world->copy_ms = 11000;
}

/* Every step is a place to die; _exit leaves nothing behind but what reached the disk. */
static void step(struct fake_world *world)
{
    if (++world->steps == world->die_at)
        _exit(WORLD_KILLED);
}

static struct fake_world *world_of(void *self)
{
    return ((struct fake_region *)self)->world;
}

static bool is_here(void *self, const char *region)
{
    return strcmp(((struct fake_region *)self)->name, region) == 0;
}

static void keep_tags(struct cloud_tag tags[WORLD_TAGS], size_t *count,
                      const struct cloud_tags *from)
{
    for (size_t i = 0; i < from->count && *count < WORLD_TAGS; i++)
        tags[(*count)++] = from->items[i];
}

static enum error_code give_tags(const struct cloud_tag *tags, size_t count, struct cloud_tags *to,
                                 struct error *err)
{
    for (size_t i = 0; i < count; i++)
        TRY(cloud_tags_set(to, tags[i].key, tags[i].value, err));
    return ERR_NONE;
}

static bool has_tag(const struct cloud_tag *tags, size_t count, const char *key, const char *value)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(tags[i].key, key) == 0 && strcmp(tags[i].value, value) == 0)
            return true;
    }
    return false;
}

/* ---- faults ---- */

/* Counts a changing call and says what shall become of it. */
static enum world_fault begin_change(struct fake_world *world)
{
    step(world);
    return ++world->changes == world->fault_at ? world->fault : FAULT_NONE;
}

static enum error_code refuse(enum world_fault fault, struct error *err)
{
    switch (fault) {
    case FAULT_LOST_REQUEST:
        return error_set(err, ERR_AMBIGUOUS, "no answer");
    case FAULT_THROTTLED:
        return error_set(err, ERR_THROTTLED, "slow down");
    case FAULT_LIMIT:
        return error_set(err, ERR_LIMIT, "quota");
    case FAULT_REFUSED:
        return error_set(err, ERR_ACCESS, "not yours");
    case FAULT_NONE:
    case FAULT_LOST_ANSWER:
    case FAULT_FAILS_LATER:
        break;
    }
    return ERR_NONE;
}

/* After the effect: the place to die between effect and answer, and to lose the answer. */
static enum error_code end_change(struct fake_world *world, enum world_fault fault,
                                  struct error *err)
{
    step(world);
    if (fault == FAULT_LOST_ANSWER)
        return error_set(err, ERR_AMBIGUOUS, "no answer");
    return ERR_NONE;
}

/* ---- snapshots ---- */

static enum cloud_snapshot_state state_of(const struct fake_world *world,
                                          const struct world_snapshot *snapshot)
{
    if (world->now_ms < snapshot->completes_ms)
        return CLOUD_SNAPSHOT_PENDING;
    return snapshot->fails ? CLOUD_SNAPSHOT_ERROR : CLOUD_SNAPSHOT_COMPLETED;
}

static struct cloud_snapshot describe(const struct fake_world *world,
                                      const struct world_snapshot *from)
{
    struct cloud_snapshot snapshot = {
        .state = state_of(world, from),
        .started_ms = from->started_ms,
        .progress_percent = -1,
        .volume_bytes = UINT64_C(8) << 30,
        .full_bytes = UINT64_C(3) << 30,
    };
    if (snapshot.state == CLOUD_SNAPSHOT_COMPLETED)
        snapshot.completed_ms = from->completes_ms;
    (void)snprintf(snapshot.id, sizeof(snapshot.id), "%s", from->id);
    (void)snprintf(snapshot.volume_id, sizeof(snapshot.volume_id), "%s", from->volume_id);
    return snapshot;
}

static bool has_id(const char *const *ids, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(ids[i], id) == 0)
            return true;
    }
    return false;
}

static bool matches(const struct world_snapshot *snapshot,
                    const struct cloud_snapshot_filter *filter)
{
    return (filter->id_count == 0 || has_id(filter->ids, filter->id_count, snapshot->id)) &&
           (filter->volume_id == NULL || strcmp(filter->volume_id, snapshot->volume_id) == 0) &&
           (filter->tag_key == NULL ||
            has_tag(snapshot->tags, snapshot->tag_count, filter->tag_key, filter->tag_value));
}

static enum error_code list_snapshots(void *self, const struct cloud_snapshot_filter *filter,
                                      struct cloud_snapshots *snapshots, struct error *err)
{
    struct fake_world *world = world_of(self);
    step(world);
    snapshots->items = calloc(WORLD_SNAPSHOTS, sizeof(*snapshots->items));
    snapshots->count = 0;
    for (size_t i = 0; i < world->snapshot_count; i++) {
        const struct world_snapshot *snapshot = &world->snapshots[i];
        if (snapshot->deleted || !is_here(self, snapshot->region) ||
            world->now_ms < snapshot->visible_ms || !matches(snapshot, filter))
            continue;
        struct cloud_snapshot *item = &snapshots->items[snapshots->count++];
        *item = describe(world, snapshot);
        TRY(give_tags(snapshot->tags, snapshot->tag_count, &item->tags, err));
    }
    if (snapshots->count < filter->id_count) {
        cloud_snapshots_done(snapshots);
        return error_set(err, ERR_NOT_FOUND, "no such snapshot");
    }
    return ERR_NONE;
}

static struct world_snapshot *add_snapshot(struct fake_world *world, const char *region,
                                           const char *volume_id, int64_t lasts_ms,
                                           const struct cloud_tags *tags)
{
    struct world_snapshot *snapshot = &world->snapshots[world->snapshot_count++];
    *snapshot = (struct world_snapshot){
        .started_ms = world->now_ms,
        .visible_ms = world->now_ms + world->invisible_ms,
        .completes_ms = world->now_ms + lasts_ms,
        .fenced = world->fenced,
        .frozen = world->frozen,
    };
    (void)snprintf(snapshot->id, sizeof(snapshot->id), "snap-%017zx", world->snapshot_count);
    (void)snprintf(snapshot->region, sizeof(snapshot->region), "%s", region);
    (void)snprintf(snapshot->volume_id, sizeof(snapshot->volume_id), "%s", volume_id);
    keep_tags(snapshot->tags, &snapshot->tag_count, tags);
    return snapshot;
}

static enum error_code take_set(void *self, const struct cloud_set_request *request,
                                enum world_fault fault, struct cloud_set_result *result,
                                struct error *err)
{
    struct fake_world *world = world_of(self);
    size_t first = world->snapshot_count;
    for (size_t i = 0; i < request->volume_count; i++) {
        struct world_snapshot *snapshot =
            add_snapshot(world, ((struct fake_region *)self)->name, request->volume_ids[i],
                         world->snapshot_ms, request->tags);
        snapshot->fails = fault == FAULT_FAILS_LATER && i == 0;
        if (i == 0)
            snapshot->visible_ms = world->now_ms + world->invisible_ms / 2;
    }
    TRY(end_change(world, fault, err));
    result->snapshots.items = calloc(request->volume_count, sizeof(*result->snapshots.items));
    result->snapshots.count = request->volume_count;
    result->request_us = 41337;
    for (size_t i = 0; i < request->volume_count; i++)
        result->snapshots.items[i] = describe(world, &world->snapshots[first + i]);
    return ERR_NONE;
}

static enum error_code start_snapshot_set(void *self, const struct cloud_set_request *request,
                                          struct cloud_set_result *result, struct error *err)
{
    struct fake_world *world = world_of(self);
    enum world_fault fault = begin_change(world);
    world->set_calls++;
    if (request->cut != NULL)
        TRY(request->cut->begin(request->cut->self, err));
    enum error_code code = refuse(fault, err);
    if (code == ERR_NONE)
        code = take_set(self, request, fault, result, err);
    if (request->cut != NULL)
        request->cut->end(request->cut->self);
    return code;
}

static enum error_code copy_snapshot(void *self, const struct cloud_copy_request *request,
                                     char copy_id[CLOUD_ID_SIZE], struct error *err)
{
    struct fake_world *world = world_of(self);
    enum world_fault fault = begin_change(world);
    const struct world_snapshot *source = fake_world_snapshot(world, request->source_snapshot_id);
    world->copy_calls++;
    if (source == NULL || state_of(world, source) != CLOUD_SNAPSHOT_COMPLETED)
        return error_set(err, ERR_CLOUD, "the source of the copy is not complete");
    TRY(refuse(fault, err));
    struct world_snapshot *copy = add_snapshot(world, ((struct fake_region *)self)->name,
                                               "vol-ffffffff", world->copy_ms, request->tags);
    copy->fails = fault == FAULT_FAILS_LATER;
    (void)snprintf(copy->from_id, sizeof(copy->from_id), "%s", request->source_snapshot_id);
    TRY(end_change(world, fault, err));
    (void)snprintf(copy_id, CLOUD_ID_SIZE, "%s", copy->id);
    return ERR_NONE;
}

static enum error_code delete_snapshot(void *self, const char *snapshot_id, struct error *err)
{
    struct fake_world *world = world_of(self);
    enum world_fault fault = begin_change(world);
    TRY(refuse(fault, err));
    for (size_t i = 0; i < world->snapshot_count; i++) {
        struct world_snapshot *snapshot = &world->snapshots[i];
        if (strcmp(snapshot->id, snapshot_id) != 0 || !is_here(self, snapshot->region) ||
            snapshot->deleted || world->now_ms < snapshot->visible_ms)
            continue;
        snapshot->deleted = true;
        return end_change(world, fault, err);
    }
    return error_set(err, ERR_NOT_FOUND, "no snapshot to delete");
}

static enum error_code tag(void *self, const char *resource_id, const struct cloud_tags *tags,
                           struct error *err)
{
    (void)resource_id;
    (void)tags;
    enum world_fault fault = begin_change(world_of(self));
    TRY(refuse(fault, err));
    return end_change(world_of(self), fault, err);
}

static enum error_code list_changed_blocks(void *self, const char *first_id, const char *second_id,
                                           const struct cloud_block_sink *sink, struct error *err)
{
    static const uint64_t indexes[] = {3, 64, 1777, 16001};
    (void)first_id;
    (void)second_id;
    step(world_of(self));
    return sink->take(sink->self, indexes, sizeof(indexes) / sizeof(indexes[0]), err);
}

/* ---- volumes ---- */

static struct world_volume *find_volume(struct fake_world *world, const char *id)
{
    for (size_t i = 0; i < world->volume_count; i++) {
        if (strcmp(world->volumes[i].id, id) == 0 && !world->volumes[i].deleted &&
            world->now_ms >= world->volumes[i].visible_ms)
            return &world->volumes[i];
    }
    return NULL;
}

static struct cloud_volume describe_volume(const struct fake_world *world,
                                           const struct world_volume *from)
{
    struct cloud_volume volume = {
        .state = world->now_ms < from->ready_ms ? CLOUD_VOLUME_CREATING : CLOUD_VOLUME_AVAILABLE,
        .size_bytes = UINT64_C(8) << 30,
        .iops = 3000,
        .throughput_mibs = 125,
        .attachment = from->instance_id[0] == '\0' ? CLOUD_DETACHED : CLOUD_ATTACHED,
    };
    (void)snprintf(volume.id, sizeof(volume.id), "%s", from->id);
    (void)snprintf(volume.type, sizeof(volume.type), "gp3");
    (void)snprintf(volume.device, sizeof(volume.device), "%s", from->device);
    (void)snprintf(volume.instance_id, sizeof(volume.instance_id), "%s", from->instance_id);
    return volume;
}

static enum error_code list_volumes(void *self, const struct cloud_volume_filter *filter,
                                    struct cloud_volumes *volumes, struct error *err)
{
    struct fake_world *world = world_of(self);
    step(world);
    volumes->items = calloc(WORLD_VOLUMES, sizeof(*volumes->items));
    volumes->count = 0;
    for (size_t i = 0; i < world->volume_count; i++) {
        const struct world_volume *volume = &world->volumes[i];
        if (volume->deleted || !is_here(self, volume->region) ||
            world->now_ms < volume->visible_ms ||
            (filter->id_count > 0 && !has_id(filter->ids, filter->id_count, volume->id)) ||
            (filter->tag_key != NULL &&
             !has_tag(volume->tags, volume->tag_count, filter->tag_key, filter->tag_value)))
            continue;
        volumes->items[volumes->count++] = describe_volume(world, volume);
    }
    if (volumes->count < filter->id_count) {
        cloud_volumes_done(volumes);
        return error_set(err, ERR_NOT_FOUND, "no such volume");
    }
    return ERR_NONE;
}

static struct world_volume *by_token(struct fake_world *world, const char *client_token)
{
    for (size_t i = 0; i < world->volume_count; i++) {
        if (strcmp(world->volumes[i].client_token, client_token) == 0)
            return &world->volumes[i];
    }
    return NULL;
}

static enum error_code create_volume(void *self, const struct cloud_volume_request *request,
                                     char volume_id[CLOUD_ID_SIZE], struct error *err)
{
    struct fake_world *world = world_of(self);
    enum world_fault fault = begin_change(world);
    TRY(refuse(fault, err));
    struct world_volume *volume = by_token(world, request->client_token);
    if (volume == NULL) {
        volume = &world->volumes[world->volume_count++];
        *volume = (struct world_volume){
            .visible_ms = world->now_ms + world->invisible_ms,
            .ready_ms = world->now_ms + 4000,
        };
        (void)snprintf(volume->id, sizeof(volume->id), "vol-%017zx", 0xb00 + world->volume_count);
        (void)snprintf(volume->region, sizeof(volume->region), "%s",
                       ((struct fake_region *)self)->name);
        (void)snprintf(volume->snapshot_id, sizeof(volume->snapshot_id), "%s",
                       request->snapshot_id);
        (void)snprintf(volume->client_token, sizeof(volume->client_token), "%s",
                       request->client_token);
        keep_tags(volume->tags, &volume->tag_count, request->tags);
    }
    TRY(end_change(world, fault, err));
    (void)snprintf(volume_id, CLOUD_ID_SIZE, "%s", volume->id);
    return ERR_NONE;
}

static enum error_code attach_volume(void *self, const char *volume_id, const char *instance_id,
                                     const char *device, struct error *err)
{
    struct fake_world *world = world_of(self);
    enum world_fault fault = begin_change(world);
    struct world_volume *volume = find_volume(world, volume_id);
    TRY(refuse(fault, err));
    if (volume == NULL || volume->source)
        return error_set(err, ERR_NOT_FOUND, "no volume to attach");
    if (volume->instance_id[0] != '\0' && strcmp(volume->device, device) != 0)
        return error_set(err, ERR_CLOUD, "attached as something else");
    (void)snprintf(volume->instance_id, sizeof(volume->instance_id), "%s", instance_id);
    (void)snprintf(volume->device, sizeof(volume->device), "%s", device);
    return end_change(world, fault, err);
}

static enum error_code detach_volume(void *self, const char *volume_id, struct error *err)
{
    struct fake_world *world = world_of(self);
    enum world_fault fault = begin_change(world);
    struct world_volume *volume = find_volume(world, volume_id);
    TRY(refuse(fault, err));
    if (volume == NULL)
        return error_set(err, ERR_NOT_FOUND, "no volume to detach");
    volume->instance_id[0] = '\0';
    return end_change(world, fault, err);
}

static enum error_code delete_volume(void *self, const char *volume_id, struct error *err)
{
    struct fake_world *world = world_of(self);
    enum world_fault fault = begin_change(world);
    struct world_volume *volume = find_volume(world, volume_id);
    TRY(refuse(fault, err));
    if (volume == NULL)
        return error_set(err, ERR_NOT_FOUND, "no volume to delete");
    if (volume->instance_id[0] != '\0')
        return error_set(err, ERR_CLOUD, "in use");
    if (world->now_ms < volume->ready_ms)
        return error_set(err, ERR_STATE, "still creating");
    volume->deleted = true;
    return end_change(world, fault, err);
}

static enum error_code get_instance(void *self, const char *instance_id,
                                    struct cloud_instance *instance, struct error *err)
{
    (void)err;
    step(world_of(self));
    *instance = (struct cloud_instance){.device_count = 1};
    (void)snprintf(instance->id, sizeof(instance->id), "%s", instance_id);
    (void)snprintf(instance->devices[0].device, sizeof(instance->devices[0].device), "/dev/sdf");
    return ERR_NONE;
}

static enum error_code get_metric(void *self, const struct cloud_metric_request *request,
                                  struct cloud_metric *metric, struct error *err)
{
    (void)request;
    (void)err;
    step(world_of(self));
    *metric = (struct cloud_metric){0};
    return ERR_NONE;
}

struct cloud fake_world_cloud(struct fake_region *region)
{
    struct cloud cloud = {
        .get_instance = get_instance,
        .list_volumes = list_volumes,
        .list_snapshots = list_snapshots,
        .start_snapshot_set = start_snapshot_set,
        .copy_snapshot = copy_snapshot,
        .delete_snapshot = delete_snapshot,
        .create_volume = create_volume,
        .attach_volume = attach_volume,
        .detach_volume = detach_volume,
        .delete_volume = delete_volume,
        .tag = tag,
        .list_changed_blocks = list_changed_blocks,
        .get_metric = get_metric,
        .self = region,
    };
    (void)snprintf(cloud.region, sizeof(cloud.region), "%s", region->name);
    return cloud;
}

void fake_world_add_volume(struct fake_world *world, const char *region, const char *id)
{
    struct world_volume *volume = &world->volumes[world->volume_count++];
    *volume = (struct world_volume){.source = true};
    (void)snprintf(volume->id, sizeof(volume->id), "%s", id);
    (void)snprintf(volume->region, sizeof(volume->region), "%s", region);
    (void)snprintf(volume->client_token, sizeof(volume->client_token), "source/%s", id);
}

/* ---- clock, log ---- */

static int64_t now_ms(void *self)
{
    struct fake_world *world = self;
    step(world);
    return world->now_ms;
}

static enum error_code sleep_until(void *self, int64_t instant_ms, struct error *err)
{
    (void)err;
    struct fake_world *world = self;
    if (instant_ms > world->now_ms)
        world->now_ms = instant_ms;
    return ERR_NONE;
}

struct clock fake_world_clock(struct fake_world *world)
{
    return (struct clock){.now_ms = now_ms, .sleep_until = sleep_until, .self = world};
}

static void forget(void *self, enum log_level level, int64_t at_ms, const char *message)
{
    (void)self;
    (void)level;
    (void)at_ms;
    (void)message;
}

struct log fake_world_log(void)
{
    return (struct log){.take = forget};
}

/* ---- quiesce ---- */

static enum error_code fence_record(void *self, struct strbuf *record, struct error *err)
{
    struct fake_world *world = self;
    step(world);
    world->fence_records++;
    if (world->fenced)
        return error_set(err, ERR_STATE, "asked how it was before while the fence is up");
    strbuf_puts(record, "ALTER SYSTEM RESET default_transaction_read_only;\n");
    return ERR_NONE;
}

static enum error_code fence(void *self, char lsn[LSN_TEXT_SIZE], struct error *err)
{
    (void)err;
    struct fake_world *world = self;
    step(world);
    world->fenced = true;
    (void)snprintf(lsn, LSN_TEXT_SIZE, "2B/5C0A1F38");
    step(world);
    return ERR_NONE;
}

static enum error_code unfence(void *self, const char *record, struct error *err)
{
    struct fake_world *world = self;
    step(world);
    if (strstr(record, "RESET default_transaction_read_only") == NULL)
        return error_set(err, ERR_POSTGRES, "not a record of a fence: '%s'", record);
    world->fenced = false;
    step(world);
    return ERR_NONE;
}

static enum error_code read_lsn(void *self, char lsn[LSN_TEXT_SIZE], struct error *err)
{
    (void)err;
    step(self);
    (void)snprintf(lsn, LSN_TEXT_SIZE, "2B/5C0A1F38");
    return ERR_NONE;
}

static enum error_code backup_begin(void *self, const char *label, struct error *err)
{
    (void)label;
    struct fake_world *world = self;
    step(world);
    if (world->backup)
        return error_set(err, ERR_STATE, "a backup is on");
    world->backup = true;
    return ERR_NONE;
}

static enum error_code backup_end(void *self, struct quiesce_backup *backup, struct error *err)
{
    struct fake_world *world = self;
    step(world);
    if (!world->backup || world->frozen)
        return error_set(err, ERR_STATE, "no backup to end, or still frozen");
    world->backup = false;
    enum error_code fails = world->backup_end_fails;
    world->backup_end_fails = ERR_NONE;
    if (fails != ERR_NONE)
        return error_set(err, fails, "the backup session is gone");
    (void)snprintf(backup->start_lsn, sizeof(backup->start_lsn), "2B/5B000028");
    (void)snprintf(backup->stop_lsn, sizeof(backup->stop_lsn), "2B/5C0A1F38");
    backup->archive_waited = true;
    strbuf_puts(&backup->label, "START WAL LOCATION: 2B/5B000028\n");
    return ERR_NONE;
}

static enum error_code prepare(void *self, struct error *err)
{
    struct fake_world *world = self;
    step(world);
    if (world->prepared || world->frozen)
        return error_set(err, ERR_STATE, "prepared twice");
    world->prepared = true;
    return ERR_NONE;
}

static enum error_code freeze(void *self, struct error *err)
{
    struct fake_world *world = self;
    if (!world->prepared || world->frozen)
        return error_set(err, ERR_STATE, "frozen without being prepared");
    world->frozen = true;
    return ERR_NONE;
}

static void thaw(void *self)
{
    ((struct fake_world *)self)->frozen = false;
}

static struct cut cut(void *self)
{
    return (struct cut){.begin = freeze, .end = thaw, .self = self};
}

static enum error_code settle(void *self, struct error *err)
{
    struct fake_world *world = self;
    step(world);
    world->frozen = false;
    world->prepared = false;
    enum error_code fails = world->settle_fails;
    world->settle_fails = ERR_NONE;
    return fails == ERR_NONE ? ERR_NONE : error_set(err, fails, "cannot thaw '/srv/data'");
}

static void report(const void *self, struct quiesce_report *report)
{
    (void)self;
    *report = (struct quiesce_report){
        .consistency = CONSISTENCY_FROZEN,
        .freeze_us = 700,
        .held_us = 41800,
        .thaw_us = 90,
    };
}

struct quiesce fake_world_quiesce(struct fake_world *world)
{
    return (struct quiesce){
        .self = world,
        .fence_record = fence_record,
        .fence = fence,
        .unfence = unfence,
        .read_lsn = read_lsn,
        .backup_begin = backup_begin,
        .backup_end = backup_end,
        .prepare = prepare,
        .cut = cut,
        .settle = settle,
        .report = report,
    };
}

void fake_world_bury(struct fake_world *world)
{
    world->frozen = false;
    world->prepared = false;
    world->backup = false;
    world->die_at = 0;
}

/* ---- what is there ---- */

size_t fake_world_live_snapshots(const struct fake_world *world, const char *region)
{
    size_t live = 0;
    for (size_t i = 0; i < world->snapshot_count; i++)
        live += !world->snapshots[i].deleted && strcmp(world->snapshots[i].region, region) == 0;
    return live;
}

size_t fake_world_live_volumes(const struct fake_world *world)
{
    size_t live = 0;
    for (size_t i = 0; i < world->volume_count; i++)
        live += !world->volumes[i].deleted && !world->volumes[i].source;
    return live;
}

const struct world_snapshot *fake_world_snapshot(const struct fake_world *world, const char *id)
{
    for (size_t i = 0; i < world->snapshot_count; i++) {
        if (!world->snapshots[i].deleted && strcmp(world->snapshots[i].id, id) == 0)
            return &world->snapshots[i];
    }
    return NULL;
}
