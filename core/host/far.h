/* far.h: the filesystems of another machine, held still by the program ebshift-hold there.
 *
 * Asks the questions of hold_answer.h over a wire.h and is a holder.h. Inside the freeze one line
 * goes each way: "freeze" before it, "thaw" at its end. What is not sure to have been thawed is
 * asked for again, over a new connection if need be, until it is, and counts as thawed too early. A
 * way that is too slow for the limit is refused before the freeze. */
#ifndef CORE_HOST_FAR_H
#define CORE_HOST_FAR_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/host/holder.h"
#include "core/host/mounts.h"
#include "core/wire.h"
#include "model/error.h"

/* Zero-initialise but for the members of the first group. */
struct far {
    struct wire wire;
    const char *name; /* of the machine, for messages; borrowed */
    int64_t freeze_limit_ms;
    const char *const *mount_points; /* in freezing order; borrowed, `mount_count` */
    size_t mount_count;

    bool greeted;
    bool in_doubt;     /* told to freeze, and not heard that it thawed */
    int64_t frozen_us; /* monotonic, here: heard that it froze */
    int64_t thaw_us;   /* and told to thaw */
};

/* Where a path is on the other machine. A plain value. */
struct far_place {
    char real[PATH_MAX]; /* links followed */
    char mount_point[PATH_MAX];
    struct volume_ids volumes; /* none: it lies on no EBS volume */
};

/* Finds a place; `by_id` is where the links of the volumes are there.
 * Errors: ERR_NOT_FOUND; ERR_QUIESCE if the machine cannot be asked. */
MUST_CHECK enum error_code far_find_place(struct far *far, const char *by_id, const char *path,
                                          struct far_place *place, struct error *err);

/* Measures a word there and back; an earlier greeting is forgotten.
 * Errors: ERR_QUIESCE if that takes too long for freeze_limit_ms, or fails. */
MUST_CHECK enum error_code far_check_way(struct far *far, struct error *err);

/* The interface; borrows it. */
struct holder far_holder(struct far *far);

#endif
