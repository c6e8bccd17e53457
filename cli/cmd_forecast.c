#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/json_out.h"
#include "cli/learn.h"
#include "cli/render_forecast.h"
#include "model/instant.h"

/* Without --for there is time enough. */
#define UNHURRIED_MS MS_PER_DAY

/* --at and --for as the window that the planner wants. */
static enum error_code set_window(struct session *session, struct error *err)
{
    struct options *options = &session->options;
    int64_t now_ms = clock_now_ms(&session->clock);
    if (options->at_ms != 0 && options->at_ms < now_ms)
        return error_set(err, ERR_INVALID, "--at is in the past");
    if (options->for_ms < 0)
        return error_set(err, ERR_INVALID, "--for is negative");
    options->window_start_ms = options->at_ms != 0 ? options->at_ms : now_ms + MS_PER_MINUTE;
    options->window_end_ms =
        options->window_start_ms + (options->for_ms != 0 ? options->for_ms : UNHURRIED_MS);
    return ERR_NONE;
}

/* The next snapshot, after the newest one that is completed, or full if there is none. */
static enum error_code look_ahead(struct volume_belief *belief, struct error *err)
{
    const struct plan_member *member = belief->member;
    int64_t base_ms = member->last_snapshot_ms;
    belief->incremental = base_ms > 0 && base_ms < belief->at_ms;
    if (belief->incremental)
        return forecast_step(member->model, base_ms, belief->at_ms, &belief->next, err);
    double bytes = (double)member->full_bytes;
    belief->next.delta_bytes = (struct quantiles){.p05 = bytes, .p50 = bytes, .p95 = bytes};
    forecast_full(member->model, TRANSFER_SNAPSHOT, member->full_bytes, &belief->next.snapshot_s);
    forecast_full(member->model, TRANSFER_COPY, member->full_bytes, &belief->next.copy_s);
    return ERR_NONE;
}

static enum error_code show_rows(struct volume_belief *belief, const struct volume_rows *rows,
                                 struct json_out *volumes, struct error *err)
{
    size_t room = rows->duration_count + rows->dirty_count;
    const struct volume_model *model = belief->member->model;
    struct volume_history history = volume_rows_history(rows, model->volume_id);
    history.volume_bytes = model->volume_bytes;
    struct residual *residuals = calloc(room + 1, sizeof(*residuals));
    if (residuals == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu residuals", room);
    belief->residuals = residuals;
    belief->residual_count = residuals_of(belief->member->model, &history, residuals, room);
    if (volumes == NULL) {
        render_belief_text(belief, stdout);
    } else {
        render_belief_json(belief, volumes);
    }
    free(residuals);
    return ERR_NONE;
}

static enum error_code show_volume(const struct outlook_request *request,
                                   const struct plan_member *member, struct json_out *volumes,
                                   struct error *err)
{
    CLEANUP_VOLUME_ROWS struct volume_rows rows = {0};
    struct volume_belief belief = {
        .member = member,
        .copies = request->path->count > 0,
        .at_ms = request->window_start_ms,
    };
    TRY(look_ahead(&belief, err));
    TRY(store_get_volume_rows(request->store, member->model->volume_id, request->path->name, &rows,
                              err));
    return show_rows(&belief, &rows, volumes, err);
}

static enum error_code show(const struct outlook_request *request, const struct outlook *outlook,
                            int64_t for_ms, struct json_out *document, struct error *err)
{
    struct json_out *volumes = NULL;
    if (document != NULL) {
        json_out_text(document, "schema", "ebshift.forecast.1");
        volumes = json_out_array(document, "volumes");
    }
    for (size_t i = 0; i < outlook->member_count; i++)
        TRY(show_volume(request, &outlook->members[i], volumes, err));
    if (document != NULL) {
        render_outcome_json(outlook, request->window_start_ms, for_ms, document);
    } else {
        render_outcome_text(outlook, request->window_start_ms, for_ms, stdout);
    }
    return ERR_NONE;
}

static enum error_code forecast(struct session *session, struct outlook *outlook, struct error *err)
{
    struct outlook_request request;
    TRY(set_window(session, err));
    TRY(learn_request(session, &request, err));
    request.max_downtime_ms = 0;
    TRY(learn_collect(session, err));
    TRY(outlook_make(&request, outlook, err));
    struct json_out *document = session->options.json ? json_out_new() : NULL;
    enum error_code code = show(&request, outlook, session->options.for_ms, document, err);
    if (document != NULL && code == ERR_NONE)
        json_out_print(document, stdout);
    return code;
}

enum error_code cmd_forecast(struct session *session, struct error *err)
{
    TRY(learn_open(session, err));
    struct outlook *outlook = calloc(1, sizeof(*outlook));
    if (outlook == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot forecast");
    enum error_code code = forecast(session, outlook, err);
    outlook_done(outlook);
    free(outlook);
    return code;
}
