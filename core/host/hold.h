/* hold.h: the filesystems of this machine held still: freeze.h and watchdog.h as one.
 *
 * Knows nothing of PostgreSQL. Used by quiesce_local.h beside the database, and by the program
 * ebshift-hold for an ebshift elsewhere: the same code freezes in both. */
#ifndef CORE_HOST_HOLD_H
#define CORE_HOST_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/host/freeze.h"
#include "core/host/holder.h"
#include "core/host/watchdog.h"
#include "model/error.h"

enum { OWN_PATHS_MAX = 16 };

/* Strings are borrowed until hold_done(), the two arrays only by hold_init(). */
struct hold_options {
    const char *const *mount_points; /* in freezing order: WAL last, so that it is held shortest */
    size_t mount_count;              /* 0: nothing is frozen */
    const char *const *own_paths;    /* store, log, config: never on a frozen filesystem */
    size_t own_count;
    const char *watchdog_program; /* NULL or "": looked for, see watchdog_find() */
    const char *record_dir;       /* NULL: FROZEN_RECORD_DIR */
    int64_t freeze_limit_ms;      /* 0: 10 s */
};

/* Zero-initialise; set up with hold_init(). Members are for hold.c. */
struct hold {
    struct hold_options options; /* but for its arrays: see the two below */
    const char *mount_points[FREEZE_MOUNTS_MAX];
    const char *own_paths[OWN_PATHS_MAX];
    struct freeze freeze;
    struct watchdog watchdog;
    int64_t flush_before_us;
    bool memory_locked;
    bool recorded; /* the frozen-record is written */
    bool began;
    bool ended;
};

/* Takes the options; opens nothing yet. Too many mounts or own paths are refused by prepare. */
void hold_init(struct hold *hold, const struct hold_options *options);

/* Thaws and closes whatever is open. Harmless on an empty one. */
void hold_done(struct hold *hold);

/* The interface of an initialised one; borrows it. */
struct holder hold_holder(struct hold *hold);

#endif
