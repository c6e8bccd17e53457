#include "core/pg/dialect.h"

#include <stddef.h>

/* Whatever sits in a database may write: clients, autovacuum, apply workers, extensions' workers.
 * WAL senders only read, and a standby shall get the last WAL. */
#define END_OTHERS                                                                                 \
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"                                \
    " WHERE pid <> pg_backend_pid() AND datid IS NOT NULL AND backend_type <> 'walsender'"

/* Names of WAL files order as bytes; the first 24 are the segment, whatever suffix follows. */
#define ARCHIVED_TO(function)                                                                      \
    "SELECT coalesce(left(last_archived_wal, 24) COLLATE \"C\" >= " function                       \
    "($1::pg_lsn), false) FROM pg_stat_archiver"

#define WAL_RATE                                                                                   \
    "SELECT (wal_bytes / greatest(extract(epoch FROM now() - stats_reset), 1))::bigint"            \
    " FROM pg_stat_wal"
#define WAL_RATE_UNKNOWN "SELECT -1"

/* Bytes in their own order never change their order. */
#define BY_LIBC "datcollate NOT IN ('C', 'POSIX') AND datcollate NOT LIKE 'C.%'"
#define COLLATIONS                                                                                 \
    "SELECT count(*) FILTER (WHERE datlocprovider = 'c' AND " BY_LIBC "),"                         \
    " count(*) FILTER (WHERE datlocprovider = 'i'),"                                               \
    " count(*) FILTER (WHERE datcollversion <> pg_database_collation_actual_version(oid))"         \
    " FROM pg_database"
#define COLLATIONS_OF_LIBC "SELECT count(*) FILTER (WHERE " BY_LIBC "), 0, 0 FROM pg_database"

/* The database's own order is counted above. */
#define INDEX_COLLATIONS_OF_ICU                                                                    \
    "SELECT count(*) FILTER (WHERE c.collprovider = 'c' AND c.collcollate NOT IN ('C', 'POSIX')"   \
    " AND c.collcollate NOT LIKE 'C.%'), count(*) FILTER (WHERE c.collprovider = 'i'),"            \
    " count(*) FILTER (WHERE c.collversion <> pg_collation_actual_version(c.oid))"                 \
    " FROM (SELECT DISTINCT indexrelid, unnest(indcollation::oid[]) AS collation FROM pg_index) i" \
    " JOIN pg_collation c ON c.oid = i.collation AND c.collprovider <> 'd'"
/* Before 10 all order is libc's, and tells no version. */
#define INDEX_COLLATIONS_OF_LIBC                                                                    \
    "SELECT count(*) FILTER (WHERE c.collname <> 'default' AND c.collcollate NOT IN ('C', 'POSIX')" \
    " AND c.collcollate NOT LIKE 'C.%'), 0, 0"                                                      \
    " FROM (SELECT DISTINCT indexrelid, unnest(indcollation::oid[]) AS collation FROM pg_index) i"  \
    " JOIN pg_collation c ON c.oid = i.collation"

static const struct pg_dialect dialects[] = {
    {
        .from_version_num = 150000,
        .backup_start = "SELECT pg_backup_start($1, true)",
        .backup_stop = "SELECT lsn, labelfile, spcmapfile FROM pg_backup_stop(false)",
        .exclusive_running = NULL,
        .insert_lsn = "SELECT pg_current_wal_insert_lsn()",
        .replay_lsn = "SELECT pg_last_wal_replay_lsn()",
        .archived_to = ARCHIVED_TO("pg_walfile_name"),
        .end_others = END_OTHERS,
        .backups_running = "SELECT count(*) FROM pg_stat_progress_basebackup",
        .wal_directory = "pg_wal",
        .wal_rate = WAL_RATE,
        .collations = COLLATIONS,
        .index_collations = INDEX_COLLATIONS_OF_ICU,
    },
    {
        .from_version_num = 130000,
        .backup_start = "SELECT pg_start_backup($1, true, false)",
        .backup_stop = "SELECT lsn, labelfile, spcmapfile FROM pg_stop_backup(false, false)",
        .exclusive_running = "SELECT pg_is_in_backup()",
        .insert_lsn = "SELECT pg_current_wal_insert_lsn()",
        .replay_lsn = "SELECT pg_last_wal_replay_lsn()",
        .archived_to = ARCHIVED_TO("pg_walfile_name"),
        .end_others = END_OTHERS,
        .backups_running = "SELECT count(*) FROM pg_stat_progress_basebackup",
        .wal_directory = "pg_wal",
        .wal_rate = WAL_RATE_UNKNOWN,
        .collations = COLLATIONS_OF_LIBC,
        .index_collations = INDEX_COLLATIONS_OF_ICU,
    },
    {
        .from_version_num = 100000,
        .backup_start = "SELECT pg_start_backup($1, true, false)",
        .backup_stop = "SELECT lsn, labelfile, spcmapfile FROM pg_stop_backup(false, false)",
        .exclusive_running = "SELECT pg_is_in_backup()",
        .insert_lsn = "SELECT pg_current_wal_insert_lsn()",
        .replay_lsn = "SELECT pg_last_wal_replay_lsn()",
        .archived_to = ARCHIVED_TO("pg_walfile_name"),
        .end_others = END_OTHERS,
        .backups_running = "SELECT pg_is_in_backup()::int",
        .wal_directory = "pg_wal",
        .wal_rate = WAL_RATE_UNKNOWN,
        .collations = COLLATIONS_OF_LIBC,
        .index_collations = INDEX_COLLATIONS_OF_ICU,
    },
    {
        /* 9.6 shows only sessions here, has no backend_type, and always waits for the archive. */
        .from_version_num = 90600,
        .backup_start = "SELECT pg_start_backup($1, true, false)",
        .backup_stop = "SELECT lsn, labelfile, spcmapfile FROM pg_stop_backup(false)",
        .exclusive_running = "SELECT pg_is_in_backup()",
        .insert_lsn = "SELECT pg_current_xlog_insert_location()",
        .replay_lsn = "SELECT pg_last_xlog_replay_location()",
        .archived_to = ARCHIVED_TO("pg_xlogfile_name"),
        .end_others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                      " WHERE pid <> pg_backend_pid() AND datid IS NOT NULL"
                      " AND pid NOT IN (SELECT pid FROM pg_stat_replication)",
        .backups_running = "SELECT pg_is_in_backup()::int",
        .wal_directory = "pg_xlog",
        .wal_rate = WAL_RATE_UNKNOWN,
        .collations = COLLATIONS_OF_LIBC,
        .index_collations = INDEX_COLLATIONS_OF_LIBC,
    },
};

const struct pg_dialect *pg_dialect_find(int server_version_num)
{
    for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++) {
        if (server_version_num >= dialects[i].from_version_num)
            return &dialects[i];
    }
    return NULL;
}
