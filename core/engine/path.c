#include "core/engine/path.h"

#include <stdio.h>
#include <string.h>

/* In the target's account the AWS-managed key will do for a copy that is only passed on inside it;
 * it is named all the same, because a default could be changed between two rounds. */
#define PASSING_KEY "alias/aws/ebs"

static bool is_near(const struct cloud *left, const struct cloud *right)
{
    return strcmp(left->region, right->region) == 0;
}

static void add_hop(struct path *path, const struct cloud *to, const struct cloud *from,
                    const char *key_id)
{
    path->hops[path->count++] = (struct hop){
        .from = from,
        .to = to,
        .key_id = key_id,
        .encrypts = key_id[0] != '\0',
    };
}

static void cross(struct path *path, const struct path_ends *ends)
{
    const struct cloud *at = ends->source;
    if (!is_near(ends->source, ends->via_source)) {
        add_hop(path, ends->via_source, at, ends->via_key);
        at = ends->via_source;
    }
    bool arrived = is_near(ends->via_target, ends->target);
    add_hop(path, arrived ? ends->target : ends->via_target, at,
            arrived ? ends->target_key : PASSING_KEY);
    path->hops[path->count - 1].crosses = true;
    if (arrived)
        return;
    path->hops[path->count - 1].encrypts = false;
    add_hop(path, ends->target, ends->via_target, ends->target_key);
}

struct path path_make(const struct path_ends *ends)
{
    struct path path = {.account_id = ends->account_id, .principal = ends->principal};
    if (ends->account_id[0] != '\0') {
        cross(&path, ends);
        (void)snprintf(path.name, sizeof(path.name), "%.12s/%.14s+%zu", ends->account_id,
                       ends->target->region, path.count);
        return path;
    }
    if (!is_near(ends->source, ends->target))
        add_hop(&path, ends->target, ends->source, ends->target_key);
    (void)snprintf(path.name, sizeof(path.name), "%s", ends->target->region);
    return path;
}

void path_place(const struct path *path, size_t hop, char text[PATH_PLACE_SIZE])
{
    const char *region = path->hops[hop].to->region;
    bool crossed = false;
    for (size_t i = 0; i <= hop; i++)
        crossed = crossed || path->hops[i].crosses;
    if (path->account_id[0] == '\0') {
        (void)snprintf(text, PATH_PLACE_SIZE, "%s", region);
    } else if (crossed) {
        (void)snprintf(text, PATH_PLACE_SIZE, "%s in account %s", region, path->account_id);
    } else {
        (void)snprintf(text, PATH_PLACE_SIZE, "%s in the source's account", region);
    }
}

enum object_kind path_kind(const struct path *path, size_t hop)
{
    if (hop + 1 == path->count)
        return OBJECT_COPY;
    return hop == 0 ? OBJECT_RELAY : OBJECT_SECOND_RELAY;
}

enum object_kind path_source_kind(const struct path *path, size_t hop)
{
    return hop == 0 ? OBJECT_SNAPSHOT : path_kind(path, hop - 1);
}

struct copy_series path_series(const struct path *path, size_t hop, const char *volume_id)
{
    return (struct copy_series){
        .volume_id = volume_id,
        .kind = path_kind(path, hop),
        .region = path->hops[hop].to->region,
        .target_account = path->account_id,
    };
}

const struct cloud *path_cloud(const struct path *path, enum object_kind kind,
                               const struct cloud *source, const struct cloud *target)
{
    for (size_t i = 0; i < path->count; i++) {
        if (path_kind(path, i) == kind)
            return path->hops[i].to;
    }
    return kind == OBJECT_SNAPSHOT ? source : target;
}

bool path_encrypts(const struct path *path, size_t hop, bool volume_encrypted)
{
    bool encrypted = volume_encrypted;
    for (size_t i = 0; i <= hop; i++)
        encrypted = encrypted || path->hops[i].encrypts;
    return encrypted;
}
