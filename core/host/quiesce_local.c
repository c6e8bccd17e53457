#include "core/host/quiesce_local.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/pg/backup.h"
#include "core/pg/control.h"
#include "core/pg/directory.h"
#include "core/pg/fence.h"

enum { RECONNECT_MS = 200 };

void quiesce_local_init(struct quiesce_local *local, const struct quiesce_local_options *options)
{
    *local = (struct quiesce_local){.options = *options};
    struct quiesce_local_options *kept = &local->options;
    hold_init(&local->hold, &options->hold);
    kept->hold = (struct hold_options){0};
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

static struct holder holder_of(struct quiesce_local *local)
{
    return local->options.far != NULL ? *local->options.far : hold_holder(&local->hold);
}

static enum error_code check_server(struct quiesce_local *local, struct error *err)
{
    const char *data_directory = local->options.data_directory;
    char head[SERVER_HEAD_SIZE];
    if (!is_given(data_directory))
        return pg_conn_run(&local->conn, "SELECT 1", err);
    if (local->options.far == NULL)
        return pg_directory_check_server(&local->conn, data_directory, err);
    TRY(local->options.far->server_head(local->options.far->self, data_directory, head, err));
    return pg_directory_check_head(&local->conn, data_directory, head, err);
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
    struct holder holder = holder_of(local);
    TRY(holder.check_thawed(holder.self, err));
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

/* What an earlier cut left is forgotten; a backup or a fence that is on stays. */
static void forget_cut(struct quiesce_local *local)
{
    local->happened = (struct quiesce_report){.fenced = local->happened.fenced};
    local->cut_began = false;
    local->cut_ended = false;
    local->freeze_held = false;
    local->cut_in_backup = false;
    local->cut_backup_ended = false;
}

static enum error_code local_settle(void *self, struct error *err);

static enum error_code local_prepare(void *self, struct error *err)
{
    struct quiesce_local *local = self;
    struct holder holder = holder_of(local);
    TRY(local_settle(local, err));
    forget_cut(local);
    local->stopped_before = is_stopped(local);
    TRY(holder.check_thawed(holder.self, err));
    TRY(prepare_database(local, err));
    enum error_code failed = holder.prepare(holder.self, err);
    if (failed != ERR_NONE && local_settle(local, NULL) != ERR_NONE)
        return error_set(err, ERR_NOT_THAWED, "a filesystem may still be frozen");
    return failed;
}

static enum error_code cut_begin(void *self, struct error *err)
{
    struct quiesce_local *local = self;
    struct holder holder = holder_of(local);
    TRY(holder.begin(holder.self, err));
    local->cut_began = true;
    return ERR_NONE;
}

static void cut_end(void *self)
{
    struct quiesce_local *local = self;
    struct holder holder = holder_of(local);
    local->cut_ended = holder.end(holder.self);
    local->cut_in_backup = local->backup_on;
}

static struct cut local_cut(void *self)
{
    return (struct cut){.begin = cut_begin, .end = cut_end, .self = self};
}

/* A later settle() has nothing new to tell, and takes nothing back. */
static void note_held(struct quiesce_local *local, const struct held *held)
{
    struct quiesce_report *happened = &local->happened;
    happened->watchdog_fired = happened->watchdog_fired || held->fired;
    happened->flush_before_us += held->flush_before_us;
    happened->stolen = happened->stolen || held->stolen;
    happened->unseen = happened->unseen || held->unseen;
    if (!held->all_frozen)
        return;
    local->freeze_held = true;
    happened->freeze_us = held->freeze_us;
    happened->held_us = held->held_us;
    happened->thaw_us = held->thaw_us;
    happened->round_trip_us = held->round_trip_us;
}

static enum error_code local_settle(void *self, struct error *err)
{
    struct quiesce_local *local = self;
    struct holder holder = holder_of(local);
    struct held held = {0};
    enum error_code thawed = holder.settle(holder.self, &held, err);
    note_held(local, &held);
    return thawed;
}

/* The weakest word that everything that happened allows. */
static enum consistency derive_label(const struct quiesce_local *local)
{
    if (!local->cut_began || !local->cut_ended)
        return CONSISTENCY_CRASH;
    if (local->stopped_before && is_stopped(local))
        return CONSISTENCY_STOPPED;
    if (local->happened.watchdog_fired || local->happened.stolen || local->happened.unseen)
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
    hold_done(&local->hold);
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
