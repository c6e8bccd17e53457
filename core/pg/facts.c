#include "core/pg/facts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Kind, name, path as the server sees it. The data directory comes first because the others are
 * compared with it. Tablespaces without a location are the two built-in ones inside of it. */
static const char places_sql[] =
    "SELECT kind, name, path FROM ("
    " SELECT 0 AS kind, 'data directory' AS name, current_setting('data_directory') AS path"
    " UNION ALL SELECT 1, $1, current_setting('data_directory') || '/' || $1"
    " UNION ALL SELECT 2, spcname::text, pg_tablespace_location(oid) FROM pg_tablespace"
    " UNION ALL SELECT 3, name, current_setting(name)"
    "  FROM unnest(ARRAY['config_file', 'hba_file', 'ident_file']) AS s(name)"
    ") AS p WHERE path <> '' ORDER BY kind, name";

static const char state_sql[] =
    "SELECT (SELECT system_identifier FROM pg_control_system()),"
    " current_setting('is_superuser') = 'on', current_setting('data_checksums') = 'on',"
    " pg_is_in_recovery(), current_setting('fsync') = 'on',"
    " current_setting('full_page_writes') = 'on', pg_size_bytes(current_setting('max_wal_size')),"
    " (SELECT count(*) FROM pg_replication_slots WHERE NOT active)";

void pg_facts_done(struct pg_facts *facts)
{
    free(facts->places);
    *facts = (struct pg_facts){0};
}

static bool is_below(const char *path, const char *directory)
{
    size_t length = strlen(directory);
    return strncmp(path, directory, length) == 0 && path[length] == '/';
}

static enum error_code resolve_here(void *self, const char *path, char real[PATH_MAX],
                                    struct error *err)
{
    (void)self;
    if (realpath(path, real) != NULL)
        return ERR_NONE;
    return error_set(err, ERR_NOT_FOUND, "'%s' is not on this machine: %s", path,
                     strerrordesc_np(errno));
}

static enum error_code add_place(struct pg_facts *facts, const PGresult *result, int row,
                                 const struct pg_resolver *resolver, struct error *err)
{
    struct pg_place *place = &facts->places[facts->place_count];
    const char *path = PQgetvalue(result, row, 2);
    place->kind = (enum pg_place_kind)strtol(PQgetvalue(result, row, 0), NULL, 10);
    (void)snprintf(place->name, sizeof(place->name), "%s", PQgetvalue(result, row, 1));
    if (resolver->resolve(resolver->self, path, place->path, err) != ERR_NONE)
        return error_prefix(err, "%s", place->name);
    bool inside = place->kind == PG_PLACE_CONFIG && is_below(place->path, facts->places[0].path);
    facts->place_count += inside ? 0 : 1;
    return ERR_NONE;
}

static enum error_code read_places(struct pg_conn *conn, const struct pg_resolver *resolver,
                                   struct pg_facts *facts, struct error *err)
{
    CLEANUP_PG_RESULT PGresult *result = NULL;
    TRY(pg_conn_query(conn, places_sql, conn->dialect->wal_directory, &result, err));
    facts->places = calloc((size_t)PQntuples(result) + 1, sizeof(*facts->places));
    if (facts->places == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %d places", PQntuples(result));
    for (int row = 0; row < PQntuples(result); row++)
        TRY(add_place(facts, result, row, resolver, err));
    return ERR_NONE;
}

static enum error_code read_state(struct pg_conn *conn, struct pg_facts *facts, struct error *err)
{
    CLEANUP_PG_RESULT PGresult *result = NULL;
    TRY(pg_conn_query(conn, state_sql, NULL, &result, err));
    (void)snprintf(facts->system_identifier, sizeof(facts->system_identifier), "%s",
                   PQgetvalue(result, 0, 0));
    facts->superuser = PQgetvalue(result, 0, 1)[0] == 't';
    facts->checksums = PQgetvalue(result, 0, 2)[0] == 't';
    facts->in_recovery = PQgetvalue(result, 0, 3)[0] == 't';
    facts->fsync_on = PQgetvalue(result, 0, 4)[0] == 't';
    facts->full_page_writes = PQgetvalue(result, 0, 5)[0] == 't';
    facts->max_wal_bytes = strtoll(PQgetvalue(result, 0, 6), NULL, 10);
    facts->idle_slots = (int)strtol(PQgetvalue(result, 0, 7), NULL, 10);
    return ERR_NONE;
}

static enum error_code read_collations(struct pg_conn *conn, struct pg_facts *facts,
                                       struct error *err)
{
    CLEANUP_PG_RESULT PGresult *result = NULL;
    TRY(pg_conn_query(conn, conn->dialect->collations, NULL, &result, err));
    facts->libc_databases = (int)strtol(PQgetvalue(result, 0, 0), NULL, 10);
    facts->icu_databases = (int)strtol(PQgetvalue(result, 0, 1), NULL, 10);
    facts->stale_databases = (int)strtol(PQgetvalue(result, 0, 2), NULL, 10);
    return ERR_NONE;
}

enum error_code pg_facts_read(struct pg_conn *conn, const struct pg_resolver *resolver,
                              struct pg_facts *facts, struct error *err)
{
    static const struct pg_resolver here = {.resolve = resolve_here};
    CLEANUP_PG_FACTS struct pg_facts read = {.server_version_num = conn->server_version_num};
    char running[24];
    char rate[24];
    TRY(read_places(conn, resolver == NULL ? &here : resolver, &read, err));
    TRY(read_state(conn, &read, err));
    TRY(pg_archive_read(conn, &read.archive, err));
    TRY(pg_conn_value(conn, conn->dialect->backups_running, NULL, running, sizeof(running), err));
    read.backups_running = (int)strtol(running, NULL, 10);
    TRY(pg_conn_value(conn, conn->dialect->wal_rate, NULL, rate, sizeof(rate), err));
    read.wal_bytes_per_s = strtoll(rate, NULL, 10);
    TRY(read_collations(conn, &read, err));
    TRY(pg_conn_lsn(conn, read.lsn, sizeof(read.lsn), err));
    *facts = read;
    read = (struct pg_facts){0};
    return ERR_NONE;
}
