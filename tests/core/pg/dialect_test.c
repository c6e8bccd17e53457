#include "core/pg/dialect.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

/* Word by word, from the function tables of the manuals of 9.6, 10, 13, 14, 15, 16 and 17. */
struct words_case {
    int version;
    char start[64];
    char stop[80];
    char insert_lsn[48];
    char replay_lsn[48];
    char wal_directory[12];
};

ParameterizedTestParameters(dialect, words)
{
    static struct words_case cases[] = {
        {90600, "SELECT pg_start_backup($1, true, false)",
         "SELECT lsn, labelfile, spcmapfile FROM pg_stop_backup(false)",
         "SELECT pg_current_xlog_insert_location()", "SELECT pg_last_xlog_replay_location()",
         "pg_xlog"},
        {90624, "SELECT pg_start_backup($1, true, false)",
         "SELECT lsn, labelfile, spcmapfile FROM pg_stop_backup(false)",
         "SELECT pg_current_xlog_insert_location()", "SELECT pg_last_xlog_replay_location()",
         "pg_xlog"},
        {100000, "SELECT pg_start_backup($1, true, false)",
         "SELECT lsn, labelfile, spcmapfile FROM pg_stop_backup(false, false)",
         "SELECT pg_current_wal_insert_lsn()", "SELECT pg_last_wal_replay_lsn()", "pg_wal"},
        {110022, "SELECT pg_start_backup($1, true, false)",
         "SELECT lsn, labelfile, spcmapfile FROM pg_stop_backup(false, false)",
         "SELECT pg_current_wal_insert_lsn()", "SELECT pg_last_wal_replay_lsn()", "pg_wal"},
        {120000, "SELECT pg_start_backup($1, true, false)",
         "SELECT lsn, labelfile, spcmapfile FROM pg_stop_backup(false, false)",
         "SELECT pg_current_wal_insert_lsn()", "SELECT pg_last_wal_replay_lsn()", "pg_wal"},
        {130000, "SELECT pg_start_backup($1, true, false)",
         "SELECT lsn, labelfile, spcmapfile FROM pg_stop_backup(false, false)",
         "SELECT pg_current_wal_insert_lsn()", "SELECT pg_last_wal_replay_lsn()", "pg_wal"},
        {149999, "SELECT pg_start_backup($1, true, false)",
         "SELECT lsn, labelfile, spcmapfile FROM pg_stop_backup(false, false)",
         "SELECT pg_current_wal_insert_lsn()", "SELECT pg_last_wal_replay_lsn()", "pg_wal"},
        {150000, "SELECT pg_backup_start($1, true)",
         "SELECT lsn, labelfile, spcmapfile FROM pg_backup_stop(false)",
         "SELECT pg_current_wal_insert_lsn()", "SELECT pg_last_wal_replay_lsn()", "pg_wal"},
        {160004, "SELECT pg_backup_start($1, true)",
         "SELECT lsn, labelfile, spcmapfile FROM pg_backup_stop(false)",
         "SELECT pg_current_wal_insert_lsn()", "SELECT pg_last_wal_replay_lsn()", "pg_wal"},
        {170000, "SELECT pg_backup_start($1, true)",
         "SELECT lsn, labelfile, spcmapfile FROM pg_backup_stop(false)",
         "SELECT pg_current_wal_insert_lsn()", "SELECT pg_last_wal_replay_lsn()", "pg_wal"},
    };
    return cr_make_param_array(struct words_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct words_case *c, dialect, words)
{
    const struct pg_dialect *dialect = pg_dialect_find(c->version);
    cr_assert_not_null(dialect, "%d", c->version);
    cr_expect_str_eq(dialect->backup_start, c->start, "%d", c->version);
    cr_expect_str_eq(dialect->backup_stop, c->stop, "%d", c->version);
    cr_expect_str_eq(dialect->insert_lsn, c->insert_lsn, "%d", c->version);
    cr_expect_str_eq(dialect->replay_lsn, c->replay_lsn, "%d", c->version);
    cr_expect_str_eq(dialect->wal_directory, c->wal_directory, "%d", c->version);
}

Test(dialect, archive_wait_names_the_segment_function_of_its_time)
{
    cr_expect_str_eq(pg_dialect_find(90600)->archived_to,
                     "SELECT coalesce(left(last_archived_wal, 24) COLLATE \"C\" >= "
                     "pg_xlogfile_name($1::pg_lsn), false) FROM pg_stat_archiver");
    cr_expect_str_eq(pg_dialect_find(170000)->archived_to,
                     "SELECT coalesce(left(last_archived_wal, 24) COLLATE \"C\" >= "
                     "pg_walfile_name($1::pg_lsn), false) FROM pg_stat_archiver");
}

Test(dialect, sessions_are_ended_without_backend_type_on_96)
{
    cr_expect_str_eq(pg_dialect_find(90600)->end_others,
                     "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                     " WHERE pid <> pg_backend_pid() AND datid IS NOT NULL"
                     " AND pid NOT IN (SELECT pid FROM pg_stat_replication)");
    cr_expect_str_eq(pg_dialect_find(100000)->end_others,
                     "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                     " WHERE pid <> pg_backend_pid() AND datid IS NOT NULL"
                     " AND backend_type <> 'walsender'");
}

Test(dialect, running_backups_are_asked_where_the_server_can_tell)
{
    cr_expect_str_eq(pg_dialect_find(90600)->backups_running, "SELECT pg_is_in_backup()::int");
    cr_expect_str_eq(pg_dialect_find(129999)->backups_running, "SELECT pg_is_in_backup()::int");
    cr_expect_str_eq(pg_dialect_find(130000)->backups_running,
                     "SELECT count(*) FROM pg_stat_progress_basebackup");
    cr_expect_str_eq(pg_dialect_find(140000)->exclusive_running, "SELECT pg_is_in_backup()");
    cr_expect_null(pg_dialect_find(150000)->exclusive_running);
}

Test(dialect, servers_before_96_are_unknown)
{
    cr_expect_null(pg_dialect_find(90599));
    cr_expect_null(pg_dialect_find(0));
}
