#include "model/lineage.h"

#include <stdlib.h>
#include <string.h>

void lineage_done(struct lineage *lineage)
{
    free(lineage->items);
    *lineage = (struct lineage){0};
}

/* A tie is refused too: without a strict order the base of a copy would be ambiguous. */
static enum error_code check_is_newest(const struct lineage *lineage,
                                       const struct lineage_snapshot *snapshot, struct error *err)
{
    if (lineage->count > 0 && snapshot->started_ms <= lineage->items[lineage->count - 1].started_ms)
        return error_set(err, ERR_INVALID, "snapshot '%s' is not the newest", snapshot->id);
    return ERR_NONE;
}

enum error_code lineage_append(struct lineage *lineage, const struct lineage_snapshot *snapshot,
                               struct error *err)
{
    TRY(check_is_newest(lineage, snapshot, err));
    size_t count = lineage->count + 1;
    struct lineage_snapshot *items = reallocarray(lineage->items, count, sizeof(*items));
    if (items == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu snapshots", count);
    items[count - 1] = *snapshot;
    *lineage = (struct lineage){.items = items, .count = count};
    return ERR_NONE;
}

/* One copy with another key anywhere in the series is enough to make the next full. */
static bool has_other_key(const struct lineage *lineage, const char *key)
{
    for (size_t i = 0; i < lineage->count; i++) {
        const struct lineage_snapshot *snapshot = &lineage->items[i];
        bool stands = snapshot->copy == LINEAGE_COPIED || snapshot->copy == LINEAGE_COPY_ARCHIVED;
        if (stands && strcmp(snapshot->copy_key, key) != 0)
            return true;
    }
    return false;
}

static enum lineage_full why_full(const struct lineage *lineage,
                                  const struct lineage_snapshot *newest, const char *key)
{
    if (newest->copy == LINEAGE_COPY_DELETED)
        return LINEAGE_FULL_DELETED;
    if (newest->copy == LINEAGE_COPY_ARCHIVED)
        return LINEAGE_FULL_ARCHIVED;
    return has_other_key(lineage, key) ? LINEAGE_FULL_KEY : LINEAGE_INCREMENTAL;
}

enum lineage_full lineage_next_copy(const struct lineage *lineage, const char *key,
                                    int64_t *copied_ms)
{
    *copied_ms = 0;
    for (size_t i = lineage->count; i > 0; i--) {
        const struct lineage_snapshot *snapshot = &lineage->items[i - 1];
        if (snapshot->copy == LINEAGE_NOT_COPIED)
            continue;
        enum lineage_full full = why_full(lineage, snapshot, key);
        if (full == LINEAGE_INCREMENTAL)
            *copied_ms = snapshot->started_ms;
        return full;
    }
    return LINEAGE_FULL_FIRST;
}

const char *lineage_full_text(enum lineage_full full)
{
    static const char *const texts[] = {
        [LINEAGE_INCREMENTAL] = "the next copy is incremental",
        [LINEAGE_FULL_FIRST] = "full: the first copy to this target; plan a window after it",
        [LINEAGE_FULL_KEY] = "full: a copy there has another key; use one key for the whole series",
        [LINEAGE_FULL_ARCHIVED] = "full: the newest copy there is archived; restore it first",
        [LINEAGE_FULL_DELETED] = "full: the newest copy there was deleted; keep the newest one",
    };
    return texts[full];
}
