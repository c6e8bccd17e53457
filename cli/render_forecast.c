#include "cli/render_forecast.h"

#include <math.h>

#include "cli/learn.h"
#include "model/amount.h"
#include "model/instant.h"

/* Rows that are shown where there are more. */
#define SHOWN_RESIDUALS ((size_t)12)
#define SHOWN_ASIDE     ((size_t)5)
/* Room for the words about where a belief comes from. */
#define ORIGIN_TEXT_SIZE 80

/* Where a belief comes from: what other volumes told, and whether the volume itself did. */
static const char *origin_of(bool prior_only, size_t volumes, char text[ORIGIN_TEXT_SIZE])
{
    if (volumes > 0) {
        (void)snprintf(text, ORIGIN_TEXT_SIZE, "%s %zu other volumes of the account",
                       prior_only ? "from" : "learned, after", volumes);
    } else {
        (void)snprintf(text, ORIGIN_TEXT_SIZE, "%s",
                       prior_only ? "general experience alone" : "learned");
    }
    return text;
}

static const char *seconds_text(double seconds, char text[DURATION_TEXT_SIZE])
{
    return duration_text(llround(fmin(fmax(seconds, 0), 1e9) * 1000), text);
}

static void print_transfer(const char *name, const struct duration_fit *fit, size_t volumes,
                           FILE *out)
{
    char origin[ORIGIN_TEXT_SIZE];
    char fixed[DURATION_TEXT_SIZE];
    char rate[AMOUNT_TEXT_SIZE];
    (void)fprintf(out, "  %-9s %s and %s/s, give or take a factor of %.2f: %s, %zu done", name,
                  seconds_text(exp(fit->log_fixed_s), fixed),
                  amount_text(BYTES_PER_MIB / exp(fit->log_s_per_mib), rate), exp(fit->noise),
                  origin_of(fit->prior_only, volumes, origin), fit->sample_count);
    if (fit->pending_count > 0)
        (void)fprintf(out, ", %zu running", fit->pending_count);
    if (fit->queue_slowdown > 0)
        (void)fprintf(out, ", %.0f %% slower for each transfer beside it",
                      100 * fit->queue_slowdown);
    if (fit->level != 0)
        (void)fprintf(out, ", of late %.0f %% of that time", 100 * exp(fit->level));
    (void)fprintf(out, "\n");
}

static void print_changes(const struct volume_model *model, FILE *out)
{
    const struct dirty_fit *fit = &model->dirty;
    char bytes[AMOUNT_TEXT_SIZE];
    char origin[ORIGIN_TEXT_SIZE];
    struct delta_law law =
        forecast_delta_law(model, model->fitted_ms, model->fitted_ms + llround(SHOWN_GAP_S * 1000));
    (void)fprintf(out,
                  "  changes   %s in an hour, growing as the %.2fth power of the gap, give or take "
                  "a factor of %.2f: %s, %zu gaps and %zu unions\n",
                  amount_text(forecast_delta_at(&law, 0, 0), bytes),
                  dirty_fit_growth(fit, SHOWN_GAP_S), exp(law.blocks.scale),
                  origin_of(fit->prior_only, model->prior.dirty_volumes, origin), fit->sample_count,
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
    char known[INSTANT_TEXT_SIZE];
    (void)fprintf(out, "            measured until %s\n",
                  instant_text(writes->known_until_ms, known));
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

/* What is odd by name. Old snapshots without a size are dozens, and what is beyond the report are more of
 * them. */
static void print_set_aside(const struct set_aside *aside, FILE *out)
{
    size_t odd = 0;
    for (size_t i = 0; i < aside->row_count; i++) {
        char at[INSTANT_TEXT_SIZE];
        const struct set_aside_row *row = &aside->rows[i];
        if (row->reason == SET_ASIDE_SIZE)
            continue;
        odd++;
        if (odd <= SHOWN_ASIDE) {
            (void)fprintf(out, "  set aside %s of %s: %s\n", row->id,
                          instant_text(row->at_ms / 1000 * 1000, at),
                          set_aside_reason_text(row->reason));
        }
    }
    if (odd > SHOWN_ASIDE)
        (void)fprintf(out, "  set aside %zu more; --output json names them\n", odd - SHOWN_ASIDE);
    if (aside->total_count > odd) {
        (void)fprintf(out,
                      "  set aside %zu whose size is unknown (the newest %d gaps are listed) or "
                      "impossible\n",
                      aside->total_count - odd, LEARN_GAPS);
    }
}

void render_belief_text(const struct volume_belief *belief, FILE *out)
{
    const struct volume_model *model = belief->member->model;
    char at[INSTANT_TEXT_SIZE];
    (void)fprintf(out, "%s as known at %s\n", model->volume_id,
                  instant_text(model->fitted_ms / 1000 * 1000, at));
    print_transfer("snapshot", &model->snapshot, model->prior.snapshot_volumes, out);
    if (belief->copies)
        print_transfer("copy", &model->copy, model->prior.copy_volumes, out);
    print_changes(model, out);
    print_writes(model, out);
    print_next(belief, out);
    print_residuals(belief, out);
    print_set_aside(&model->aside, out);
    (void)fprintf(out, "\n");
}

/* How far the teller is to be trusted, and what it adds of its own. */
static void print_experience(const struct experience *experience, FILE *out)
{
    const struct calibration *calibration = &experience->calibration;
    const struct overhead *overhead = &experience->overhead;
    char middle[DURATION_TEXT_SIZE];
    char high[DURATION_TEXT_SIZE];
    (void)fprintf(out,
                  "own steps %s of a downtime, up to %s: ", seconds_text(overhead->p50_s, middle),
                  seconds_text(overhead->p95_s, high));
    if (overhead->run_count > 0) {
        (void)fprintf(out, "learned, %zu runs\n", overhead->run_count);
    } else {
        (void)fprintf(out, "general experience alone\n");
    }
    (void)fprintf(
        out,
        "promises  widened by a factor of %.2f and moved by %+.2f spreads: %zu series and "
        "%zu rounds of these volumes, %zu and %zu of others\n",
        calibration->widen, calibration->shift, calibration->own_series, calibration->own_rounds,
        calibration->account_series, calibration->account_rounds);
}

void render_outcome_text(const struct outlook *outlook, int64_t at_ms, int64_t for_ms, FILE *out)
{
    const struct plan *plan = &outlook->plan;
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
    print_experience(&outlook->experience, out);
    if (for_ms > 0) {
        (void)fprintf(out, "chance    %.1f %% to be done within %s of %s, after the best series\n",
                      100 * (1 - plan->window_miss_probability), duration_text(for_ms, text),
                      instant_text(at_ms / 1000 * 1000, at));
    }
}
