/* quiesce.h: the second waist: make a database and its filesystems hold still for one cut.
 *
 * A table of functions plus `self`; core/host/quiesce_local.h is the one that does it on this
 * machine, tests may put a fake there. The engine calls, in this order and as far as the run
 * wants them:
 *
 *     fence_record, fence     cutover only; the record is journalled before fence() is called
 *     backup_begin            backup mode only
 *     prepare                 CHECKPOINT, flush, watchdog armed; all that may be slow
 *     cut                     two hooks for cloud.h: freeze just before the request, thaw just after
 *     settle                  always after prepare, also when the cut failed
 *     backup_end              after the thaw: it waits for WAL to be archived
 *     report                  what really happened, with the consistency label
 *     unfence                 abort, or the other side after the hand over
 *
 * Only prepare, cut and settle touch filesystems; only the others and prepare talk to PostgreSQL. */
#ifndef CORE_QUIESCE_H
#define CORE_QUIESCE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/cloud.h"
#include "model/error.h"
#include "model/strbuf.h"

enum { LSN_TEXT_SIZE = 24 }; /* "FFFFFFFF/FFFFFFFF" and room */

/* What a snapshot is worth, weakest first; recorded from what happened, never from the plan. */
enum consistency {
    CONSISTENCY_CRASH,   /* as after a power cut: not frozen, or thawed before the call answered */
    CONSISTENCY_FROZEN,  /* every filesystem of the set was frozen over the whole call */
    CONSISTENCY_BACKUP,  /* frozen or not, inside one backup mode session that ended well */
    CONSISTENCY_STOPPED, /* the server was shut down before and after the call */
};

/* The label as plans, tags and JSON show it: "crash", "frozen", "backup", "stopped". */
static inline const char *consistency_name(enum consistency consistency)
{
    static const char *const names[] = {"crash", "frozen", "backup", "stopped"};
    return names[consistency];
}

/* What backup_end() hands back. Zero-initialise; the two strbufs are owned by the caller. */
struct quiesce_backup {
    char start_lsn[LSN_TEXT_SIZE];
    char stop_lsn[LSN_TEXT_SIZE];
    bool archive_waited; /* the server said that WAL up to stop_lsn is archived */
    struct strbuf label; /* content of backup_label, to be written to the restored volume */
    struct strbuf tablespace_map; /* content of tablespace_map, empty without tablespaces */
};

/* Frees the texts of *backup and empties it. Harmless on an empty one. */
static inline void quiesce_backup_done(struct quiesce_backup *backup)
{
    strbuf_done(&backup->label);
    strbuf_done(&backup->tablespace_map);
    *backup = (struct quiesce_backup){0};
}
#define CLEANUP_QUIESCE_BACKUP CLEANUP(quiesce_backup_done)

/* One cut as it happened. Times are monotonic microseconds; all 0 if nothing was frozen. */
struct quiesce_report {
    enum consistency consistency;
    bool watchdog_fired; /* the limit passed: thawed before the call answered */
    bool stolen;         /* somebody else thawed meanwhile */
    bool unseen; /* the link to the database's machine broke: thawed, and nobody knows when */
    bool fenced; /* fence() has seen the LSN stand still in this process */
    int64_t flush_before_us; /* syncfs before the freeze, writers still going on */
    int64_t freeze_us;       /* the FIFREEZE calls: writers shut out, rest flushed */
    int64_t held_us;         /* from the last FIFREEZE to the first FITHAW, ours or not */
    int64_t thaw_us;         /* the FITHAW calls */
    int64_t round_trip_us;   /* part of held_us: words between two machines; 0 on one */
    char lsn[LSN_TEXT_SIZE]; /* WAL position read by prepare(); "" without a database */
};

/* Every member is set. All calls come from one thread, with the same `self`. */
struct quiesce {
    void *self;

    /* Writes to *record the SQL script that restores what fence() is about to change, one
     * statement a line. It is plain SQL on purpose: an operator can run it with psql on the old
     * server, or on the new one, whose copy carries the fence with it. Journal it before fence().
     * Errors: ERR_POSTGRES, ERR_UNREACHABLE, ERR_ACCESS; ERR_STATE without a database. */
    enum error_code (*fence_record)(void *self, struct strbuf *record, struct error *err);

    /* Shuts every writer out, also over a restart of the server, ends their sessions, and returns
     * once the WAL position stood still; that position goes to *lsn. Safe to call again, also by
     * another process after a crash. On failure the fence may be half up: call unfence().
     * Errors: ERR_TIMEOUT if WAL kept moving; ERR_POSTGRES, ERR_UNREACHABLE, ERR_ACCESS;
     * ERR_STATE without a database. */
    enum error_code (*fence)(void *self, char lsn[LSN_TEXT_SIZE], struct error *err);

    /* Runs a record of fence_record(): every setting becomes what it was. Safe to call again.
     * Errors: ERR_POSTGRES, ERR_UNREACHABLE, ERR_ACCESS; ERR_STATE without a database. */
    enum error_code (*unfence)(void *self, const char *record, struct error *err);

    /* Reads the present WAL position of a primary, or the replayed one of a standby.
     * Errors: ERR_POSTGRES, ERR_UNREACHABLE; ERR_STATE without a database. */
    enum error_code (*read_lsn)(void *self, char lsn[LSN_TEXT_SIZE], struct error *err);

    /* Enters backup mode under `label` in the one session that backup_end() will end.
     * Errors: ERR_POSTGRES, ERR_UNREACHABLE, ERR_ACCESS, ERR_TIMEOUT; ERR_STATE without a
     * database or if a backup of ours is on already. */
    enum error_code (*backup_begin)(void *self, const char *label, struct error *err);

    /* Leaves backup mode and fills *backup. If it fails, the snapshot is not a base backup, and
     * report() says so. The wait for archiving is bounded; not reaching it is no error (see
     * archive_waited), because the label is already known by then.
     * Errors: ERR_STATE if no backup is on; ERR_POSTGRES (session lost, server refused). */
    enum error_code (*backup_end)(void *self, struct quiesce_backup *backup, struct error *err);

    /* Does all that may be slow before the freeze: checks the mounts, CHECKPOINT, syncfs until it
     * is quick, frozen-record written, watchdog running, memory locked. Nothing is frozen yet.
     * Errors: ERR_QUIESCE (mount refused, watchdog missing), ERR_POSTGRES, ERR_SYSTEM. */
    enum error_code (*prepare)(void *self, struct error *err);

    /* The hooks that cloud_start_snapshot_set() calls around the request; borrows `self`. Without
     * mounts to freeze both do nothing. Valid from prepare() to settle(). */
    struct cut (*cut)(void *self);

    /* Thaws whatever is still frozen, ends the watchdog, unlocks memory, removes the record.
     * Safe to call again, and when prepare() failed.
     * Errors: ERR_NOT_THAWED, naming the mount: the operator must run `ebshift thaw`. */
    enum error_code (*settle)(void *self, struct error *err);

    /* Says what happened since the last prepare(); cannot fail. */
    void (*report)(const void *self, struct quiesce_report *report);
};

#endif
