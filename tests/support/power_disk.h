/* power_disk.h: a disk whose power fails, or that refuses, at a chosen operation of SQLite.
 *
 * A SQLite VFS above the usual one. What is written reaches the files at once, as the page cache
 * has it, and a second folder only when it was synced, as the platter has it. When the power goes,
 * any part of what was not synced may or may not have got there, by sectors. Made for a child
 * process, which ends with the power. */
#ifndef TESTS_SUPPORT_POWER_DISK_H
#define TESTS_SUPPORT_POWER_DISK_H

#include <stdint.h>

#define POWER_LOST 78 /* exit status of a process whose power failed */

enum power_event {
    POWER_FAILS,      /* the process ends */
    POWER_DISK_FULL,  /* this operation and all later ones that need room fail */
    POWER_SYNC_FAILS, /* the first sync from this operation on fails, once */
};

struct power_plan {
    enum power_event event;
    int64_t at;          /* number of the operation, from 1: write, truncate, sync or delete */
    char platter[128];   /* folder that gets what is durable */
    int64_t *operations; /* counts them; may lie in shared memory */
};

/* Makes every database that this process opens from now on live on such a disk. The plan is
 * copied. Ends the process if that cannot be done. */
void power_disk_install(const struct power_plan *plan);

#endif
