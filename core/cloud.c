#include "core/cloud.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct cloud_tag *find_tag(const struct cloud_tags *tags, const char *key)
{
    for (size_t i = 0; i < tags->count; i++) {
        if (strcmp(tags->items[i].key, key) == 0)
            return &tags->items[i];
    }
    return NULL;
}

enum error_code cloud_tags_set(struct cloud_tags *tags, const char *key, const char *value,
                               struct error *err)
{
    struct cloud_tag *tag = find_tag(tags, key);
    if (strlen(key) >= sizeof(tag->key) || strlen(value) >= sizeof(tag->value))
        return error_set(err, ERR_INVALID, "tag '%s' is too long", key);
    if (tag == NULL) {
        if (tags->count == CLOUD_TAGS_MAX)
            return error_set(err, ERR_INVALID, "more than %d tags", CLOUD_TAGS_MAX);
        struct cloud_tag *items = reallocarray(tags->items, tags->count + 1, sizeof(*items));
        if (items == NULL)
            return error_set(err, ERR_NO_MEMORY, "cannot hold %zu tags", tags->count + 1);
        tag = &items[tags->count];
        *tags = (struct cloud_tags){.items = items, .count = tags->count + 1};
        (void)snprintf(tag->key, sizeof(tag->key), "%s", key);
    }
    (void)snprintf(tag->value, sizeof(tag->value), "%s", value);
    return ERR_NONE;
}

const char *cloud_tags_get(const struct cloud_tags *tags, const char *key)
{
    const struct cloud_tag *tag = find_tag(tags, key);
    return tag == NULL ? NULL : tag->value;
}

void cloud_tags_done(struct cloud_tags *tags)
{
    free(tags->items);
    *tags = (struct cloud_tags){0};
}

void cloud_snapshots_done(struct cloud_snapshots *snapshots)
{
    for (size_t i = 0; i < snapshots->count; i++)
        cloud_tags_done(&snapshots->items[i].tags);
    free(snapshots->items);
    *snapshots = (struct cloud_snapshots){0};
}

void cloud_volumes_done(struct cloud_volumes *volumes)
{
    for (size_t i = 0; i < volumes->count; i++)
        cloud_tags_done(&volumes->items[i].tags);
    free(volumes->items);
    *volumes = (struct cloud_volumes){0};
}

void cloud_metric_done(struct cloud_metric *metric)
{
    free(metric->points);
    *metric = (struct cloud_metric){0};
}
