#include <math.h>

#include "cli/render_forecast.h"
#include "model/instant.h"

static void add_three(struct json_out *object, const char *name, const struct quantiles *q)
{
    json_out_three(object, name, q->p05, q->p50, q->p95);
}

static void add_matrix(struct json_out *object, const char *name, const double *entries,
                       size_t size)
{
    struct json_out *rows = json_out_array(object, name);
    for (size_t i = 0; i < size; i++) {
        struct json_out *row = json_out_item_array(rows);
        for (size_t k = 0; k < size; k++)
            json_out_item_exact(row, entries[i * size + k]);
    }
}

static void add_transfer_prior(struct json_out *object, const struct duration_prior *prior,
                               size_t volumes, const char *otherwise)
{
    struct json_out *member = json_out_object(object, "prior");
    json_out_text(member, "origin", volumes > 0 ? "account" : otherwise);
    json_out_int(member, "volumes", (int64_t)volumes);
    json_out_exact(member, "log_fixed_seconds", prior->log_fixed_s);
    json_out_exact(member, "log_seconds_per_mib", prior->log_s_per_mib);
    json_out_exact(member, "log_fixed_seconds_scale", prior->scale_fixed);
    json_out_exact(member, "log_seconds_per_mib_scale", prior->scale_slope);
}

static struct json_out *add_transfer(struct json_out *volume, const char *name,
                                     const struct duration_fit *fit)
{
    struct json_out *object = json_out_object(volume, name);
    json_out_bool(object, "prior_only", fit->prior_only);
    json_out_int(object, "samples", (int64_t)fit->sample_count);
    json_out_int(object, "pending", (int64_t)fit->pending_count);
    json_out_exact(object, "fixed_seconds", exp(fit->log_fixed_s));
    json_out_exact(object, "bytes_per_second", BYTES_PER_MIB / exp(fit->log_s_per_mib));
    json_out_exact(object, "log_fixed_seconds", fit->log_fixed_s);
    json_out_exact(object, "log_seconds_per_mib", fit->log_s_per_mib);
    add_matrix(object, "covariance", &fit->covariance[0][0], 2);
    json_out_exact(object, "log_noise", fit->noise);
    json_out_exact(object, "log_level", fit->level);
    json_out_exact(object, "degrees_of_freedom", DURATION_DOF);
    json_out_exact(object, "queue", fit->queue);
    json_out_exact(object, "queue_slowdown", fit->queue_slowdown);
    json_out_exact(object, "full_log_seconds_per_mib", fit->full_log_s_per_mib);
    json_out_exact(object, "full_log_scale", fit->full_scale);
    return object;
}

static void add_mean(struct json_out *object, const double mean[DIRTY_TERMS])
{
    struct json_out *items = json_out_array(object, "mean");
    for (size_t i = 0; i < DIRTY_TERMS; i++)
        json_out_item_exact(items, mean[i]);
}

static void add_line(struct json_out *object, const char *name, const struct dirty_line *line)
{
    struct json_out *member = json_out_object(object, name);
    add_mean(member, line->mean);
    add_matrix(member, "covariance_over_noise_squared", &line->covariance[0][0], DIRTY_TERMS);
    json_out_exact(member, "log_noise", line->noise);
    json_out_exact(member, "degrees_of_freedom", line->dof);
}

static void add_dirty_prior(struct json_out *object, const struct volume_prior *prior)
{
    struct json_out *member = json_out_object(object, "prior");
    json_out_text(member, "origin", prior->dirty_volumes > 0 ? "account" : "built-in");
    json_out_int(member, "volumes", (int64_t)prior->dirty_volumes);
    add_mean(member, prior->dirty.mean);
    add_matrix(member, "covariance_over_noise_squared", &prior->dirty.covariance[0][0],
               DIRTY_TERMS);
    json_out_exact(member, "log_noise", sqrt(prior->dirty.rate / prior->dirty.shape));
    json_out_exact(member, "log_changed_per_written", prior->dirty.log_hour_ratio);
}

static void add_changes(struct json_out *volume, const struct volume_model *model)
{
    const struct dirty_fit *fit = &model->dirty;
    struct json_out *object = json_out_object(volume, "changes");
    json_out_bool(object, "prior_only", fit->prior_only);
    json_out_int(object, "gaps", (int64_t)fit->sample_count);
    json_out_int(object, "unions", (int64_t)fit->union_count);
    json_out_exact(object, "growth_exponent", dirty_fit_growth(fit, SHOWN_GAP_S));
    json_out_exact(object, "log_tick_min", fit->log_tick_min);
    json_out_exact(object, "log_tick_max", fit->log_tick_max);
    json_out_exact(object, "blocks_per_written_block_max", fit->bound_ratio);
    add_line(object, "all", &fit->all);
    add_line(object, "neighbours", &fit->neighbours);
    add_dirty_prior(object, &model->prior);
}

static void add_writes(struct json_out *volume, const struct volume_model *model)
{
    const struct write_rate *writes = &model->writes;
    struct json_out *object = json_out_object(volume, "writes");
    struct write_amount hour =
        write_rate_between(writes, model->fitted_ms, model->fitted_ms + MS_PER_HOUR);
    json_out_bool(object, "measured", writes->known);
    json_out_bool(object, "operations_measured", writes->ops_known);
    json_out_int(object, "days", (int64_t)writes->day_count);
    json_out_instant(object, "measured_until_at", writes->known ? writes->known_until_ms : 0);
    json_out_real(object, "next_hour_bytes", hour.bytes);
    json_out_exact(object, "log_noise", writes->log_noise);
}

static void add_residuals(struct json_out *volume, const struct volume_belief *belief)
{
    struct json_out *rows = json_out_array(volume, "residuals");
    for (size_t i = 0; i < belief->residual_count; i++) {
        const struct residual *row = &belief->residuals[i];
        struct json_out *item = json_out_item(rows);
        bool change = row->kind == RESIDUAL_CHANGE;
        json_out_text(item, "id", row->id);
        json_out_text(item, "kind", residual_kind_text(row->kind));
        json_out_instant(item, "at", row->at_ms);
        json_out_real(item, change ? "actual_bytes" : "actual_seconds", row->actual);
        json_out_real(item, change ? "predicted_bytes" : "predicted_seconds", row->predicted);
        json_out_exact(item, "log_error", row->log_error);
        json_out_exact(item, "spreads", row->scales);
    }
}

static void add_set_aside(struct json_out *volume, const struct set_aside *aside)
{
    struct json_out *rows = json_out_array(volume, "set_aside");
    for (size_t i = 0; i < aside->row_count; i++) {
        struct json_out *item = json_out_item(rows);
        json_out_text(item, "id", aside->rows[i].id);
        json_out_instant(item, "at", aside->rows[i].at_ms);
        json_out_text(item, "reason", set_aside_reason_text(aside->rows[i].reason));
    }
    json_out_int(volume, "set_aside_count", (int64_t)aside->total_count);
}

void render_belief_json(const struct volume_belief *belief, struct json_out *volumes)
{
    const struct volume_model *model = belief->member->model;
    struct json_out *volume = json_out_item(volumes);
    json_out_text(volume, "volume_id", model->volume_id);
    json_out_instant(volume, "known_at", model->fitted_ms);
    json_out_bool(volume, "prior_only", model->prior_only);
    const struct volume_prior *prior = &model->prior;
    add_transfer_prior(add_transfer(volume, "snapshot", &model->snapshot), &prior->snapshot,
                       prior->snapshot_volumes, "built-in");
    if (belief->copies)
        add_transfer_prior(add_transfer(volume, "copy", &model->copy), &prior->copy,
                           prior->copy_volumes,
                           model->snapshot.prior_only ? "built-in" : "own snapshots");
    add_changes(volume, model);
    add_writes(volume, model);
    struct json_out *next = json_out_object(volume, "next");
    json_out_instant(next, "at", belief->at_ms);
    json_out_bool(next, "full", !belief->incremental);
    add_three(next, "delta_bytes", &belief->next.delta_bytes);
    add_three(next, "snapshot_seconds", &belief->next.snapshot_s);
    if (belief->copies)
        add_three(next, "copy_seconds", &belief->next.copy_s);
    add_residuals(volume, belief);
    add_set_aside(volume, &model->aside);
}

static void add_experience(struct json_out *document, const struct experience *experience)
{
    const struct calibration *calibration = &experience->calibration;
    struct json_out *own = json_out_object(document, "own_steps");
    json_out_real(own, "p50_seconds", experience->overhead.p50_s);
    json_out_real(own, "p95_seconds", experience->overhead.p95_s);
    json_out_int(own, "runs", (int64_t)experience->overhead.run_count);
    struct json_out *object = json_out_object(document, "calibration");
    json_out_exact(object, "shift", calibration->shift);
    json_out_exact(object, "widen", calibration->widen);
    json_out_int(object, "own_series", (int64_t)calibration->own_series);
    json_out_int(object, "own_rounds", (int64_t)calibration->own_rounds);
    json_out_int(object, "account_series", (int64_t)calibration->account_series);
    json_out_int(object, "account_rounds", (int64_t)calibration->account_rounds);
}

void render_outcome_json(const struct outlook *outlook, int64_t at_ms, int64_t for_ms,
                         struct json_out *document)
{
    const struct plan *plan = &outlook->plan;
    const struct series *series = &plan->series;
    struct json_out *object = json_out_object(document, "series");
    json_out_real(object, "settles_at_seconds", series->round_s);
    json_out_real(object, "next_round_seconds", series->next_round_s);
    json_out_real(object, "floor_seconds", series->floor_s);
    json_out_real(object, "contraction", series->contraction);
    json_out_real(object, "amplification", series->amplification);
    json_out_int(object, "rounds_to_settle", (int64_t)series->rounds_to_settle);
    json_out_text(object, "reason", series->reason);
    json_out_instant(document, "at", at_ms);
    add_experience(document, &outlook->experience);
    if (for_ms == 0)
        return;
    json_out_real(document, "for_seconds", (double)for_ms / 1000);
    json_out_real(document, "chance", 1 - plan->window_miss_probability);
    add_three(document, "downtime_seconds", &plan->downtime_s);
    add_three(document, "drawn_downtime_seconds", &plan->drawn_downtime_s);
}
