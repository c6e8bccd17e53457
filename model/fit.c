#include "model/fit.h"

#include <inttypes.h>
#include <stdio.h>

void volume_model_done(struct volume_model *model)
{
    write_rate_done(&model->writes);
    *model = (struct volume_model){0};
}

static enum error_code learn(const struct volume_history *history, int64_t now_ms,
                             struct volume_model *model, struct error *err)
{
    struct set_aside *aside = &model->aside;
    struct volume_prior *prior = &model->prior;
    TRY(write_rate_learn(history, now_ms, &model->writes, aside, err));
    struct dirty_source changes = {
        .history = history, .writes = &model->writes, .prior = &prior->dirty, .now_ms = now_ms};
    TRY(dirty_fit_learn(&changes, &model->dirty, aside, err));
    struct duration_source snapshots = {
        .history = history,
        .kind = TRANSFER_SNAPSHOT,
        .now_ms = now_ms,
        .queue = history->queue,
        .prior = prior->snapshot,
    };
    TRY(duration_fit_learn(&snapshots, &model->snapshot, aside, err));
    if (prior->copy_volumes == 0)
        prior->copy = duration_prior_of_chain(
            duration_prior_of_sibling(&model->snapshot, &prior->snapshot), history->copy_hops);
    struct duration_source copies = {
        .history = history,
        .kind = TRANSFER_COPY,
        .now_ms = now_ms,
        .queue = history->queue,
        .prior = prior->copy,
    };
    return duration_fit_learn(&copies, &model->copy, aside, err);
}

enum error_code volume_model_fit(const struct volume_history *history, int64_t now_ms,
                                 struct volume_model *model, struct error *err)
{
    if (now_ms <= 0)
        return error_set(err, ERR_INVALID, "cannot fit as of %" PRId64 " ms", now_ms);
    struct volume_history checked = *history;
    if (checked.volume_bytes < 0)
        checked.volume_bytes = 0;
    struct volume_model made = {.volume_bytes = checked.volume_bytes, .fitted_ms = now_ms};
    made.prior = history->prior != NULL ? *history->prior : volume_prior_shipped();
    snprintf(made.volume_id, sizeof(made.volume_id), "%s",
             history->volume_id != NULL ? history->volume_id : "");
    enum error_code code = learn(&checked, now_ms, &made, err);
    if (code != ERR_NONE) {
        volume_model_done(&made);
        return code;
    }
    made.prior_only = made.snapshot.prior_only || made.dirty.prior_only;
    *model = made;
    return ERR_NONE;
}
