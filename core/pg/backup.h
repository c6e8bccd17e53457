/* backup.h: non-exclusive backup mode in one session that stays open.
 *
 * Leaving never waits for the archive inside the server: a wait that is cut short there would lose
 * the label. It fetches the label at once and then watches the archiver for a bounded time. Only
 * 9.6 knows no such choice; there a broken archive is refused before backup mode begins. */
#ifndef CORE_PG_BACKUP_H
#define CORE_PG_BACKUP_H

#include <stdbool.h>

#include "core/pg/conn.h"
#include "core/quiesce.h"
#include "model/error.h"

/* How archiving stands. A plain value. */
struct pg_archive {
    bool on;      /* archive_mode is on or always */
    bool failing; /* the newest attempt failed, or something waits and nothing was ever archived */
    char last_failed_wal[64];
};

/* Looks at archive_mode and pg_stat_archiver.
 * Errors: as pg_conn_query(). */
MUST_CHECK enum error_code pg_archive_read(struct pg_conn *conn, struct pg_archive *archive,
                                           struct error *err);

/* Runs CHECKPOINT, so that both a backup start and a crash recovery are short.
 * Errors: as pg_conn_query(); ERR_TIMEOUT names the limit. */
MUST_CHECK enum error_code pg_checkpoint(struct pg_conn *conn, struct error *err);

/* Enters backup mode with an immediate checkpoint; the start LSN goes to `lsn`.
 * Errors: ERR_STATE if somebody's exclusive backup runs, or on 9.6 if archiving fails; as
 * pg_conn_query(). */
MUST_CHECK enum error_code pg_backup_begin(struct pg_conn *conn, const char *label,
                                           char lsn[LSN_TEXT_SIZE], struct error *err);

/* Leaves backup mode: fills stop_lsn, label, tablespace_map and archive_waited of *backup. Waits up
 * to `archive_wait_ms` until the archiver has the last WAL.
 * Errors: as pg_conn_query(); then the backup is not valid. */
MUST_CHECK enum error_code pg_backup_end(struct pg_conn *conn, int archive_wait_ms,
                                         struct quiesce_backup *backup, struct error *err);

#endif
