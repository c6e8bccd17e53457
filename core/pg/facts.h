/* facts.h: what must be known of a server before its volumes are cut.
 *
 * Read once, for init and preflight. The places are resolved on the database's machine: links
 * followed, as the volumes under them need to be found. */
#ifndef CORE_PG_FACTS_H
#define CORE_PG_FACTS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/pg/backup.h"
#include "core/pg/conn.h"
#include "core/quiesce.h"
#include "model/error.h"

enum pg_place_kind {
    PG_PLACE_DATA,       /* the data directory */
    PG_PLACE_WAL,        /* pg_wal, wherever its link goes */
    PG_PLACE_TABLESPACE, /* the target of a tablespace link */
    PG_PLACE_CONFIG,     /* a config file outside the data directory: not in the snapshot unless
                            its volume is */
};

/* One place a cluster lives in. */
struct pg_place {
    enum pg_place_kind kind;
    char name[64];       /* "data directory", "pg_wal", a tablespace's name, "hba_file", ... */
    char path[PATH_MAX]; /* absolute, links resolved */
};

/* Zero-initialise; hand back with pg_facts_done(). */
struct pg_facts {
    int server_version_num;
    char system_identifier[24];
    struct pg_place *places; /* heap; the data directory first */
    size_t place_count;
    bool superuser; /* of the session that asked: the fence needs it */
    bool checksums;
    bool in_recovery;
    int backups_running; /* as far as the server tells */
    struct pg_archive archive;
    char lsn[LSN_TEXT_SIZE];
    bool fsync_on;
    bool full_page_writes;
    int64_t max_wal_bytes;   /* what pg_wal may grow to between two checkpoints */
    int64_t wal_bytes_per_s; /* on average since the statistics began; -1 if unknown */
    int idle_slots;          /* replication slots nobody reads from: they hold WAL back */
    /* Databases by what orders their text: libc, ICU, and those whose indexes were made in another
     * order than today's. */
    int libc_databases;
    int icu_databases;
    int stale_databases;
};

/* Frees what *facts owns and empties it. */
void pg_facts_done(struct pg_facts *facts);
#define CLEANUP_PG_FACTS CLEANUP(pg_facts_done)

/* Follows the links of a path on the machine of the database. */
struct pg_resolver {
    void *self;
    enum error_code (*resolve)(void *self, const char *path, char real[PATH_MAX],
                               struct error *err);
};

/* Reads everything. Without a resolver (NULL) the database is on this machine.
 * Errors: ERR_NOT_FOUND if a place is not on that machine; those of the resolver; ERR_ACCESS if the role may not
 * see it (pg_read_all_settings); as pg_conn_query(). */
MUST_CHECK enum error_code pg_facts_read(struct pg_conn *conn, const struct pg_resolver *resolver,
                                         struct pg_facts *facts, struct error *err);

#endif
