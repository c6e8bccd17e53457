/* fence.h: writers shut out for good, until the fence is lifted.
 *
 * What it does: every database but the control database (PG_CONTROL_DATABASE) stops accepting
 * connections - also of superusers, pools and workers -, the control database accepts superusers
 * only, default_transaction_read_only is on and autovacuum off, every session in a database is
 * ended. All of it is in the catalogue and in postgresql.auto.conf, so it survives a restart, needs
 * no file of ours, and travels with a snapshot: the copy comes up fenced too.
 *
 * What it cannot do: stop a superuser who connects to the control database and undoes it on purpose;
 * stop a server started in single-user mode; stop the server's own housekeeping, which may still
 * write a WAL record that changes no data. */
#ifndef CORE_PG_FENCE_H
#define CORE_PG_FENCE_H

#include "core/pg/conn.h"
#include "core/quiesce.h"
#include "model/error.h"
#include "model/strbuf.h"

/* Writes the SQL script that brings back the present state, a statement a line, each ended by ";".
 * It can be run with psql in the control database, by a superuser.
 * Errors: ERR_POSTGRES on a standby; ERR_STATE if the server is fenced already; ERR_INVALID if a database has a newline in its
 * name; as pg_conn_query(). */
MUST_CHECK enum error_code pg_fence_record(struct pg_conn *conn, struct strbuf *record,
                                           struct error *err);

/* Raises the fence, ends all other sessions until none comes back, checkpoints, and returns with the
 * WAL position after two looks half a second apart gave the same. Safe to call again.
 * Errors: ERR_TIMEOUT if sessions or WAL did not come to rest within settle_ms; as
 * pg_conn_query(). */
MUST_CHECK enum error_code pg_fence_raise(struct pg_conn *conn, int settle_ms,
                                          char lsn[LSN_TEXT_SIZE], struct error *err);

/* Runs a record of pg_fence_record(). Safe to call again; databases dropped since are skipped.
 * Errors: as pg_conn_query(), after which it may be called again. */
MUST_CHECK enum error_code pg_fence_lift(struct pg_conn *conn, const char *record,
                                         struct error *err);

#endif
