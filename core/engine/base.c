#include "core/engine/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine/engine.h"
#include "core/engine/listing.h"

static const struct hop *hop_of(const struct base_request *request)
{
    return &request->path->hops[request->hop];
}

/* The key that the next copy will lie under: empty if none, false if that cannot be told. */
static bool find_key(const struct base_request *request, char arn[CLOUD_KEY_SIZE])
{
    const struct hop *hop = hop_of(request);
    struct cloud_key key = {0};
    struct error unused = {0};
    arn[0] = '\0';
    if (!path_encrypts(request->path, request->hop, request->volume_encrypted))
        return true;
    if (hop->key_id[0] == '\0' ||
        hop->to->get_key(hop->to->self, hop->key_id, &key, &unused) != ERR_NONE)
        return false;
    (void)snprintf(arn, CLOUD_KEY_SIZE, "%s", key.arn);
    return true;
}

static int by_instant(const void *left, const void *right)
{
    int64_t a = listing_instant(left);
    int64_t b = listing_instant(right);
    return (a > b) - (a < b);
}

/* The completed copies; of one instant there may be two, if one was taken again. */
static enum error_code add_standing(struct cloud_snapshots *copies, bool with_keys,
                                    struct lineage *lineage, struct error *err)
{
    int64_t last_ms = 0;
    if (copies->count > 0)
        qsort(copies->items, copies->count, sizeof(*copies->items), by_instant);
    for (size_t i = 0; i < copies->count; i++) {
        const struct cloud_snapshot *copy = &copies->items[i];
        struct lineage_snapshot item = {
            .started_ms = listing_instant(copy),
            .copy = copy->archived ? LINEAGE_COPY_ARCHIVED : LINEAGE_COPIED,
        };
        if (copy->state != CLOUD_SNAPSHOT_COMPLETED || item.started_ms <= last_ms)
            continue;
        (void)snprintf(item.id, sizeof(item.id), "%.23s", copy->id);
        if (with_keys)
            (void)snprintf(item.copy_key, sizeof(item.copy_key), "%s", copy->key_id);
        TRY(lineage_append(lineage, &item, err));
        last_ms = item.started_ms;
    }
    return ERR_NONE;
}

/* The newest of the copies that runs made, if it is there no more and somebody else made none since. */
static enum error_code add_missing(const struct cloud_snapshots *standing,
                                   const struct object *newest, struct lineage *lineage,
                                   struct error *err)
{
    int64_t last_ms = lineage->count == 0 ? 0 : lineage->items[lineage->count - 1].started_ms;
    if (listing_has(standing, newest->id) || newest->started_ms <= last_ms)
        return ERR_NONE;
    struct lineage_snapshot item = {.started_ms = newest->started_ms, .copy = LINEAGE_COPY_DELETED};
    (void)snprintf(item.id, sizeof(item.id), "%.23s", newest->id);
    return lineage_append(lineage, &item, err);
}

static enum error_code add_made(const struct base_request *request,
                                const struct cloud_snapshots *standing, struct lineage *lineage,
                                struct error *err)
{
    struct copy_series series = path_series(request->path, request->hop, request->volume_id);
    struct object *made = NULL;
    size_t count = 0;
    TRY(store_get_copies(request->store, &series, &made, &count, err));
    enum error_code code = ERR_NONE;
    if (count > 0)
        code = add_missing(standing, &made[count - 1], lineage, err);
    free(made);
    return code;
}

enum error_code base_find(const struct base_request *request, struct base *base, struct error *err)
{
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots copies = {0};
    CLEANUP_LINEAGE struct lineage lineage = {0};
    char key_arn[CLOUD_KEY_SIZE];
    struct cloud_snapshot_filter filter = {.tag_key = TAG_VOLUME, .tag_value = request->volume_id};
    const struct listing listing = {
        .cloud = hop_of(request)->to,
        .clock = request->clock,
        .log = request->log,
        .what = "list the copies",
        .patience_ms = request->patience_ms,
    };
    TRY(listing_snapshots(&listing, &filter, &copies, err));
    bool with_keys = copies.count > 0 && find_key(request, key_arn);
    TRY(add_standing(&copies, with_keys, &lineage, err));
    TRY(add_made(request, &copies, &lineage, err));
    base->full = lineage_next_copy(&lineage, with_keys ? key_arn : "", &base->instant_ms);
    return ERR_NONE;
}
