#include <stdio.h>

#include "core/preflight/checks.h"
#include "model/amount.h"
#include "model/instant.h"

/* How long WAL may pile up where nobody says when the window ends. */
#define SERIES_MS MS_PER_DAY

static const char *remedy_of_database(const struct preflight *preflight)
{
    if (preflight->config->quiesce != QUIESCE_LOCAL && preflight->database.code == ERR_QUIESCE) {
        return "docs/remote.md tells what has to be on the database's machine, and how it is "
               "reached";
    }
    return "postgres.conninfo has to reach the server of postgres.data_directory itself, not a "
           "pooler, as a superuser";
}

enum error_code check_postgres(struct preflight *preflight, struct finding *finding,
                               struct error *err)
{
    static const char standby[] =
        "a standby cannot be shut to its writers: run on the primary, or with --no-fence for a copy";
    const struct pg_facts *facts = preflight->facts;
    (void)err;
    if (facts == NULL) {
        bool needed = preflight->fence || preflight->backup;
        finding_add(finding, needed ? VERDICT_FAIL : VERDICT_SKIPPED,
                    needed ? "set it; --no-fence moves the volumes as they are" : "",
                    "postgres.data_directory is not set%s",
                    needed ? ": writers cannot be shut out" : "");
        return ERR_NONE;
    }
    if (preflight->database.code != ERR_NONE) {
        finding_fail(finding, &preflight->database.err, remedy_of_database(preflight));
        return ERR_NONE;
    }
    if (facts->in_recovery) {
        finding_add(finding, preflight->fence ? VERDICT_FAIL : VERDICT_WARN, standby,
                    "the server is a standby");
    }
    if (facts->backups_running > 0) {
        finding_add(finding, VERDICT_WARN, "let it end before the night",
                    "a base backup is running");
    }
    finding_add(finding, VERDICT_OK, "", "PostgreSQL %d.%d, system %s",
                facts->server_version_num / 10000, facts->server_version_num % 10000,
                facts->system_identifier);
    return ERR_NONE;
}

enum error_code check_settings(struct preflight *preflight, struct finding *finding,
                               struct error *err)
{
    const struct pg_facts *facts = preflight->facts;
    (void)err;
    if (!facts->fsync_on) {
        finding_add(
            finding, VERDICT_FAIL,
            "ALTER SYSTEM SET fsync = on; reload; what was written before is safe after the "
            "next checkpoint and sync",
            "fsync is off: the volumes may hold pages in any order");
    }
    if (!facts->full_page_writes) {
        finding_add(finding, VERDICT_FAIL, "ALTER SYSTEM SET full_page_writes = on; reload",
                    "full_page_writes is off: recovery on the copies cannot mend torn pages");
    }
    if (!facts->checksums) {
        finding_add(finding, VERDICT_WARN, "pg_checksums --enable, on a stopped server",
                    "page checksums are off: damage on the way would not be noticed");
    }
    finding_add(finding, VERDICT_OK, "", "fsync, full_page_writes and page checksums are on");
    return ERR_NONE;
}

enum error_code check_fence(struct preflight *preflight, struct finding *finding, struct error *err)
{
    (void)err;
    if (!preflight->fence) {
        finding_add(finding, VERDICT_SKIPPED, "", "writers are left alone");
    } else if (!preflight->facts->superuser) {
        finding_add(finding, VERDICT_FAIL, "name a superuser in postgres.conninfo",
                    "the role is no superuser, and cannot end the sessions of others");
    } else {
        finding_add(finding, VERDICT_OK, "", "the role is a superuser");
    }
    return ERR_NONE;
}

enum error_code check_archive(struct preflight *preflight, struct finding *finding,
                              struct error *err)
{
    const struct pg_archive *archive = &preflight->facts->archive;
    (void)err;
    if (archive->failing) {
        finding_add(finding, preflight->backup ? VERDICT_FAIL : VERDICT_WARN,
                    "mend archive_command, see the server's log: until then WAL stays in pg_wal, "
                    "and no backup can end",
                    "archiving fails at '%s'", archive->last_failed_wal);
    } else if (preflight->backup && !archive->on) {
        finding_add(finding, VERDICT_WARN,
                    "make sure that WAL up to the end of the backup comes from elsewhere",
                    "archive_mode is off, and --backup-mode is asked for");
    } else {
        finding_add(finding, VERDICT_OK, "", "%s",
                    archive->on ? "on, and nothing fails" : "archive_mode is off");
    }
    return ERR_NONE;
}

/* ---- room for WAL ---- */

static const char *wal_path(const struct pg_facts *facts)
{
    for (size_t i = 0; i < facts->place_count; i++) {
        if (facts->places[i].kind == PG_PLACE_WAL)
            return facts->places[i].path;
    }
    return NULL;
}

/* Until when nothing can be thrown away, if something holds WAL back. */
static int64_t horizon_ms(const struct preflight *preflight)
{
    int64_t left_ms = preflight->window_end_ms - clock_now_ms(preflight->clock);
    return preflight->window_end_ms != 0 && left_ms > 0 ? left_ms : SERIES_MS;
}

/* What lies there already PostgreSQL uses again. */
static void judge_room(const struct preflight *preflight, const struct survey_room *found,
                       struct finding *finding)
{
    const struct pg_facts *facts = preflight->facts;
    bool held = facts->archive.failing || facts->idle_slots > 0;
    int64_t more_bytes = facts->max_wal_bytes - found->used_bytes;
    char need[AMOUNT_TEXT_SIZE];
    char room[AMOUNT_TEXT_SIZE];
    char until[DURATION_TEXT_SIZE];
    if (more_bytes < 0)
        more_bytes = 0;
    if (held && facts->wal_bytes_per_s > 0)
        more_bytes += facts->wal_bytes_per_s * (horizon_ms(preflight) / MS_PER_SECOND);
    (void)amount_text((double)more_bytes, need);
    (void)amount_text((double)found->free_bytes, room);
    if (found->free_bytes < more_bytes && held) {
        finding_add(finding, VERDICT_FAIL,
                    "mend archive_command, drop slots that nobody reads, or make pg_wal's volume "
                    "larger",
                    "WAL is held back (%s), and in %s may take %s; free are %s",
                    facts->archive.failing ? "archiving fails" : "an idle replication slot",
                    duration_text(horizon_ms(preflight), until), need, room);
    } else if (found->free_bytes < more_bytes) {
        finding_add(finding, VERDICT_WARN, "lower max_wal_size, or make pg_wal's volume larger",
                    "WAL may take %s more before a checkpoint, and %s are free", need, room);
    } else {
        finding_add(finding, VERDICT_OK, "", "%s free, at most %s more are needed", room, need);
    }
    if (held && facts->wal_bytes_per_s < 0) {
        finding_add(finding, VERDICT_WARN, "watch pg_wal during the series",
                    "WAL is held back, and this server does not tell how fast it comes");
    }
}

enum error_code check_wal_space(struct preflight *preflight, struct finding *finding,
                                struct error *err)
{
    const struct survey *survey = preflight->survey;
    const char *path = wal_path(preflight->facts);
    struct survey_room room = {0};
    struct error why = {0};
    (void)err;
    if (path == NULL) {
        finding_add(finding, VERDICT_SKIPPED, "", "the server names no pg_wal");
    } else if (survey->room(survey->self, path, &room, &why) != ERR_NONE) {
        finding_add(finding, VERDICT_SKIPPED, "look with df on the database's machine", "%s",
                    why.message);
    } else {
        judge_room(preflight, &room, finding);
    }
    return ERR_NONE;
}
