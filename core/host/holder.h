/* holder.h: who holds the filesystems of the database still.
 *
 * This process where it runs beside the database (hold.h), or the program ebshift-hold on the
 * database's machine (far.h). quiesce_local.h puts PostgreSQL beside either. */
#ifndef CORE_HOST_HOLDER_H
#define CORE_HOST_HOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/error.h"

enum { SERVER_HEAD_SIZE = 4608 };

/* What one holding was like. Times are monotonic microseconds of the machine that froze. */
struct held {
    bool all_frozen; /* filesystems were frozen, and thawed at our word */
    bool fired;      /* the watchdog thawed, or nobody knows what it did */
    bool stolen;     /* somebody else thawed one */
    bool unseen;     /* it is thawed, and nobody knows since when */
    int64_t flush_before_us;
    int64_t freeze_us;
    int64_t held_us;
    int64_t thaw_us;
    int64_t round_trip_us; /* the part of held_us in which words were under way; 0 here */
};

/* Every member is set. The contracts are those of the same steps in core/quiesce.h. */
struct holder {
    void *self;

    /* Reads the head of postmaster.pid on the database's machine (core/pg/directory.h); NULL where
     * that is this machine. Errors: ERR_QUIESCE. */
    enum error_code (*server_head)(void *self, const char *data_directory,
                                   char head[SERVER_HEAD_SIZE], struct error *err);

    /* Refuses filesystems that are frozen now. Errors: ERR_QUIESCE, ERR_SYSTEM. */
    enum error_code (*check_thawed)(void *self, struct error *err);

    /* Opens, checks and flushes the filesystems, with the watchdog armed.
     * Errors: ERR_QUIESCE, ERR_SYSTEM. */
    enum error_code (*prepare)(void *self, struct error *err);

    /* Freezes. Errors: ERR_QUIESCE, after which settle() is due; ERR_NOT_THAWED. */
    enum error_code (*begin)(void *self, struct error *err);

    /* Thaws. A failure is not lost: settle() tries again and reports. Returns false then. */
    bool (*end)(void *self);

    /* Thaws what is still frozen, ends the watchdog and tells what happened since prepare(). Safe to
     * call again, with zeros. Errors: ERR_NOT_THAWED. */
    enum error_code (*settle)(void *self, struct held *held, struct error *err);
};

#endif
