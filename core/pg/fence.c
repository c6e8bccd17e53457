#include "core/pg/fence.h"

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/pg/backup.h"

enum { LOOK_MS = 500, RECORD_BYTES_MAX = 4 << 20 };

/* One query that yields the statements which undo the fence, settings before databases. The value
 * an ALTER SYSTEM may overwrite is the last one in postgresql.auto.conf; other files do not matter,
 * because that one wins over them. A connection limit of -2 marks a database whose DROP was cut
 * short: it takes no connections and cannot be altered. */
static const char undo_sql[] =
    "SELECT line FROM ("
    " SELECT 1 AS part, name, CASE WHEN earlier IS NULL"
    "  THEN format('ALTER SYSTEM RESET %s', name)"
    "  ELSE format('ALTER SYSTEM SET %s = %L', name, earlier) END AS line"
    "  FROM (SELECT name, (SELECT f.setting FROM pg_file_settings f WHERE f.name = s.name"
    "   AND f.sourcefile LIKE '%/postgresql.auto.conf' ORDER BY f.seqno DESC LIMIT 1) AS earlier"
    "   FROM unnest(ARRAY['autovacuum', 'default_transaction_read_only']) AS s(name)) AS t"
    " UNION ALL SELECT 2, datname, format('ALTER DATABASE %I ALLOW_CONNECTIONS true', datname)"
    "  FROM pg_database WHERE datallowconn AND datconnlimit <> -2"
    "  AND datname <> current_database()"
    " UNION ALL SELECT 3, datname, format('ALTER DATABASE %I CONNECTION LIMIT %s', datname,"
    "  datconnlimit) FROM pg_database WHERE datname = current_database()"
    ") AS lines ORDER BY part, name";

static const char shut_databases_sql[] =
    "SELECT format('ALTER DATABASE %I ALLOW_CONNECTIONS false', datname) FROM pg_database"
    " WHERE datallowconn AND datconnlimit <> -2 AND datname <> current_database()"
    " UNION ALL SELECT format('ALTER DATABASE %I CONNECTION LIMIT 0', current_database())";

static const char is_fenced_sql[] =
    "SELECT datconnlimit = 0 AND NOT EXISTS (SELECT FROM pg_database WHERE datallowconn"
    " AND datconnlimit <> -2 AND datname <> current_database()) FROM pg_database WHERE datname = current_database()";

static enum error_code refuse_fenced(struct pg_conn *conn, struct error *err)
{
    char fenced[8];
    TRY(pg_conn_value(conn, is_fenced_sql, NULL, fenced, sizeof(fenced), err));
    if (fenced[0] == 't') {
        return error_set(err, ERR_STATE,
                         "the server is fenced already; only the record made before can lift it");
    }
    return ERR_NONE;
}

/* Its catalogue comes from elsewhere: it could be shut only in part. */
static enum error_code refuse_standby(struct pg_conn *conn, struct error *err)
{
    char standby[8];
    TRY(pg_conn_value(conn, "SELECT pg_is_in_recovery()", NULL, standby, sizeof(standby), err));
    if (standby[0] == 't')
        return error_set(err, ERR_POSTGRES, "the server is a standby: writers are on its primary");
    return ERR_NONE;
}

enum error_code pg_fence_record(struct pg_conn *conn, struct strbuf *record, struct error *err)
{
    TRY(refuse_standby(conn, err));
    TRY(refuse_fenced(conn, err));
    CLEANUP_PG_RESULT PGresult *result = NULL;
    TRY(pg_conn_query(conn, undo_sql, NULL, &result, err));
    if (record->max_bytes == 0)
        record->max_bytes = RECORD_BYTES_MAX;
    strbuf_clear(record);
    strbuf_puts(record, "SET default_transaction_read_only = off;\n");
    for (int row = 0; row < PQntuples(result); row++) {
        const char *line = PQgetvalue(result, row, 0);
        if (strchr(line, '\n') != NULL)
            return error_set(err, ERR_INVALID, "a newline in '%.80s'", line);
        strbuf_printf(record, "%s;\n", line);
    }
    strbuf_puts(record, "SELECT pg_reload_conf();\n");
    return strbuf_check(record, err);
}

static enum error_code run_rows(struct pg_conn *conn, const char *sql, struct error *err)
{
    CLEANUP_PG_RESULT PGresult *result = NULL;
    TRY(pg_conn_query(conn, sql, NULL, &result, err));
    for (int row = 0; row < PQntuples(result); row++)
        TRY(pg_conn_run(conn, PQgetvalue(result, row, 0), err));
    return ERR_NONE;
}

static enum error_code shut(struct pg_conn *conn, struct error *err)
{
    TRY(pg_conn_run(conn, "ALTER SYSTEM SET default_transaction_read_only = on", err));
    TRY(pg_conn_run(conn, "ALTER SYSTEM SET autovacuum = off", err));
    TRY(pg_conn_run(conn, "SELECT pg_reload_conf()", err));
    return run_rows(conn, shut_databases_sql, err);
}

/* Whoever was just connecting when the doors were shut appears late, so an empty look counts only
 * if the next one, a while later, is empty too. */
static enum error_code end_sessions(struct pg_conn *conn, int64_t deadline_us, struct error *err)
{
    for (int empty_looks = 0; empty_looks < 2;) {
        char ended[24];
        TRY(pg_conn_value(conn, conn->dialect->end_others, NULL, ended, sizeof(ended), err));
        empty_looks = strcmp(ended, "0") == 0 ? empty_looks + 1 : 0;
        if (empty_looks < 2 && clock_mono_us() > deadline_us)
            return error_set(err, ERR_TIMEOUT, "%s sessions do not end", ended);
        if (empty_looks < 2)
            (void)poll(NULL, 0, LOOK_MS / 5);
    }
    return ERR_NONE;
}

static enum error_code see_standing(struct pg_conn *conn, int64_t deadline_us,
                                    char lsn[LSN_TEXT_SIZE], struct error *err)
{
    char first[LSN_TEXT_SIZE] = "";
    char second[LSN_TEXT_SIZE];
    TRY(pg_conn_lsn(conn, second, sizeof(second), err));
    while (strcmp(first, second) != 0) {
        if (clock_mono_us() > deadline_us)
            return error_set(err, ERR_TIMEOUT, "WAL still moves at '%s'", second);
        memcpy(first, second, sizeof(first));
        (void)poll(NULL, 0, LOOK_MS);
        TRY(end_sessions(conn, deadline_us, err));
        TRY(pg_conn_lsn(conn, second, sizeof(second), err));
    }
    memcpy(lsn, second, LSN_TEXT_SIZE);
    return ERR_NONE;
}

enum error_code pg_fence_raise(struct pg_conn *conn, int settle_ms, char lsn[LSN_TEXT_SIZE],
                               struct error *err)
{
    int64_t deadline_us = clock_mono_us() + (int64_t)settle_ms * 1000;
    TRY(refuse_standby(conn, err));
    TRY(shut(conn, err));
    TRY(end_sessions(conn, deadline_us, err));
    TRY(pg_checkpoint(conn, err));
    return see_standing(conn, deadline_us, lsn, err);
}

/* One statement of a record; a database that was dropped meanwhile needs no undo. */
static enum error_code run_line(struct pg_conn *conn, const char *line, struct error *err)
{
    enum error_code failed = pg_conn_run(conn, line, err);
    bool dropped = failed == ERR_NOT_FOUND && strncmp(line, "ALTER DATABASE ", 15) == 0;
    return dropped ? ERR_NONE : failed;
}

enum error_code pg_fence_lift(struct pg_conn *conn, const char *record, struct error *err)
{
    CLEANUP_STRBUF struct strbuf line = {.max_bytes = RECORD_BYTES_MAX};
    while (*record != '\0') {
        size_t length = strcspn(record, "\n");
        strbuf_clear(&line);
        strbuf_add(&line, record, length);
        TRY(strbuf_check(&line, err));
        if (length > 0)
            TRY(run_line(conn, strbuf_text(&line), err));
        record += record[length] == '\n' ? length + 1 : length;
    }
    return ERR_NONE;
}
