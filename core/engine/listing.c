#include "core/engine/listing.h"

#include <string.h>

#include "core/engine/attempt.h"
#include "core/engine/engine.h"
#include "model/instant.h"

enum error_code listing_snapshots(const struct listing *listing,
                                  const struct cloud_snapshot_filter *filter,
                                  struct cloud_snapshots *found, struct error *err)
{
    const struct cloud *cloud = listing->cloud;
    enum error_code code = ERR_NONE;
    struct attempt attempt =
        attempt_begin(listing->clock, listing->log, listing->what, listing->patience_ms);
    do {
        cloud_snapshots_done(found);
        code = cloud->list_snapshots(cloud->self, filter, found, err);
    } while (attempt_again(&attempt, &code, err));
    return code;
}

bool listing_has(const struct cloud_snapshots *snapshots, const char *id)
{
    for (size_t i = 0; i < snapshots->count; i++) {
        if (strcmp(snapshots->items[i].id, id) == 0)
            return true;
    }
    return false;
}

bool listing_is_copy_in_flight(const struct cloud_snapshot *snapshot)
{
    return snapshot->state == CLOUD_SNAPSHOT_PENDING &&
           strncmp(snapshot->volume_id, "vol-ffffffff", 12) == 0;
}

int64_t listing_instant(const struct cloud_snapshot *copy)
{
    const char *text = cloud_tags_get(&copy->tags, TAG_INSTANT);
    int64_t instant_ms = 0;
    if (text == NULL || instant_parse(text, &instant_ms, NULL) != ERR_NONE)
        return 0;
    return instant_ms;
}
