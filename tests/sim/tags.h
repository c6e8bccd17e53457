/* tags.h: the key-value labels of a simulated resource.
 *
 * Knows none of AWS's limits: the wire checks those before it stores anything. */
#ifndef TESTS_SIM_TAGS_H
#define TESTS_SIM_TAGS_H

#include <stddef.h>

struct sim_tag {
    char *key;
    char *value;
};

/* Zero-initialise for none. Owns everything; hand back with tags_done(). */
struct sim_tags {
    struct sim_tag *items;
    size_t count;
};

/* Frees what *tags owns and empties it. Harmless on empty tags. */
void tags_done(struct sim_tags *tags);

/* Sets `key` to a copy of `value`, replacing an earlier value. Aborts when memory runs out. */
void tags_set(struct sim_tags *tags, const char *key, const char *value);

/* Sets every tag of *more in *tags. */
void tags_merge(struct sim_tags *tags, const struct sim_tags *more);

/* Removes `key`, only if it has `value` when that is not NULL. Does nothing when absent. */
void tags_remove(struct sim_tags *tags, const char *key, const char *value);

/* The value of `key`, or NULL. Borrows from *tags. */
const char *tags_get(const struct sim_tags *tags, const char *key);

#endif
