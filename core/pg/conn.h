/* conn.h: one direct session with a PostgreSQL server, never blocking longer than it was told.
 *
 * Asynchronous libpq under a deadline, for whoever must not hang: backup mode, fence, facts. Not a
 * pool and not for the store. Passwords come from the connection string, PGPASSWORD or ~/.pgpass
 * and are never shown. */
#ifndef CORE_PG_CONN_H
#define CORE_PG_CONN_H

#include <stdbool.h>
#include <stddef.h>

#include <libpq-fe.h>

#include "core/pg/dialect.h"
#include "model/error.h"

/* The database all sessions go to: it exists everywhere, and no application lives in it, so that
 * the fence can close all others. A session there makes CREATE DATABASE wait. */
#define PG_CONTROL_DATABASE "template1"

/* A session. Zero-initialise; hand back with pg_conn_close(). */
struct pg_conn {
    PGconn *handle; /* NULL when closed or lost */
    int server_version_num;
    const struct pg_dialect *dialect; /* static */
    int statement_timeout_ms;         /* the server was told to stop each statement then */
    bool heeds_stop; /* a statement is given up, and the session, when a stop is asked for */
};

/* Opens a session to `database` (NULL: PG_CONTROL_DATABASE) of the server `conninfo` names, a
 * libpq connection string or URI whose own database is ignored. A statement may take
 * `statement_timeout_ms`; if the server does not even answer that, the session is closed 2 s later.
 * Errors: ERR_CONFIG if the string cannot be understood; ERR_UNREACHABLE; ERR_ACCESS
 * (authentication); ERR_TIMEOUT; ERR_POSTGRES for a server before 9.6 or a pooler in between. */
MUST_CHECK enum error_code pg_conn_open(struct pg_conn *conn, const char *conninfo,
                                        const char *database, int connect_timeout_ms,
                                        int statement_timeout_ms, struct error *err);

/* Ends the session. Harmless on a closed one. */
void pg_conn_close(struct pg_conn *conn);
#define CLEANUP_PG_CONN CLEANUP(pg_conn_close)

/* Frees a result and forgets it; for CLEANUP_PG_RESULT. */
void pg_result_clear(PGresult **result);
#define CLEANUP_PG_RESULT CLEANUP(pg_result_clear)

/* Runs one statement with at most one text parameter $1 (`argument`, may be NULL) and hands its
 * result over in *result.
 * Errors: ERR_TIMEOUT; ERR_ACCESS (permission denied); ERR_NOT_FOUND (no such database or object);
 * ERR_POSTGRES (refused, or session lost); ERR_INTERRUPTED if conn->heeds_stop.
 * Owns: the caller owns *result. */
MUST_CHECK enum error_code pg_conn_query(struct pg_conn *conn, const char *sql,
                                         const char *argument, PGresult **result,
                                         struct error *err);

/* The same for a statement whose rows do not matter. */
MUST_CHECK enum error_code pg_conn_run(struct pg_conn *conn, const char *sql, struct error *err);

/* The same for a statement with one row of one column, copied to `value`; NULL becomes "".
 * Errors: as pg_conn_query(); ERR_POSTGRES if the answer has another shape or is too long. */
MUST_CHECK enum error_code pg_conn_value(struct pg_conn *conn, const char *sql,
                                         const char *argument, char *value, size_t value_size,
                                         struct error *err);

/* Turns the failures that also AWS can cause (ERR_UNREACHABLE, ERR_ACCESS, ERR_TIMEOUT) into
 * ERR_POSTGRES, for a caller that must tell the two apart; returns the code. */
enum error_code pg_conn_blame(enum error_code code, struct error *err);

/* Whether the session is still there, as far as known without asking the server. */
bool pg_conn_alive(const struct pg_conn *conn);

/* Reads the WAL position: inserted by a primary, replayed by a standby.
 * Errors: as pg_conn_query(). */
MUST_CHECK enum error_code pg_conn_lsn(struct pg_conn *conn, char *lsn, size_t lsn_size,
                                       struct error *err);

#endif
