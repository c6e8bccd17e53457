/* listing.h: snapshots by filter, asked for with patience, and what the tags of a copy tell.
 *
 * Whoever looks at a lineage asks here: collect.c to learn, outlook.c and base.c to plan, objects.c to find what
 * a lost answer was about. Polling objects by id is poll.h's. */
#ifndef CORE_ENGINE_LISTING_H
#define CORE_ENGINE_LISTING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/clock.h"
#include "core/cloud.h"
#include "core/log.h"
#include "model/error.h"

/* Where to ask, and how long a question that fails for now is asked again. Borrows all. */
struct listing {
    const struct cloud *cloud;
    const struct clock *clock;
    const struct log *log;
    const char *what; /* for messages, "list the snapshots" */
    int64_t patience_ms;
};

/* Lists snapshots into *found, which is emptied first; in the order of the service.
 * Errors: those of the cloud, after retries. */
MUST_CHECK enum error_code listing_snapshots(const struct listing *listing,
                                             const struct cloud_snapshot_filter *filter,
                                             struct cloud_snapshots *found, struct error *err);

/* True if a snapshot of that id is among them. */
bool listing_has(const struct cloud_snapshots *snapshots, const char *id);

/* True for a copy that holds a place in its region: EBS gives copies the id of no volume. */
bool listing_is_copy_in_flight(const struct cloud_snapshot *snapshot);

/* The instant that a copy of ours stands for, Unix milliseconds UTC; 0 if its tag is missing or
 * broken. */
int64_t listing_instant(const struct cloud_snapshot *copy);

#endif
