#include "cli/render_forecast.h"

#include <math.h>

#include "model/amount.h"
#include "model/instant.h"

/* Rows that are shown where there are more. */
#define SHOWN_RESIDUALS ((size_t)12)
#define SHOWN_ASIDE     ((size_t)5)
#define BYTES_PER_MIB   1048576.0
/* As long as snapshots last. */
#define SHOWN_GAP_S 3600.0

static const char *origin_of(bool prior_only)
{
    return prior_only ? "general experience alone" : "learned";
}

static const char *seconds_text(double seconds, char text[DURATION_TEXT_SIZE])
{
    return duration_text(llround(fmin(fmax(seconds, 0), 1e9) * 1000), text);
}

static void print_transfer(const char *name, const struct duration_fit *fit, FILE *out)
{
    char fixed[DURATION_TEXT_SIZE];
    char rate[AMOUNT_TEXT_SIZE];
    (void)fprintf(out, "  %-9s %s and %s/s, give or take a factor of %.2f: %s, %zu done", name,
                  seconds_text(exp(fit->log_fixed_s), fixed),
                  amount_text(BYTES_PER_MIB / exp(fit->log_s_per_mib), rate), exp(fit->noise),
                  origin_of(fit->prior_only), fit->sample_count);
    if (fit->pending_count > 0)
        (void)fprintf(out, ", %zu running", fit->pending_count);
    if (fit->level != 0)
        (void)fprintf(out, ", of late %.0f %% of that time", 100 * exp(fit->level));
    (void)fprintf(out, "\n");
}

/* How fast the changes of an hour grow with a longer gap: 1 in proportion, 0 not at all. */
static double growth_of(const struct dirty_fit *fit)
{
    const double *mean = fit->all.mean;
    double growth = mean[1] + mean[2] + mean[3] + 2 * mean[4] * (log(SHOWN_GAP_S / 300) - 2.5);
    return fmin(fmax(growth, 0.1), 1);
}

static void print_changes(const struct volume_model *model, FILE *out)
{
    const struct dirty_fit *fit = &model->dirty;
    char bytes[AMOUNT_TEXT_SIZE];
    struct delta_law law =
        forecast_delta_law(model, model->fitted_ms, model->fitted_ms + llround(SHOWN_GAP_S * 1000));
    (void)fprintf(out,
                  "  changes   %s in an hour, growing as the %.2fth power of the gap, give or take "
                  "a factor of %.2f: %s, %zu gaps and %zu unions\n",
                  amount_text(forecast_delta_at(&law, 0, 0), bytes), growth_of(fit),
                  exp(law.blocks.scale), origin_of(fit->prior_only), fit->sample_count,
                  fit->union_count);
}

static void print_writes(const struct volume_model *model, FILE *out)
{
    const struct write_rate *writes = &model->writes;
    char bytes[AMOUNT_TEXT_SIZE];
    struct write_amount hour =
        write_rate_between(writes, model->fitted_ms, model->fitted_ms + MS_PER_HOUR);
    if (!writes->known) {
        (void)fprintf(out, "  writes    not measured\n");
        return;
    }
    (void)fprintf(
        out, "  writes    %s in the next hour, give or take a factor of %.2f: from %zu days%s\n",
        amount_text(hour.bytes, bytes), exp(writes->log_noise), writes->day_count,
        writes->ops_known ? "" : ", operations not measured");
}

static void print_next(const struct volume_belief *belief, FILE *out)
{
    char at[INSTANT_TEXT_SIZE];
    char low[DURATION_TEXT_SIZE];
    char middle[DURATION_TEXT_SIZE];
    char high[DURATION_TEXT_SIZE];
    char bytes[AMOUNT_TEXT_SIZE];
    const struct forecast *next = &belief->next;
    (void)fprintf(
        out, "  next      %s snapshot at %s: %s, %s (%s to %s)\n",
        belief->incremental ? "incremental" : "full", instant_text(belief->at_ms / 1000 * 1000, at),
        amount_text(next->delta_bytes.p50, bytes), seconds_text(next->snapshot_s.p50, middle),
        seconds_text(next->snapshot_s.p05, low), seconds_text(next->snapshot_s.p95, high));
    if (belief->copies) {
        (void)fprintf(out, "            and its copy %s (%s to %s)\n",
                      seconds_text(next->copy_s.p50, middle), seconds_text(next->copy_s.p05, low),
                      seconds_text(next->copy_s.p95, high));
    }
}

static void print_residuals(const struct volume_belief *belief, FILE *out)
{
    for (enum residual_kind kind = RESIDUAL_SNAPSHOT; kind <= RESIDUAL_CHANGE; kind++) {
        size_t count = 0;
        double spread = residuals_spread(belief->residuals, belief->residual_count, kind, &count);
        if (count > 0) {
            (void)fprintf(out, "  residuals %-8s %3zu rows, typically off by a factor of %.2f\n",
                          residual_kind_text(kind), count, exp(spread));
        }
    }
    size_t first =
        belief->residual_count > SHOWN_RESIDUALS ? belief->residual_count - SHOWN_RESIDUALS : 0;
    for (size_t i = first; i < belief->residual_count; i++) {
        const struct residual *row = &belief->residuals[i];
        (void)fprintf(out, "    %-22s %-8s %.0f %% of what was expected (%+.1f spreads)\n", row->id,
                      residual_kind_text(row->kind), 100 * row->actual / row->predicted,
                      row->scales);
    }
}

static void print_set_aside(const struct set_aside *aside, FILE *out)
{
    size_t shown = aside->row_count < SHOWN_ASIDE ? aside->row_count : SHOWN_ASIDE;
    for (size_t i = 0; i < shown; i++) {
        char at[INSTANT_TEXT_SIZE];
        (void)fprintf(out, "  set aside %s of %s: %s\n", aside->rows[i].id,
                      instant_text(aside->rows[i].at_ms / 1000 * 1000, at),
                      set_aside_reason_text(aside->rows[i].reason));
    }
    if (aside->total_count > shown) {
        (void)fprintf(out, "  set aside %zu more; --output json names them\n",
                      aside->total_count - shown);
    }
}

void render_belief_text(const struct volume_belief *belief, FILE *out)
{
    const struct volume_model *model = belief->member->model;
    char at[INSTANT_TEXT_SIZE];
    (void)fprintf(out, "%s as known at %s\n", model->volume_id,
                  instant_text(model->fitted_ms / 1000 * 1000, at));
    print_transfer("snapshot", &model->snapshot, out);
    if (belief->copies)
        print_transfer("copy", &model->copy, out);
    print_changes(model, out);
    print_writes(model, out);
    print_next(belief, out);
    print_residuals(belief, out);
    print_set_aside(&model->aside, out);
    (void)fprintf(out, "\n");
}

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

static void add_transfer(struct json_out *volume, const char *name, const struct duration_fit *fit)
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
    json_out_exact(object, "full_log_seconds_per_mib", fit->full_log_s_per_mib);
    json_out_exact(object, "full_log_scale", fit->full_scale);
}

static void add_line(struct json_out *object, const char *name, const struct dirty_line *line)
{
    struct json_out *member = json_out_object(object, name);
    struct json_out *mean = json_out_array(member, "mean");
    for (size_t i = 0; i < DIRTY_TERMS; i++)
        json_out_item_exact(mean, line->mean[i]);
    add_matrix(member, "covariance_over_noise_squared", &line->covariance[0][0], DIRTY_TERMS);
    json_out_exact(member, "log_noise", line->noise);
    json_out_exact(member, "degrees_of_freedom", line->dof);
}

static void add_changes(struct json_out *volume, const struct dirty_fit *fit)
{
    struct json_out *object = json_out_object(volume, "changes");
    json_out_bool(object, "prior_only", fit->prior_only);
    json_out_int(object, "gaps", (int64_t)fit->sample_count);
    json_out_int(object, "unions", (int64_t)fit->union_count);
    json_out_exact(object, "growth_exponent", growth_of(fit));
    json_out_exact(object, "log_tick_min", fit->log_tick_min);
    json_out_exact(object, "log_tick_max", fit->log_tick_max);
    json_out_exact(object, "blocks_per_written_block_max", fit->bound_ratio);
    add_line(object, "all", &fit->all);
    add_line(object, "neighbours", &fit->neighbours);
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
    add_transfer(volume, "snapshot", &model->snapshot);
    if (belief->copies)
        add_transfer(volume, "copy", &model->copy);
    add_changes(volume, &model->dirty);
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

void render_outcome_text(const struct plan *plan, int64_t at_ms, int64_t for_ms, FILE *out)
{
    const struct series *series = &plan->series;
    char text[DURATION_TEXT_SIZE];
    char at[INSTANT_TEXT_SIZE];
    (void)fprintf(out,
                  "series    settles at rounds of %s in %zu rounds; each comes %.0f %% of the "
                  "way nearer\n",
                  seconds_text(series->round_s, text), series->rounds_to_settle,
                  100 * (1 - series->contraction));
    (void)fprintf(out,
                  "          (contraction %.2f: an error of the changes counts %.1f times); %s\n",
                  series->contraction, series->amplification, series->reason);
    if (for_ms > 0) {
        (void)fprintf(out, "chance    %.1f %% to be done within %s of %s, after the best series\n",
                      100 * (1 - plan->window_miss_probability), duration_text(for_ms, text),
                      instant_text(at_ms / 1000 * 1000, at));
    }
}

void render_outcome_json(const struct plan *plan, int64_t at_ms, int64_t for_ms,
                         struct json_out *document)
{
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
    if (for_ms == 0)
        return;
    json_out_real(document, "for_seconds", (double)for_ms / 1000);
    json_out_real(document, "chance", 1 - plan->window_miss_probability);
    json_out_three(document, "downtime_seconds", plan->downtime_s.p05, plan->downtime_s.p50,
                   plan->downtime_s.p95);
}
