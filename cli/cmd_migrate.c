#include <stdio.h>
#include <stdlib.h>

#include "cli/cmd.h"
#include "cli/drive.h"
#include "cli/learn.h"

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

static struct run new_run(const struct session *session, const struct outlook_request *request,
                          const char *source_account)
{
    struct run run = drive_new_run(session, source_account);
    run.state = STATE_PLAN;
    run.fence = !session->options.no_fence;
    run.backup = session->options.backup_mode;
    run.window_start_ms = request->window_start_ms;
    run.window_end_ms = request->window_end_ms;
    run.max_downtime_ms = request->max_downtime_ms;
    run.confidence = request->confidence;
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
    TRY(learn_no_other(session, err));
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
