#include "core/host/quiesce_local.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "core/clock.h"
#include "core/pg/backup.h"
#include "core/pg/control.h"
#include "core/pg/directory.h"
#include "core/pg/fence.h"

enum { FLUSH_PASSES = 10, FLUSH_QUICK_US = 100000, RECONNECT_MS = 200 };

void quiesce_local_init(struct quiesce_local *local, const struct quiesce_local_options *options)
{
    *local = (struct quiesce_local){.options = *options};
    struct quiesce_local_options *kept = &local->options;
    for (size_t i = 0; i < options->mount_count && i < FREEZE_MOUNTS_MAX; i++)
        local->mount_points[i] = options->mount_points[i];
    for (size_t i = 0; i < options->own_count && i < OWN_PATHS_MAX; i++)
        local->own_paths[i] = options->own_paths[i];
    kept->mount_points = NULL;
    kept->own_paths = NULL;
    if (kept->record_dir == NULL)
        kept->record_dir = FROZEN_RECORD_DIR;
    if (kept->freeze_limit_ms == 0)
        kept->freeze_limit_ms = 10000;
    if (kept->connect_timeout_ms == 0)
        kept->connect_timeout_ms = 10000;
    if (kept->restart_ms == 0)
        kept->restart_ms = 60000;
    if (kept->statement_timeout_ms == 0)
        kept->statement_timeout_ms = 300000;
    if (kept->fence_settle_ms == 0)
        kept->fence_settle_ms = 60000;
    if (kept->archive_wait_ms == 0)
        kept->archive_wait_ms = 30000;
}

static bool is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static enum error_code check_server(struct quiesce_local *local, struct error *err)
{
    if (!is_given(local->options.data_directory))
        return pg_conn_run(&local->conn, "SELECT 1", err);
    return pg_directory_check_server(&local->conn, local->options.data_directory, err);
}

static enum error_code open_session(struct quiesce_local *local, struct error *err)
{
    pg_conn_close(&local->conn);
    TRY(pg_conn_open(&local->conn, local->options.conninfo, NULL, local->options.connect_timeout_ms,
                     local->options.statement_timeout_ms, err));
    return check_server(local, err);
}

/* A server that restarts refuses connections for a while. */
static enum error_code reopen_session(struct quiesce_local *local, struct error *err)
{
    int64_t deadline_us = clock_mono_us() + (int64_t)local->options.restart_ms * 1000;
    enum error_code code = open_session(local, err);
    while (code == ERR_UNREACHABLE && clock_mono_us() < deadline_us) {
        (void)poll(NULL, 0, RECONNECT_MS);
        code = open_session(local, err);
    }
    return code;
}

/* Makes sure of a session with the server whose volumes are cut: there may have been a restart or a
 * failover since the last time. A lost session is replaced, except inside a backup: backup mode
 * belongs to the session that began it. */
static enum error_code need_session(struct quiesce_local *local, struct error *err)
{
    if (!is_given(local->options.conninfo))
        return error_set(err, ERR_STATE, "no database is configured");
    if (pg_conn_alive(&local->conn)) {
        enum error_code code = check_server(local, err);
        if (code == ERR_NONE || pg_conn_alive(&local->conn))
            return pg_conn_blame(code, err);
    }
    if (local->backup_on)
        return error_set(err, ERR_POSTGRES, "the session that holds the backup is lost");
    return pg_conn_blame(reopen_session(local, err), err);
}

/* With a filesystem that somebody else has frozen PostgreSQL hangs at its next write, and we with it:
 * told before, it is one clear line. */
static enum error_code need_service(struct quiesce_local *local, struct error *err)
{
    TRY(freeze_check_thawed(local->mount_points, local->options.mount_count, err));
    return need_session(local, err);
}

static enum error_code local_fence_record(void *self, struct strbuf *record, struct error *err)
{
    struct quiesce_local *local = self;
    TRY(need_service(local, err));
    TRY(pg_conn_blame(pg_checkpoint(&local->conn, err), err));
    return pg_conn_blame(pg_fence_record(&local->conn, record, err), err);
}

static enum error_code local_fence(void *self, char lsn[LSN_TEXT_SIZE], struct error *err)
{
    struct quiesce_local *local = self;
    TRY(need_service(local, err));
    TRY(pg_conn_blame(pg_fence_raise(&local->conn, local->options.fence_settle_ms, lsn, err), err));
    local->happened.fenced = true;
    return ERR_NONE;
}

static enum error_code local_unfence(void *self, const char *record, struct error *err)
{
    struct quiesce_local *local = self;
    TRY(need_session(local, err));
    local->happened.fenced = false;
    return pg_conn_blame(pg_fence_lift(&local->conn, record, err), err);
}

static enum error_code local_read_lsn(void *self, char lsn[LSN_TEXT_SIZE], struct error *err)
{
    struct quiesce_local *local = self;
    TRY(need_session(local, err));
    return pg_conn_blame(pg_conn_lsn(&local->conn, lsn, LSN_TEXT_SIZE, err), err);
}

static enum error_code local_backup_begin(void *self, const char *label, struct error *err)
{
    struct quiesce_local *local = self;
    if (local->backup_on)
        return error_set(err, ERR_STATE, "a backup is on already");
    TRY(need_service(local, err));
    TRY(pg_conn_blame(pg_backup_begin(&local->conn, label, local->start_lsn, err), err));
    local->backup_on = true;
    return ERR_NONE;
}

static enum error_code local_backup_end(void *self, struct quiesce_backup *backup,
                                        struct error *err)
{
    struct quiesce_local *local = self;
    if (!local->backup_on)
        return error_set(err, ERR_STATE, "no backup is on");
    enum error_code alive = need_session(local, err);
    local->backup_on = false;
    TRY(alive);
    TRY(pg_conn_blame(pg_backup_end(&local->conn, local->options.archive_wait_ms, backup, err),
                      err));
    (void)snprintf(backup->start_lsn, sizeof(backup->start_lsn), "%s", local->start_lsn);
    local->cut_backup_ended = local->cut_in_backup;
    return ERR_NONE;
}

static bool is_stopped(const struct quiesce_local *local)
{
    return !is_given(local->options.conninfo) && is_given(local->options.data_directory) &&
           pg_control_is_shut_down(local->options.data_directory);
}

static enum error_code prepare_database(struct quiesce_local *local, struct error *err)
{
    if (!is_given(local->options.conninfo))
        return ERR_NONE;
    TRY(need_session(local, err));
    TRY(pg_conn_blame(pg_checkpoint(&local->conn, err), err));
    return pg_conn_blame(
        pg_conn_lsn(&local->conn, local->happened.lsn, sizeof(local->happened.lsn), err), err);
}

static enum error_code check_own(const struct quiesce_local *local, const char *watchdog,
                                 struct error *err)
{
    const char *own[OWN_PATHS_MAX + 2] = {watchdog, local->options.record_dir};
    if (local->options.own_count > OWN_PATHS_MAX)
        return error_set(err, ERR_INVALID, "more than %d own paths", OWN_PATHS_MAX);
    for (size_t i = 0; i < local->options.own_count; i++)
        own[i + 2] = local->own_paths[i];
    return freeze_check_own(&local->freeze, own, local->options.own_count + 2, err);
}

static enum error_code start_watchdog(struct quiesce_local *local, const char *program,
                                      struct error *err)
{
    struct watchdog_options options = {
        .program = program,
        .limit_ms = local->options.freeze_limit_ms,
        .mount_fds = local->freeze.fds,
        .mount_count = local->freeze.count,
    };
    return watchdog_start(&local->watchdog, &options, err);
}

static enum error_code lock_memory(struct quiesce_local *local, struct error *err)
{
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
        return error_set(err, ERR_SYSTEM, "cannot lock memory: %s", strerrordesc_np(errno));
    local->memory_locked = true;
    return ERR_NONE;
}

static enum error_code prepare_mounts(struct quiesce_local *local, struct error *err)
{
    if (local->options.mount_count == 0)
        return ERR_NONE;
    char program[PATH_MAX];
    TRY(watchdog_find(local->options.watchdog_program, program, sizeof(program), err));
    TRY(freeze_open(&local->freeze, local->mount_points, local->options.mount_count, err));
    TRY(check_own(local, program, err));
    TRY(frozen_record_write(local->options.record_dir, local->freeze.mounts, local->freeze.count,
                            err));
    local->recorded = true;
    TRY(start_watchdog(local, program, err));
    TRY(lock_memory(local, err));
    return freeze_flush(&local->freeze, FLUSH_QUICK_US, FLUSH_PASSES,
                        &local->happened.flush_before_us, err);
}

/* What an earlier cut left is forgotten; a backup or a fence that is on stays. */
static void forget_cut(struct quiesce_local *local)
{
    local->happened = (struct quiesce_report){.fenced = local->happened.fenced};
    local->cut_began = false;
    local->cut_ended = false;
    local->freeze_held = false;
    local->stolen = false;
    local->cut_in_backup = false;
    local->cut_backup_ended = false;
}

static enum error_code local_settle(void *self, struct error *err);

static enum error_code local_prepare(void *self, struct error *err)
{
    struct quiesce_local *local = self;
    TRY(local_settle(local, err));
    forget_cut(local);
    local->stopped_before = is_stopped(local);
    TRY(freeze_check_thawed(local->mount_points, local->options.mount_count, err));
    TRY(prepare_database(local, err));
    enum error_code failed = prepare_mounts(local, err);
    if (failed != ERR_NONE && local_settle(local, NULL) != ERR_NONE)
        return error_set(err, ERR_NOT_THAWED, "a filesystem may still be frozen");
    return failed;
}

/* One more flush, because building and signing the request took a moment in which writers went on;
 * then nothing but the freeze. */
static enum error_code cut_begin(void *self, struct error *err)
{
    struct quiesce_local *local = self;
    int64_t flush_us = 0;
    TRY(freeze_flush(&local->freeze, FLUSH_QUICK_US, 1, &flush_us, err));
    local->happened.flush_before_us += flush_us;
    TRY(freeze_begin(&local->freeze, &local->watchdog, err));
    local->cut_began = true;
    return ERR_NONE;
}

/* A failure is not lost: the mount stays marked as frozen, and settle() tries again and reports. */
static void cut_end(void *self)
{
    struct quiesce_local *local = self;
    local->cut_ended = freeze_end(&local->freeze, NULL) == ERR_NONE;
    local->cut_in_backup = local->backup_on;
}

static struct cut local_cut(void *self)
{
    return (struct cut){.begin = cut_begin, .end = cut_end, .self = self};
}

static void note_times(struct quiesce_local *local)
{
    const struct freeze *freeze = &local->freeze;
    if (!local->cut_began || freeze->count == 0)
        return;
    local->happened.freeze_us = freeze->frozen_us - freeze->began_us;
    local->happened.held_us = freeze->ended_us - freeze->frozen_us;
    local->happened.thaw_us = freeze->thawed_us - freeze->ended_us;
}

static enum error_code local_settle(void *self, struct error *err)
{
    struct quiesce_local *local = self;
    enum error_code thawed = freeze_end(&local->freeze, err);
    bool fired = false;
    watchdog_stop(&local->watchdog, &fired);
    note_times(local);
    local->happened.watchdog_fired = local->happened.watchdog_fired || fired;
    local->stolen = local->stolen || local->freeze.stolen;
    if (local->recorded && thawed == ERR_NONE)
        frozen_record_remove(local->options.record_dir);
    if (local->memory_locked)
        (void)munlockall();
    local->recorded = false;
    local->memory_locked = false;
    local->freeze_held = local->freeze_held || (local->cut_ended && local->freeze.count > 0);
    freeze_close(&local->freeze);
    return thawed;
}

/* The weakest word that everything that happened allows. */
static enum consistency derive_label(const struct quiesce_local *local)
{
    if (!local->cut_began || !local->cut_ended)
        return CONSISTENCY_CRASH;
    if (local->stopped_before && is_stopped(local))
        return CONSISTENCY_STOPPED;
    if (local->happened.watchdog_fired || local->stolen)
        return CONSISTENCY_CRASH;
    if (local->cut_in_backup && local->cut_backup_ended)
        return CONSISTENCY_BACKUP;
    return local->freeze_held ? CONSISTENCY_FROZEN : CONSISTENCY_CRASH;
}

static void local_report(const void *self, struct quiesce_report *report)
{
    const struct quiesce_local *local = self;
    *report = local->happened;
    report->consistency = derive_label(local);
}

void quiesce_local_done(struct quiesce_local *local)
{
    if (local_settle(local, NULL) != ERR_NONE) {
        /* The caller has heard of it by its own settle(). */
    }
    pg_conn_close(&local->conn);
    *local = (struct quiesce_local){0};
}

struct quiesce quiesce_local(struct quiesce_local *local)
{
    return (struct quiesce){
        .self = local,
        .fence_record = local_fence_record,
        .fence = local_fence,
        .unfence = local_unfence,
        .read_lsn = local_read_lsn,
        .backup_begin = local_backup_begin,
        .backup_end = local_backup_end,
        .prepare = local_prepare,
        .cut = local_cut,
        .settle = local_settle,
        .report = local_report,
    };
}
