/* power_disk.h: a disk whose power fails, or that refuses, at a chosen operation of SQLite.
 *
 * A SQLite VFS above the usual one. What is written reaches the files at once, as the page cache
 * has it, and a second folder only when it was synced, as the platter has it. When the power goes,
 * any part of what was not synced may or may not have got there, by sectors; from then on every
 * operation is refused and has no effect. */
#ifndef TESTS_SUPPORT_POWER_DISK_H
#define TESTS_SUPPORT_POWER_DISK_H

#include <stdint.h>

enum power_event {
    POWER_FAILS,      /* it is told, and nothing happens any more */
    POWER_DISK_FULL,  /* this operation and all later ones that need room fail */
    POWER_SYNC_FAILS, /* the first sync from this operation on fails, once */
};

struct power_plan {
    enum power_event event;
    int64_t at;               /* number of the operation, from 1: write, truncate, sync or delete */
    int64_t operations;       /* counts them */
    char platter[128];        /* folder that gets what is durable */
    void (*lost)(void *self); /* called when the power fails */
    void *self;
};

/* Makes every database that this process opens until power_disk_remove() live on such a disk. The
 * plan is borrowed, and its operations counted. Ends the process if that cannot be done. */
void power_disk_install(struct power_plan *plan);
void power_disk_remove(void);

#endif
