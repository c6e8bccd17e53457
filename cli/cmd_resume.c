#include "cli/cmd.h"
#include "cli/drive.h"

enum error_code cmd_resume(struct session *session, struct error *err)
{
    struct run run;
    TRY(drive_reopen(session, &run, false, err));
    struct engine engine = drive_engine(session, &run);
    return drive_show(session, run.id, engine_run(&engine, err), err);
}
