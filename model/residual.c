#include "model/residual.h"

#include <math.h>
#include <stdio.h>

/* Half a block stands for none, as in the fit. */
#define LEAST_BYTES (0.5 * BLOCK_BYTES)

static struct residual residual_of(const char *id, enum residual_kind kind, double actual,
                                   double log_predicted, double scale)
{
    struct residual row = {
        .kind = kind,
        .actual = actual,
        .predicted = exp(log_predicted),
        .log_error = log(actual) - log_predicted,
    };
    row.scales = scale > 0 ? row.log_error / scale : 0;
    (void)snprintf(row.id, sizeof(row.id), "%s", id);
    return row;
}

static struct residual of_transfer(const struct volume_model *model,
                                   const struct duration_sample *sample)
{
    bool copy = sample->kind == TRANSFER_COPY;
    const struct duration_fit *fit = copy ? &model->copy : &model->snapshot;
    double bytes = (double)sample->delta_bytes;
    double log_s =
        sample->full ? duration_fit_full_log_s(fit, bytes) : duration_fit_log_s(fit, bytes);
    double scale = sample->full ? duration_fit_full_scale(fit) : duration_fit_scale(fit, bytes);
    struct residual row = residual_of(sample->id, copy ? RESIDUAL_COPY : RESIDUAL_SNAPSHOT,
                                      (double)sample->duration_ms / 1000, log_s, scale);
    row.at_ms = sample->started_ms;
    return row;
}

static struct residual of_change(const struct volume_model *model,
                                 const struct dirty_sample *sample)
{
    struct write_amount amount =
        write_rate_between(&model->writes, sample->start_ms, sample->end_ms);
    struct dirty_query query = {
        .write_bytes = amount.bytes,
        .write_ops = amount.ops,
        .elapsed_s = (double)(sample->end_ms - sample->start_ms) / 1000,
    };
    struct dirty_answer answer = dirty_fit_ask(&model->dirty, &query);
    double cap = log(dirty_fit_cap_blocks(&model->dirty, &query));
    struct residual row =
        residual_of(sample->id, RESIDUAL_CHANGE, fmax((double)sample->changed_bytes, LEAST_BYTES),
                    fmin(answer.log_blocks, cap) + log(BLOCK_BYTES), answer.scale);
    row.at_ms = sample->end_ms;
    return row;
}

size_t residuals_of(const struct volume_model *model, const struct volume_history *history,
                    struct residual *rows, size_t room)
{
    size_t count = 0;
    for (size_t i = 0; i < history->duration_count && count < room; i++) {
        if (!history->durations[i].pending &&
            sample_check_duration(history, i, model->fitted_ms) == SET_ASIDE_NONE)
            rows[count++] = of_transfer(model, &history->durations[i]);
    }
    for (size_t i = 0; i < history->dirty_count && count < room; i++) {
        if (history->dirties[i].merged_count <= 1 &&
            sample_check_dirty(history, i, model->fitted_ms) == SET_ASIDE_NONE)
            rows[count++] = of_change(model, &history->dirties[i]);
    }
    return count;
}

double residuals_spread(const struct residual *rows, size_t row_count, enum residual_kind kind,
                        size_t *count)
{
    double squares = 0;
    *count = 0;
    for (size_t i = 0; i < row_count; i++) {
        if (rows[i].kind != kind)
            continue;
        squares += rows[i].log_error * rows[i].log_error;
        (*count)++;
    }
    return *count > 0 ? sqrt(squares / (double)*count) : 0;
}

const char *residual_kind_text(enum residual_kind kind)
{
    static const char *const texts[] = {
        [RESIDUAL_SNAPSHOT] = "snapshot", [RESIDUAL_COPY] = "copy", [RESIDUAL_CHANGE] = "change"};
    return texts[kind];
}
