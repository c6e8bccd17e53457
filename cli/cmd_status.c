#include "cli/cmd.h"
#include "cli/drive.h"
#include "cli/render_run.h"

enum error_code cmd_status(struct session *session, struct error *err)
{
    CLEANUP_RUN_VIEW struct run_view view = {0};
    const struct options *options = &session->options;
    TRY(session_configure(session, true, err));
    TRY(session_read_store(session, err));
    TRY(run_view_load(session->store, options->operand_count > 0 ? options->operands[0] : NULL,
                      &view, err));
    if (options->json) {
        render_run_json(&view, clock_now_ms(&session->clock), "status", stdout);
    } else {
        render_run_text(&view, clock_now_ms(&session->clock), stdout);
    }
    /* Whoever finished the run may have died before it wrote them, or its words are lost. */
    drive_export_texts(session, &view.run);
    return ERR_NONE;
}
