#include "cli/cmd.h"
#include "cli/drive.h"

enum error_code cmd_abort(struct session *session, struct error *err)
{
    struct run run;
    TRY(drive_reopen(session, &run, true, err));
    struct engine engine = drive_engine(session, &run);
    return drive_show(session, run.id, engine_abort(&engine, err), err);
}
