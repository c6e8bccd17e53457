/* path.h: the copies that lead a snapshot to the target, one hop after the other.
 *
 * Another region, or another account, takes one copy. Both at once take two: no single call is
 * promised to do that for encrypted snapshots, so the source account copies into the region where
 * the snapshots change hands (the target's, unless another is named), shares them there, and the
 * target account copies them under its own key. That order keeps every hop incremental, and it is
 * also the way out for a volume under the AWS-managed key, which cannot be shared: the first hop
 * puts its snapshots under a key that can. (Inside one account and region such a copy would be full
 * every time.) */
#ifndef CORE_ENGINE_PATH_H
#define CORE_ENGINE_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "core/cloud.h"
#include "core/store.h"

#define PATH_HOPS_MAX   3
#define PATH_PLACE_SIZE 64

/* One copy of a snapshot, made by the destination. */
struct hop {
    const struct cloud *from;
    const struct cloud *to;
    const char *key_id; /* the key of the copy; empty: none is named */
    bool encrypts;      /* also what was not encrypted before */
    bool crosses;       /* into the other account: its source has to be shared */
};

struct path {
    struct hop hops[PATH_HOPS_MAX];
    size_t count;           /* 0: the volumes are made from the snapshots themselves */
    const char *account_id; /* who gets the shares; empty where no hop crosses */
    const char *principal;  /* who gets the grants: an ARN */
    char name[32];          /* copies that took this path can be compared with each other */
};

/* Between what. Borrows all; so does the path made from it. */
struct path_ends {
    const struct cloud *source;
    const struct cloud *target;
    const char *target_key; /* empty: none is named, as the other texts */
    const char *account_id; /* of the target; empty: the same as the source's */
    const char *principal;  /* in that account */
    /* Where the snapshots change hands, in either account; read for another account only. */
    const struct cloud *via_source;
    const struct cloud *via_target;
    const char *via_key; /* of the source account, for copies there */
};

/* The path between two ends. */
struct path path_make(const struct path_ends *ends);

/* Where a hop makes its copies, for people: the region, and in whose account where there are two. */
void path_place(const struct path *path, size_t hop, char text[PATH_PLACE_SIZE]);

/* What the store calls the copies of a hop: those of the last one are what volumes are made of. */
enum object_kind path_kind(const struct path *path, size_t hop);

/* What a hop copies: the snapshots, or the copies of the hop before. */
enum object_kind path_source_kind(const struct path *path, size_t hop);

/* The copies that a hop made of a volume, as the store finds them; borrows both. */
struct copy_series path_series(const struct path *path, size_t hop, const char *volume_id);

/* Where the objects of a kind are. */
const struct cloud *path_cloud(const struct path *path, enum object_kind kind,
                               const struct cloud *source, const struct cloud *target);

/* True if the copy of a hop is encrypted, given that of the volume. */
bool path_encrypts(const struct path *path, size_t hop, bool volume_encrypted);

#endif
