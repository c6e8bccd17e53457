#include <stdlib.h>

#include "cli/cmd.h"
#include "cli/learn.h"
#include "cli/render_plan.h"

static enum error_code plan(struct session *session, struct outlook *outlook, struct error *err)
{
    struct outlook_request request;
    TRY(learn_request(session, &request, err));
    TRY(learn_target(session, err));
    TRY(learn_collect(session, err));
    TRY(outlook_make(&request, outlook, err));
    if (session->options.json) {
        render_plan_json(&request, outlook, stdout);
    } else {
        render_plan_text(&request, outlook, stdout);
    }
    return ERR_NONE;
}

/* A plan that does not fit is printed and is also a failure, for the sake of scripts. */
enum error_code cmd_plan(struct session *session, struct error *err)
{
    TRY(learn_open(session, err));
    struct outlook *outlook = calloc(1, sizeof(*outlook));
    if (outlook == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot plan");
    enum error_code code = plan(session, outlook, err);
    if (code == ERR_NONE && !outlook->plan.fits) {
        code = error_set(err, outlook->plan.converges ? ERR_DEADLINE : ERR_NO_CONVERGENCE, "%s",
                         outlook->plan.reason);
    }
    outlook_done(outlook);
    free(outlook);
    return code;
}
