#include "model/plan_text.h"

#include <math.h>
#include <stdio.h>

#include "model/instant.h"

static const char *seconds_text(double seconds, char text[DURATION_TEXT_SIZE])
{
    return duration_text(llround(fmin(fmax(seconds, 0), 1e9)) * MS_PER_SECOND, text);
}

static void explain_window_over(const struct plan_input *input, struct plan *plan)
{
    char end[INSTANT_TEXT_SIZE];
    snprintf(plan->reason, sizeof(plan->reason), "the window ended at %s",
             instant_text(input->window_end_ms, end));
    snprintf(plan->remedy, sizeof(plan->remedy), "choose a window in the future");
}

static void explain_fit(const struct plan_input *input, struct plan *plan)
{
    char final[DURATION_TEXT_SIZE];
    char promise[DURATION_TEXT_SIZE];
    double final_s = plan->final.snapshot_s.p50 + plan->final.copy_s.p50;
    snprintf(plan->reason, sizeof(plan->reason),
             "%zu round%s, then a final of %s; downtime at most %s with %.0f %%%s",
             plan->round_count, plan->round_count == 1 ? "" : "s", seconds_text(final_s, final),
             seconds_text(plan->downtime_promise_s, promise), 100 * input->confidence,
             plan->prior_only ? ", from priors alone" : "");
    if (plan->prior_only)
        snprintf(plan->remedy, sizeof(plan->remedy),
                 "take one snapshot of each volume before, to calibrate the forecast");
}

/* The rounds alone are too long for what is left before the last cut. */
static void explain_late(struct plan *plan)
{
    char ready[INSTANT_TEXT_SIZE];
    char first[DURATION_TEXT_SIZE];
    const struct plan_round *round = &plan->rounds[0];
    bool full = plan->round_count > 0 ? round->full : plan->final.full;
    double first_s = plan->round_count > 0 ? round->duration_s.p50
                                           : plan->final.snapshot_s.p50 + plan->final.copy_s.p50;
    double bytes = plan->round_count > 0 ? round->delta_bytes.p50 : plan->final.delta_bytes.p50;
    snprintf(plan->reason, sizeof(plan->reason),
             "too late for this window: the next round carries %s%.1f GB and takes about %s",
             full ? "all of " : "", bytes / 1e9, seconds_text(first_s, first));
    snprintf(plan->remedy, sizeof(plan->remedy), "move the window to begin after %s",
             instant_text(plan->earliest_cut_ms, ready));
}

static void explain_odds(const struct plan_input *input, struct plan *plan)
{
    char promise[DURATION_TEXT_SIZE];
    snprintf(plan->reason, sizeof(plan->reason),
             "the chance to keep the window is %.0f %%, wanted are %.0f %%",
             100 * (1 - plan->window_miss_probability), 100 * input->confidence);
    snprintf(plan->remedy, sizeof(plan->remedy), "allow a downtime of %s, or accept the odds",
             seconds_text(plan->downtime_promise_s, promise));
}

static void copy_series_text(struct plan *plan)
{
    snprintf(plan->reason, sizeof(plan->reason), "%s", plan->series.reason);
    snprintf(plan->remedy, sizeof(plan->remedy), "%s", plan->series.remedy);
}

void plan_explain(const struct plan_input *input, struct plan *plan)
{
    plan->remedy[0] = '\0';
    if (input->now_ms >= input->window_end_ms)
        explain_window_over(input, plan);
    else if (plan->fits)
        explain_fit(input, plan);
    else if (!plan->converges)
        copy_series_text(plan);
    else if (plan->earliest_cut_ms >= input->window_end_ms)
        explain_late(plan);
    else
        explain_odds(input, plan);
}
