#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "tests/sim/world_inner.h"

/* One table per struct serves both directions, so that a field cannot be stored and forgotten. */
enum field_kind {
    FIELD_TEXT,
    FIELD_WHOLE, /* int64_t */
    FIELD_BITS,  /* uint64_t, stored as text: JSON numbers are signed in most readers */
    FIELD_REAL,
    FIELD_TRUTH,
    FIELD_SMALL, /* an enum or int */
};

struct field {
    const char *name;
    enum field_kind kind;
    size_t offset;
    size_t size;
};

#define TEXT(type, name)                                                                           \
    {                                                                                              \
#        name, FIELD_TEXT, offsetof(struct type, name), sizeof(((struct type *)NULL)->name)        \
    }
#define WHOLE(type, name)                                                                          \
    {                                                                                              \
#        name, FIELD_WHOLE, offsetof(struct type, name), sizeof(int64_t)                           \
    }
#define BITS(type, name)                                                                           \
    {                                                                                              \
#        name, FIELD_BITS, offsetof(struct type, name), sizeof(uint64_t)                           \
    }
#define REAL(type, name)                                                                           \
    {                                                                                              \
#        name, FIELD_REAL, offsetof(struct type, name), sizeof(double)                             \
    }
#define TRUTH(type, name)                                                                          \
    {                                                                                              \
#        name, FIELD_TRUTH, offsetof(struct type, name), sizeof(bool)                              \
    }
#define SMALL(type, name)                                                                          \
    {                                                                                              \
#        name, FIELD_SMALL, offsetof(struct type, name), sizeof(int)                               \
    }
#define END                                                                                        \
    {                                                                                              \
        NULL, FIELD_TEXT, 0, 0                                                                     \
    }

static const struct field world_fields[] = {
    BITS(world, seed),       TRUTH(world, seeded),
    WHOLE(world, origin_ms), WHOLE(world, births),
    WHOLE(world, cuts_made), WHOLE(world, lineages_made),
    WHOLE(world, now_ms),    END,
};
static const struct field cut_fields[] = {
    WHOLE(cut, id), WHOLE(cut, parent_id), WHOLE(cut, size_bytes), TRUTH(cut, has_bytes), END,
};
static const struct field credential_fields[] = {
    TEXT(sim_credential, access_key),    TEXT(sim_credential, secret),
    TEXT(sim_credential, session_token), TEXT(sim_credential, account),
    TEXT(sim_credential, arn),           TEXT(sim_credential, user_id),
    WHOLE(sim_credential, expires_ms),   END,
};
static const struct field instance_fields[] = {
    TEXT(sim_instance, id),           TEXT(sim_instance, account),
    TEXT(sim_instance, region),       TEXT(sim_instance, zone),
    TEXT(sim_instance, type),         TEXT(sim_instance, root_device),
    WHOLE(sim_instance, launched_ms), END,
};
static const struct field track_fields[] = {
    WHOLE(copy_track, lineage),  TEXT(copy_track, account),        TEXT(copy_track, region),
    TEXT(copy_track, newest_id), WHOLE(copy_track, busy_until_ms), END,
};
static const struct field volume_fields[] = {
    TEXT(sim_volume, id),
    TEXT(sim_volume, account),
    TEXT(sim_volume, region),
    TEXT(sim_volume, zone),
    WHOLE(sim_volume, size_gib),
    TEXT(sim_volume, type),
    WHOLE(sim_volume, iops),
    WHOLE(sim_volume, throughput_mib_per_s),
    TRUTH(sim_volume, encrypted),
    TEXT(sim_volume, key_arn),
    TEXT(sim_volume, snapshot_id),
    TEXT(sim_volume, client_token),
    TEXT(sim_volume, request_hash),
    WHOLE(sim_volume, init_rate_mib_per_s),
    TRUTH(sim_volume, multi_attach),
    WHOLE(sim_volume, created_ms),
    WHOLE(sim_volume, available_ms),
    WHOLE(sim_volume, vanishes_ms),
    WHOLE(sim_volume, visible_ms),
    SMALL(sim_volume, attachment),
    TEXT(sim_volume, instance_id),
    TEXT(sim_volume, device),
    WHOLE(sim_volume, attach_ms),
    TRUTH(sim_volume, delete_on_termination),
    END,
};
static const struct field volume_inner_fields[] = {
    WHOLE(volume_inner, base_id),
    WHOLE(volume_inner, lineage),
    WHOLE(volume_inner, offset_bytes),
    WHOLE(volume_inner, init_bytes),
    WHOLE(volume_inner, snapshots_made),
    WHOLE(volume_inner, last_snapshot_ms),
    WHOLE(volume_inner, transfer_free_ms),
    WHOLE(volume_inner, last_end_ms),
    TRUTH(volume_inner, gone),
    WHOLE(volume_inner, settled_ms),
    WHOLE(volume_inner, ghost_blocks),
    WHOLE(volume_inner, ghost_origin_ms),
    WHOLE(volume_inner, ghost_until_ms),
    END,
};
static const struct field snapshot_fields[] = {
    TEXT(sim_snapshot, id),
    TEXT(sim_snapshot, volume_id),
    TEXT(sim_snapshot, account),
    TEXT(sim_snapshot, region),
    TEXT(sim_snapshot, description),
    WHOLE(sim_snapshot, started_ms),
    WHOLE(sim_snapshot, ends_ms),
    TRUTH(sim_snapshot, fails),
    TEXT(sim_snapshot, status_message),
    WHOLE(sim_snapshot, volume_size_gib),
    WHOLE(sim_snapshot, full_size_bytes),
    TRUTH(sim_snapshot, encrypted),
    TEXT(sim_snapshot, key_arn),
    TEXT(sim_snapshot, data_key_id),
    TRUTH(sim_snapshot, is_copy),
    WHOLE(sim_snapshot, completion_duration_min),
    WHOLE(sim_snapshot, visible_ms),
    TRUTH(sim_snapshot, shared_with_all),
    END,
};
static const struct field snapshot_inner_fields[] = {
    WHOLE(snapshot_inner, cut_id),
    WHOLE(snapshot_inner, lineage),
    WHOLE(snapshot_inner, moved_bytes),
    TRUTH(snapshot_inner, gone),
    TRUTH(snapshot_inner, doomed),
    TRUTH(snapshot_inner, managed_key),
    TRUTH(snapshot_inner, unsettled),
    WHOLE(snapshot_inner, set_id),
    TEXT(snapshot_inner, from_region),
    WHOLE(snapshot_inner, timed_bytes_per_s),
    TRUTH(snapshot_inner, open),
    WHOLE(snapshot_inner, write_limit_ms),
    TEXT(snapshot_inner, client_token),
    TEXT(snapshot_inner, request_hash),
    END,
};

static struct json_object *field_out(const struct field *field, const char *at)
{
    char bits[32];
    switch (field->kind) {
    case FIELD_TEXT:
        return json_object_new_string(at);
    case FIELD_WHOLE:
        return json_object_new_int64(*(const int64_t *)(const void *)at);
    case FIELD_BITS:
        (void)snprintf(bits, sizeof(bits), "%llu",
                       (unsigned long long)*(const uint64_t *)(const void *)at);
        return json_object_new_string(bits);
    case FIELD_REAL:
        return json_object_new_double(*(const double *)(const void *)at);
    case FIELD_TRUTH:
        return json_object_new_boolean(*(const bool *)(const void *)at);
    case FIELD_SMALL:
        return json_object_new_int(*(const int *)(const void *)at);
    }
    return NULL;
}

static void fields_out(struct json_object *object, const struct field *fields, const void *from)
{
    for (; fields->name != NULL; fields++) {
        (void)json_object_object_add(object, fields->name,
                                     field_out(fields, (const char *)from + fields->offset));
    }
}

static struct json_object *object_out(const struct field *fields, const void *from)
{
    struct json_object *object = json_object_new_object();
    fields_out(object, fields, from);
    return object;
}

static void tags_out(struct json_object *object, const struct sim_tags *tags)
{
    struct json_object *list = json_object_new_object();
    for (size_t i = 0; i < tags->count; i++) {
        (void)json_object_object_add(list, tags->items[i].key,
                                     json_object_new_string(tags->items[i].value));
    }
    (void)json_object_object_add(object, "tags", list);
}

static struct json_object *volume_out(const struct sim_volume *volume)
{
    struct json_object *object = object_out(volume_fields, volume);
    struct json_object *minutes = json_object_new_array();
    fields_out(object, volume_inner_fields, volume->inner);
    tags_out(object, &volume->tags);
    for (size_t i = 0; i < volume->inner->minute_count; i++) {
        const struct minute_counts *counts = &volume->inner->minutes[i];
        (void)json_object_array_add(minutes, json_object_new_int64(counts->minute));
        for (size_t j = 0; j < METRIC_COUNT; j++)
            (void)json_object_array_add(minutes, json_object_new_int64((int64_t)counts->counts[j]));
    }
    (void)json_object_object_add(object, "minutes", minutes);
    return object;
}

static struct json_object *snapshot_out(const struct sim_snapshot *snapshot)
{
    struct json_object *object = object_out(snapshot_fields, snapshot);
    struct json_object *shared = json_object_new_array();
    fields_out(object, snapshot_inner_fields, snapshot->inner);
    tags_out(object, &snapshot->tags);
    for (size_t i = 0; i < snapshot->shared_count; i++)
        (void)json_object_array_add(shared, json_object_new_string(snapshot->shared_with[i]));
    (void)json_object_object_add(object, "shared_with", shared);
    return object;
}

static struct json_object *list_in(struct json_object *root, const char *name)
{
    struct json_object *list = json_object_new_array();
    (void)json_object_object_add(root, name, list);
    return list;
}

static struct json_object *world_out(const struct world *world)
{
    struct json_object *root = object_out(world_fields, world);
    struct json_object *list = list_in(root, "cuts");
    for (size_t i = 0; i < world->cut_count; i++)
        (void)json_object_array_add(list, object_out(cut_fields, world->cuts[i]));
    list = list_in(root, "credentials");
    for (size_t i = 0; i < world->credential_count; i++)
        (void)json_object_array_add(list, object_out(credential_fields, world->credentials[i]));
    (void)json_object_object_add(root, "keys", world_keys_out(world));
    (void)json_object_object_add(root, "policies", world_documents_out(world));
    list = list_in(root, "tracks");
    for (size_t i = 0; i < world->track_count; i++)
        (void)json_object_array_add(list, object_out(track_fields, &world->tracks[i]));
    list = list_in(root, "instances");
    for (size_t i = 0; i < world->instance_count; i++) {
        struct json_object *described = object_out(instance_fields, &world->instances[i]);
        tags_out(described, &world->instances[i].tags);
        (void)json_object_array_add(list, described);
    }
    list = list_in(root, "volumes");
    for (size_t i = 0; i < world->volume_count; i++)
        (void)json_object_array_add(list, volume_out(world->volumes[i]));
    list = list_in(root, "snapshots");
    for (size_t i = 0; i < world->snapshot_count; i++)
        (void)json_object_array_add(list, snapshot_out(world->snapshots[i]));
    return root;
}

static void free_json(struct json_object **object)
{
    (void)json_object_put(*object);
}

/* Renamed into place: a killed server leaves the old state or the new one. */
void world_save(struct world *world)
{
    char path[4200];
    char draft[4200];
    if (world->dir == NULL || !world->dirty)
        return;
    (void)snprintf(path, sizeof(path), "%s/state.json", world->dir);
    (void)snprintf(draft, sizeof(draft), "%s/state.json.new", world->dir);
    CLEANUP(free_json) struct json_object *root = world_out(world);
    if (json_object_to_file_ext(draft, root, JSON_C_TO_STRING_PLAIN) != 0 ||
        rename(draft, path) != 0) {
        (void)fprintf(stderr, "cloudsim: cannot store '%s': %s\n", path, strerrordesc_np(errno));
    } else {
        world->dirty = false;
    }
}

void world_checkpoint(struct world *world)
{
    world->dirty = true;
    world_save(world);
}

static void field_in(const struct field *field, struct json_object *value, char *at)
{
    switch (field->kind) {
    case FIELD_TEXT:
        world_text(at, field->size, json_object_get_string(value));
        break;
    case FIELD_WHOLE:
        *(int64_t *)(void *)at = json_object_get_int64(value);
        break;
    case FIELD_BITS:
        *(uint64_t *)(void *)at = strtoull(json_object_get_string(value), NULL, 10);
        break;
    case FIELD_REAL:
        *(double *)(void *)at = json_object_get_double(value);
        break;
    case FIELD_TRUTH:
        *(bool *)(void *)at = json_object_get_boolean(value);
        break;
    case FIELD_SMALL:
        *(int *)(void *)at = json_object_get_int(value);
        break;
    }
}

static void fields_in(struct json_object *object, const struct field *fields, void *into)
{
    struct json_object *value;
    for (; fields->name != NULL; fields++) {
        if (json_object_object_get_ex(object, fields->name, &value) && value != NULL)
            field_in(fields, value, (char *)into + fields->offset);
    }
}

static void tags_in(struct json_object *object, struct sim_tags *tags)
{
    struct json_object *list;
    if (!json_object_object_get_ex(object, "tags", &list))
        return;
    json_object_object_foreach(list, key, value)
    {
        tags_set(tags, key, json_object_get_string(value));
    }
}

static size_t list_length(struct json_object *root, const char *name, struct json_object **list)
{
    return json_object_object_get_ex(root, name, list) ? json_object_array_length(*list) : 0;
}

static struct cut *cut_by_id(const struct world *world, int64_t id)
{
    /* Cuts are stored in the order of their ids, which start at 1 and have no gaps. */
    return id >= 1 && id <= (int64_t)world->cut_count ? world->cuts[id - 1] : NULL;
}

static enum error_code cuts_in(struct world *world, struct json_object *root, struct error *err)
{
    struct json_object *list;
    size_t count = list_length(root, "cuts", &list);
    world->cuts_made = 0;
    for (size_t i = 0; i < count; i++) {
        char path[4200];
        struct cut *cut = world_add_cut(world, NULL, 0);
        fields_in(json_object_array_get_idx(list, i), cut_fields, cut);
        cut->parent = cut_by_id(world, cut->parent_id);
        (void)snprintf(path, sizeof(path), "%s/blocks/%lld", world->dir, (long long)cut->id);
        enum error_code code = block_set_load(&cut->changed, path, err);
        if (code != ERR_NONE && code != ERR_NOT_FOUND)
            return code;
    }
    return ERR_NONE;
}

static void access_in(struct world *world, struct json_object *root)
{
    struct json_object *list;
    size_t count = list_length(root, "credentials", &list);
    struct json_object *keys;
    struct json_object *policies;
    world_make_access(world);
    if (json_object_object_get_ex(root, "keys", &keys))
        world_keys_in(world, keys);
    if (json_object_object_get_ex(root, "policies", &policies))
        world_documents_in(world, policies);
    for (size_t i = 0; i < count; i++) {
        struct sim_credential read = {0};
        fields_in(json_object_array_get_idx(list, i), credential_fields, &read);
        if (world_credential(world, read.access_key) != NULL)
            continue;
        struct sim_credential *kept = malloc(sizeof(*kept));
        if (kept == NULL)
            return;
        *kept = read;
        world->credentials = world_grow(world->credentials, world->credential_count,
                                        sizeof(struct sim_credential *));
        world->credentials[world->credential_count++] = kept;
    }
}

static void places_in(struct world *world, struct json_object *root)
{
    struct json_object *list;
    size_t count = list_length(root, "instances", &list);
    for (size_t i = 0; i < count; i++) {
        struct json_object *object = json_object_array_get_idx(list, i);
        world->instances =
            world_grow(world->instances, world->instance_count, sizeof(*world->instances));
        struct sim_instance *instance = &world->instances[world->instance_count++];
        fields_in(object, instance_fields, instance);
        tags_in(object, &instance->tags);
    }
    count = list_length(root, "tracks", &list);
    for (size_t i = 0; i < count; i++) {
        world->tracks = world_grow(world->tracks, world->track_count, sizeof(*world->tracks));
        fields_in(json_object_array_get_idx(list, i), track_fields,
                  &world->tracks[world->track_count++]);
    }
}

static void minutes_in(struct json_object *object, struct volume_inner *inner)
{
    struct json_object *list;
    size_t count = list_length(object, "minutes", &list) / (METRIC_COUNT + 1);
    for (size_t i = 0; i < count; i++) {
        inner->minutes = world_grow(inner->minutes, inner->minute_count, sizeof(*inner->minutes));
        struct minute_counts *counts = &inner->minutes[inner->minute_count++];
        size_t at = i * (METRIC_COUNT + 1);
        counts->minute = json_object_get_int64(json_object_array_get_idx(list, at));
        for (size_t j = 0; j < METRIC_COUNT; j++)
            counts->counts[j] = json_object_get_double(json_object_array_get_idx(list, at + 1 + j));
    }
}

static void volumes_in(struct world *world, struct json_object *root)
{
    struct json_object *list;
    size_t count = list_length(root, "volumes", &list);
    for (size_t i = 0; i < count; i++) {
        struct json_object *object = json_object_array_get_idx(list, i);
        struct sim_volume *volume = world_add_volume(world);
        struct volume_inner *inner = volume->inner;
        fields_in(object, volume_fields, volume);
        fields_in(object, volume_inner_fields, inner);
        tags_in(object, &volume->tags);
        minutes_in(object, inner);
        inner->base = cut_by_id(world, inner->base_id);
        if (inner->ghost_blocks > 0 && !inner->gone) {
            inner->ghost = ghost_new(dice_hash(world->seed, 31), inner->ghost_blocks,
                                     inner->ghost_origin_ms, &nature_usual.volumes[0].habits);
        }
    }
}

static enum error_code snapshots_in(struct world *world, struct json_object *root,
                                    struct error *err)
{
    struct json_object *list;
    size_t count = list_length(root, "snapshots", &list);
    for (size_t i = 0; i < count; i++) {
        struct json_object *object = json_object_array_get_idx(list, i);
        struct json_object *shared;
        struct sim_snapshot *snapshot = world_add_snapshot(world);
        fields_in(object, snapshot_fields, snapshot);
        fields_in(object, snapshot_inner_fields, snapshot->inner);
        tags_in(object, &snapshot->tags);
        snapshot->inner->cut = cut_by_id(world, snapshot->inner->cut_id);
        if (snapshot->inner->cut == NULL)
            return error_set(err, ERR_INVALID, "stored snapshot '%s' has no content", snapshot->id);
        size_t accounts = list_length(object, "shared_with", &shared);
        for (size_t j = 0; j < accounts; j++) {
            snapshot->shared_with = world_grow(snapshot->shared_with, snapshot->shared_count,
                                               sizeof(*snapshot->shared_with));
            world_text(snapshot->shared_with[snapshot->shared_count++], SIM_ACCOUNT_SIZE,
                       json_object_get_string(json_object_array_get_idx(shared, j)));
        }
    }
    return ERR_NONE;
}

static enum error_code check_bytes(const struct world *world, struct error *err)
{
    for (size_t i = 0; i < world->cut_count; i++) {
        if (world->cuts[i]->has_bytes && world->pool == NULL) {
            return error_set(err, ERR_SYSTEM,
                             "the state has stored bytes, which need root and reflink");
        }
    }
    return ERR_NONE;
}

static enum error_code read_state(const char *dir, struct json_object **root, struct error *err)
{
    char path[4200];
    (void)snprintf(path, sizeof(path), "%s/state.json", dir);
    if (access(path, F_OK) != 0)
        return error_set(err, ERR_NOT_FOUND, "no state at '%s'", path);
    *root = json_object_from_file(path);
    if (*root == NULL)
        return error_set(err, ERR_INVALID, "the state '%s' cannot be read", path);
    return ERR_NONE;
}

enum error_code world_stored_now_ms(const char *state_dir, int64_t *now_ms, struct error *err)
{
    CLEANUP(free_json) struct json_object *root = NULL;
    struct json_object *value;
    TRY(read_state(state_dir, &root, err));
    if (!json_object_object_get_ex(root, "now_ms", &value))
        return error_set(err, ERR_INVALID, "the state in '%s' has no time", state_dir);
    *now_ms = json_object_get_int64(value);
    return ERR_NONE;
}

enum error_code world_load(struct world *world, struct error *err)
{
    CLEANUP(free_json) struct json_object *root = NULL;
    TRY(read_state(world->dir, &root, err));
    fields_in(root, world_fields, world);
    TRY(cuts_in(world, root, err));
    access_in(world, root);
    places_in(world, root);
    volumes_in(world, root);
    TRY(snapshots_in(world, root, err));
    /* Making the objects above drew ids that are not theirs; the counters are set back. */
    fields_in(root, world_fields, world);
    return check_bytes(world, err);
}
