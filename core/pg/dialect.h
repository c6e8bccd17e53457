/* dialect.h: the SQL whose words changed between PostgreSQL 9.6 and today.
 *
 * A table by server_version_num; everything else is written once, in the file that needs it. Pure,
 * so that the words for servers we cannot run are still tested. */
#ifndef CORE_PG_DIALECT_H
#define CORE_PG_DIALECT_H

/* One row of the table. Texts without NULL are complete statements. */
struct pg_dialect {
    int from_version_num;
    const char *backup_start;      /* $1 is the label; one row: the start LSN */
    const char *backup_stop;       /* one row: LSN, backup_label, tablespace_map */
    const char *exclusive_running; /* one row, boolean; NULL where exclusive mode is gone */
    const char *insert_lsn;        /* one row: where a primary inserts */
    const char *replay_lsn;        /* one row: what a standby has replayed */
    const char *archived_to;       /* $1 is an LSN; boolean: its segment is archived */
    const char *end_others;        /* one row: how many sessions in databases were told to end */
    const char *backups_running;   /* one row: number of backups the server can tell of */
    const char *wal_directory;     /* name below the data directory */
    const char *wal_rate;          /* one row: bytes of WAL per second, on average; -1 if unknown */
    /* one row: databases whose order of text is libc's, is ICU's, has changed under its indexes */
    const char *collations;
    /* the same of the indexes of one database whose columns name a collation */
    const char *index_collations;
};

/* The row for a server, for example 150004. NULL before 9.6, which has no backup mode for us. */
const struct pg_dialect *pg_dialect_find(int server_version_num);

#endif
