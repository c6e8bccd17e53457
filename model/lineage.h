/* lineage.h: the completed snapshots of one volume and their copies at one target, oldest first.
 *
 * Plain data: no I/O, no clock. Answers whether the next copy would carry everything, and why, before
 * a night is planned on it (rules: EBS user guide, copying snapshots: a copy is incremental only
 * while the newest copy of the series at the target is kept and not archived, and only if all copies
 * there have the same key). */
#ifndef MODEL_LINEAGE_H
#define MODEL_LINEAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/error.h"
#include "model/sample.h"

#define LINEAGE_KEY_SIZE 160

/* What stands at the target for one snapshot. */
enum lineage_copy {
    LINEAGE_NOT_COPIED,
    LINEAGE_COPIED,
    LINEAGE_COPY_ARCHIVED,
    LINEAGE_COPY_DELETED,
};

/* One completed snapshot. */
struct lineage_snapshot {
    char id[SAMPLE_ID_SIZE];
    int64_t started_ms; /* the instant captured, Unix milliseconds UTC */
    enum lineage_copy copy;
    char copy_key[LINEAGE_KEY_SIZE]; /* key of the copy; empty: not encrypted */
};

/* Zero-initialise for an empty lineage. Owns `items`; hand back with lineage_done(). */
struct lineage {
    struct lineage_snapshot *items;
    size_t count;
};

/* Frees what *lineage owns and empties it. Harmless on an empty one. */
void lineage_done(struct lineage *lineage);
#define CLEANUP_LINEAGE CLEANUP(lineage_done)

/* Appends a copy of *snapshot. On error *lineage is unchanged.
 * Errors: ERR_INVALID if started_ms is not after the newest entry; ERR_NO_MEMORY. */
MUST_CHECK enum error_code
lineage_append(struct lineage *lineage, const struct lineage_snapshot *snapshot, struct error *err);

/* Why the next copy would be full. */
enum lineage_full {
    LINEAGE_INCREMENTAL = 0,
    LINEAGE_FULL_FIRST,    /* nothing was ever copied to this target */
    LINEAGE_FULL_KEY,      /* a copy has another key */
    LINEAGE_FULL_ARCHIVED, /* the newest copy is archived */
    LINEAGE_FULL_DELETED,  /* the newest copy is gone */
};

/* Tells whether the next copy, encrypted with `key` (empty: not encrypted), would be incremental.
 * *copied_ms receives the instant of the copy it builds on, 0 if it would be full. */
enum lineage_full lineage_next_copy(const struct lineage *lineage, const char *key,
                                    int64_t *copied_ms);

/* The reason in words, with what to do; a static string. */
const char *lineage_full_text(enum lineage_full full);

#endif
