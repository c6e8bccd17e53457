/* quiesce_local.h: quiesce.h for a database, and filesystems of this machine or of its own.
 *
 * Puts holder.h and core/pg together, and derives the consistency label from what
 * happened. The only file here that knows of PostgreSQL. Made by the composition root. */
#ifndef CORE_HOST_QUIESCE_LOCAL_H
#define CORE_HOST_QUIESCE_LOCAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/host/hold.h"
#include "core/host/holder.h"
#include "core/pg/conn.h"
#include "core/quiesce.h"
#include "model/error.h"

/* Strings and `far` are borrowed until quiesce_local_done(), the arrays in `hold` only by
 * quiesce_local_init(). A number that is 0 means its default. */
struct quiesce_local_options {
    const char *conninfo;       /* NULL or "": no database is talked to */
    const char *data_directory; /* the server must run in it; without conninfo: tells whether
                                        it is stopped */
    struct hold_options hold;   /* the filesystems, if they are of this machine */
    const struct holder *far;   /* or who holds them elsewhere; NULL: they are here */
    int connect_timeout_ms;     /* default 10 s */
    int restart_ms;             /* patience with a server that refuses; default 60 s */
    int statement_timeout_ms;   /* of one statement, a CHECKPOINT included; default 5 min */
    int fence_settle_ms;        /* for sessions and WAL to come to rest; default 60 s */
    int archive_wait_ms;        /* after the end of a backup; default 30 s */
};

/* Zero-initialise; set up with quiesce_local_init(). Members are for quiesce_local.c. */
struct quiesce_local {
    struct quiesce_local_options options; /* but for `hold` */
    struct pg_conn conn;
    struct hold hold;
    bool backup_on;      /* backup_begin() succeeded, backup_end() was not called yet */
    bool stopped_before; /* the server was stopped when prepare() looked */
    bool cut_began;
    bool cut_ended;
    bool freeze_held; /* filesystems were frozen at the cut and thawed after it */
    bool cut_in_backup;
    bool cut_backup_ended; /* the backup that was on at the cut ended well */
    char start_lsn[LSN_TEXT_SIZE];
    struct quiesce_report happened;
};

/* Takes the options; opens nothing yet. Too many mounts or own paths are refused by prepare. */
void quiesce_local_init(struct quiesce_local *local, const struct quiesce_local_options *options);

/* Thaws and closes whatever is open. Does not lift a fence. Harmless on an empty one. */
void quiesce_local_done(struct quiesce_local *local);

/* The interface of an initialised one; borrows it. */
struct quiesce quiesce_local(struct quiesce_local *local);

#endif
