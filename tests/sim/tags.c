#include "tests/sim/tags.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static char *copy_text(const char *text)
{
    char *copy = strdup(text);
    assert(copy != NULL);
    return copy;
}

static struct sim_tag *find(const struct sim_tags *tags, const char *key)
{
    for (size_t i = 0; i < tags->count; i++) {
        if (strcmp(tags->items[i].key, key) == 0)
            return &tags->items[i];
    }
    return NULL;
}

void tags_done(struct sim_tags *tags)
{
    for (size_t i = 0; i < tags->count; i++) {
        free(tags->items[i].key);
        free(tags->items[i].value);
    }
    free(tags->items);
    *tags = (struct sim_tags){0};
}

void tags_set(struct sim_tags *tags, const char *key, const char *value)
{
    struct sim_tag *old = find(tags, key);
    if (old != NULL) {
        free(old->value);
        old->value = copy_text(value);
        return;
    }
    tags->items = reallocarray(tags->items, tags->count + 1, sizeof(*tags->items));
    assert(tags->items != NULL);
    tags->items[tags->count++] = (struct sim_tag){copy_text(key), copy_text(value)};
}

void tags_merge(struct sim_tags *tags, const struct sim_tags *more)
{
    for (size_t i = 0; more != NULL && i < more->count; i++)
        tags_set(tags, more->items[i].key, more->items[i].value);
}

void tags_remove(struct sim_tags *tags, const char *key, const char *value)
{
    struct sim_tag *tag = find(tags, key);
    if (tag == NULL || (value != NULL && strcmp(tag->value, value) != 0))
        return;
    free(tag->key);
    free(tag->value);
    *tag = tags->items[--tags->count];
}

const char *tags_get(const struct sim_tags *tags, const char *key)
{
    const struct sim_tag *tag = find(tags, key);
    return tag == NULL ? NULL : tag->value;
}
