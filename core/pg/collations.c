#include "core/pg/collations.h"

#include <stdio.h>
#include <stdlib.h>

/* One that lets nobody in, as template0 usually does, has nothing of anybody's in it. */
static const char databases_sql[] =
    "SELECT datname FROM pg_database WHERE datallowconn ORDER BY datname";

static enum error_code add_database(const char *conninfo, const char *database, int timeout_ms,
                                    struct pg_collations *collations, struct error *err)
{
    CLEANUP_PG_CONN struct pg_conn conn = {0};
    CLEANUP_PG_RESULT PGresult *result = NULL;
    TRY(pg_conn_open(&conn, conninfo, database, timeout_ms, timeout_ms, err));
    TRY(pg_conn_query(&conn, conn.dialect->index_collations, NULL, &result, err));
    collations->libc_indexes += (int)strtol(PQgetvalue(result, 0, 0), NULL, 10);
    collations->icu_indexes += (int)strtol(PQgetvalue(result, 0, 1), NULL, 10);
    collations->stale_indexes += (int)strtol(PQgetvalue(result, 0, 2), NULL, 10);
    collations->databases++;
    return ERR_NONE;
}

enum error_code pg_collations_read(const char *conninfo, int connect_timeout_ms,
                                   struct pg_collations *collations, struct error *err)
{
    CLEANUP_PG_CONN struct pg_conn conn = {0};
    CLEANUP_PG_RESULT PGresult *names = NULL;
    struct pg_collations read = {0};
    TRY(pg_conn_open(&conn, conninfo, NULL, connect_timeout_ms, connect_timeout_ms, err));
    TRY(pg_conn_query(&conn, databases_sql, NULL, &names, err));
    for (int row = 0; row < PQntuples(names); row++) {
        const char *database = PQgetvalue(names, row, 0);
        struct error why = {0};
        enum error_code code = add_database(conninfo, database, connect_timeout_ms, &read, &why);
        if (code == ERR_INTERRUPTED)
            return error_set(err, code, "%s", why.message);
        if (code == ERR_NONE)
            continue;
        read.unseen++;
        (void)snprintf(read.unseen_why, sizeof(read.unseen_why), "'%.30s': %.60s", database,
                       why.message);
    }
    *collations = read;
    return ERR_NONE;
}
