#include <stdio.h>
#include <stdlib.h>

#include "cli/cmd.h"
#include "cli/drive.h"
#include "cli/learn.h"
#include "model/instant.h"

/* What only a migration needs of the config. */
static enum error_code check_options(const struct session *session, struct error *err)
{
    const struct config *config = &session->config;
    if (config->target_zone[0] == '\0')
        return error_set(err, ERR_CONFIG, "--to-zone is needed: where shall the new volumes be?");
    if (config->data_directory[0] == '\0' && !session->options.no_fence) {
        return error_set(err, ERR_CONFIG,
                         "without postgres.data_directory writers cannot be shut out; "
                         "--no-fence moves the volumes as they are");
    }
    if (config->data_directory[0] == '\0' && session->options.backup_mode)
        return error_set(err, ERR_CONFIG, "--backup-mode needs postgres.data_directory");
    return ERR_NONE;
}

static enum error_code check_no_other(struct session *session, struct error *err)
{
    struct run last;
    enum error_code code = store_get_run(session->store, NULL, &last, err);
    if (code == ERR_NO_RUN)
        return ERR_NONE;
    TRY(code);
    if (machine_is_final(last.state))
        return ERR_NONE;
    return error_set(err, ERR_STATE, "run '%s' is not over: resume or abort it first", last.id);
}

/* "20261123T050924-1a2b": sorts by time, and two machines do not meet. */
static void make_id(int64_t now_ms, char id[RUN_ID_SIZE])
{
    struct civil at = instant_to_civil(now_ms);
    (void)snprintf(id, RUN_ID_SIZE, "%04d%02d%02dT%02d%02d%02d-%04x", at.year % 10000, at.month,
                   at.day, at.hour, at.minute, at.second,
                   (unsigned)((uint64_t)clock_mono_us() * 2654435761U >> 16 & 0xffff));
}

#define COPY_TEXT(to, from) (void)snprintf((to), sizeof(to), "%s", (from))

static struct run new_run(const struct session *session, const struct outlook_request *request,
                          const char *source_account)
{
    const struct config *config = &session->config;
    struct run run = {
        .state = STATE_PLAN,
        .created_ms = clock_now_ms(&session->clock),
        .fence = !session->options.no_fence,
        .backup = session->options.backup_mode,
        .window_start_ms = request->window_start_ms,
        .window_end_ms = request->window_end_ms,
        .max_downtime_ms = request->max_downtime_ms,
        .confidence = request->confidence,
    };
    make_id(run.created_ms, run.id);
    COPY_TEXT(run.source_region, config->source_region);
    COPY_TEXT(run.source_instance, config->source_instance);
    COPY_TEXT(run.target_region, config->target_region);
    COPY_TEXT(run.target_zone, config->target_zone);
    COPY_TEXT(run.target_instance, config->target_instance);
    COPY_TEXT(run.target_key, config->target_key);
    COPY_TEXT(run.source_account, source_account);
    COPY_TEXT(run.target_account, config->target_account);
    COPY_TEXT(run.target_profile, config->target_profile);
    COPY_TEXT(run.target_role, config->target_role);
    COPY_TEXT(run.target_external_id, config->target_external_id);
    COPY_TEXT(run.via_region, config->via_region);
    COPY_TEXT(run.via_key, config->via_key);
    return run;
}

/* Looks ahead before a run exists, so that a no-go leaves nothing behind. */
static enum error_code check_go(const struct session *session,
                                const struct outlook_request *request, struct error *err)
{
    struct outlook *outlook = calloc(1, sizeof(*outlook));
    if (outlook == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot plan");
    enum error_code code = outlook_make(request, outlook, err);
    if (code == ERR_NONE && !outlook->plan.fits && !session->options.force) {
        code = error_set(err, outlook->plan.converges ? ERR_DEADLINE : ERR_NO_CONVERGENCE, "%s",
                         outlook->plan.reason);
    }
    outlook_done(outlook);
    free(outlook);
    return code;
}

enum error_code cmd_migrate(struct session *session, struct error *err)
{
    struct outlook_request request;
    char account[16];
    TRY(learn_open(session, err));
    TRY(check_options(session, err));
    TRY(check_no_other(session, err));
    TRY(learn_request(session, &request, err));
    TRY(learn_accounts(session, account, err));
    TRY(learn_target(session, err));
    TRY(session_open_quiesce(session, err));
    TRY(learn_collect(session, err));
    TRY(check_go(session, &request, err));

    struct run run = new_run(session, &request, account);
    struct engine engine = drive_engine(session, &run);
    TRY(engine_begin(&engine, err));
    log_event(&session->log, LOG_INFO, run.created_ms, "run %s begins", run.id);
    return drive_show(session, run.id, engine_run(&engine, err), err);
}
