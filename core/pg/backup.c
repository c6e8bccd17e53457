#include "core/pg/backup.h"

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"

enum { ARCHIVE_LOOK_MS = 200, LABEL_BYTES_MAX = 1 << 20, FIRST_WITH_WAIT_CHOICE = 100000 };

enum error_code pg_archive_read(struct pg_conn *conn, struct pg_archive *archive, struct error *err)
{
    static const char sql[] = "SELECT current_setting('archive_mode') <> 'off',"
                              " last_failed_time IS NOT NULL AND last_failed_time >="
                              " coalesce(last_archived_time, last_failed_time),"
                              " coalesce(last_failed_wal, '') FROM pg_stat_archiver";
    CLEANUP_PG_RESULT PGresult *result = NULL;
    TRY(pg_conn_query(conn, sql, NULL, &result, err));
    if (PQntuples(result) != 1)
        return error_set(err, ERR_POSTGRES, "PostgreSQL tells nothing about its archiver");
    archive->on = PQgetvalue(result, 0, 0)[0] == 't';
    archive->failing = archive->on && PQgetvalue(result, 0, 1)[0] == 't';
    (void)snprintf(archive->last_failed_wal, sizeof(archive->last_failed_wal), "%s",
                   PQgetvalue(result, 0, 2));
    return ERR_NONE;
}

enum error_code pg_checkpoint(struct pg_conn *conn, struct error *err)
{
    conn->heeds_stop = true;
    enum error_code code = pg_conn_run(conn, "CHECKPOINT", err);
    conn->heeds_stop = false;
    if (code != ERR_TIMEOUT)
        return code;
    return error_set(err, ERR_TIMEOUT,
                     "CHECKPOINT is not done after %d s: postgres.checkpoint_limit",
                     conn->statement_timeout_ms / 1000);
}

/* A label file of exclusive mode lies in the data directory and would travel with the snapshot. */
static enum error_code refuse_exclusive(struct pg_conn *conn, struct error *err)
{
    char running[8] = "f";
    if (conn->dialect->exclusive_running != NULL) {
        TRY(pg_conn_value(conn, conn->dialect->exclusive_running, NULL, running, sizeof(running),
                          err));
    }
    if (running[0] == 't') {
        return error_set(err, ERR_STATE,
                         "an exclusive backup is running; end it with 'SELECT pg_stop_backup()'");
    }
    return ERR_NONE;
}

static enum error_code refuse_endless_stop(struct pg_conn *conn, struct error *err)
{
    if (conn->server_version_num >= FIRST_WITH_WAIT_CHOICE)
        return ERR_NONE;
    struct pg_archive archive = {0};
    TRY(pg_archive_read(conn, &archive, err));
    if (archive.failing) {
        return error_set(err, ERR_STATE, "archiving fails at '%s', so a backup could not be ended",
                         archive.last_failed_wal);
    }
    return ERR_NONE;
}

enum error_code pg_backup_begin(struct pg_conn *conn, const char *label, char lsn[LSN_TEXT_SIZE],
                                struct error *err)
{
    TRY(refuse_exclusive(conn, err));
    TRY(refuse_endless_stop(conn, err));
    TRY(pg_checkpoint(conn, err));
    return pg_conn_value(conn, conn->dialect->backup_start, label, lsn, LSN_TEXT_SIZE, err);
}

static enum error_code keep_text(const char *text, struct strbuf *buf, struct error *err)
{
    buf->max_bytes = LABEL_BYTES_MAX;
    strbuf_clear(buf);
    strbuf_puts(buf, text);
    return strbuf_check(buf, err);
}

/* Watches until the segment of `lsn` is archived; false at the end of the wait or on any failure,
 * because by now the backup itself is good. */
static bool wait_archived(struct pg_conn *conn, const char *lsn, int archive_wait_ms)
{
    int64_t deadline_us = clock_mono_us() + (int64_t)archive_wait_ms * 1000;
    char done[8] = "f";
    for (;;) {
        if (pg_conn_value(conn, conn->dialect->archived_to, lsn, done, sizeof(done), NULL) !=
            ERR_NONE)
            return false;
        if (done[0] == 't' || clock_mono_us() >= deadline_us)
            return done[0] == 't';
        (void)poll(NULL, 0, ARCHIVE_LOOK_MS);
    }
}

enum error_code pg_backup_end(struct pg_conn *conn, int archive_wait_ms,
                              struct quiesce_backup *backup, struct error *err)
{
    struct pg_archive archive = {0};
    TRY(pg_archive_read(conn, &archive, err));
    CLEANUP_PG_RESULT PGresult *result = NULL;
    TRY(pg_conn_query(conn, conn->dialect->backup_stop, NULL, &result, err));
    if (PQntuples(result) != 1 || PQnfields(result) != 3 || PQgetisnull(result, 0, 1) != 0)
        return error_set(err, ERR_POSTGRES, "PostgreSQL gave no backup label");
    TRY(keep_text(PQgetvalue(result, 0, 1), &backup->label, err));
    TRY(keep_text(PQgetvalue(result, 0, 2), &backup->tablespace_map, err));
    (void)snprintf(backup->stop_lsn, sizeof(backup->stop_lsn), "%s", PQgetvalue(result, 0, 0));
    backup->archive_waited = archive.on && wait_archived(conn, backup->stop_lsn, archive_wait_ms);
    return ERR_NONE;
}
