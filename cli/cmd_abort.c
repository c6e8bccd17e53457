#include <string.h>

#include "cli/canary.h"
#include "cli/cmd.h"
#include "cli/drive.h"

/* A run that is named is meant alone, be it the canary's. */
static bool is_named(const struct session *session, const char *run_id)
{
    const struct options *options = &session->options;
    return options->operand_count > 0 && strcmp(options->operands[0], run_id) == 0;
}

/* Removes what a canary left; *enough tells that no run need be there to abort. */
static enum error_code abort_canary(struct session *session, bool *enough, bool *all,
                                    struct error *err)
{
    char canary[RUN_ID_SIZE];
    TRY(canary_tidy(session, canary, err));
    *enough = canary[0] != '\0';
    *all = *enough && is_named(session, canary);
    if (*enough && !session->options.json)
        (void)printf("canary     '%s' was left behind: removed\n", canary);
    return ERR_NONE;
}

enum error_code cmd_abort(struct session *session, struct error *err)
{
    struct run run;
    bool enough = false;
    bool all = false;
    TRY(abort_canary(session, &enough, &all, err));
    if (all)
        return ERR_NONE;
    enum error_code code = drive_reopen(session, &run, true, err);
    if (enough && (code == ERR_NO_RUN || code == ERR_STATE)) {
        *err = (struct error){0};
        return ERR_NONE;
    }
    TRY(code);
    struct engine engine = drive_engine(session, &run);
    return drive_show(session, run.id, engine_abort(&engine, err), err);
}
