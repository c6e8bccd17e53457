#include "model/plan_text.h"

#include <math.h>
#include <stdio.h>

#include "model/instant.h"
#include "model/search.h"

static const char *seconds_text(double seconds, char text[DURATION_TEXT_SIZE])
{
    return duration_text(llround(fmin(fmax(seconds, 0), 1e9)) * MS_PER_SECOND, text);
}

static int64_t whole_minute_after(int64_t at_ms)
{
    return (at_ms + MS_PER_MINUTE - 1) / MS_PER_MINUTE * MS_PER_MINUTE;
}

static void explain_window_over(const struct plan_input *input, struct plan *plan)
{
    char end[INSTANT_TEXT_SIZE];
    snprintf(plan->reason, sizeof(plan->reason), "the window ended at %s",
             instant_text(input->window_end_ms, end));
    snprintf(plan->remedy, sizeof(plan->remedy), "choose a window in the future");
}

/* When something may begin in the window; no sooner than its end if nothing may. */
static int64_t allowed_in_window(const struct plan_input *input)
{
    int64_t from_ms =
        input->now_ms > input->window_start_ms ? input->now_ms : input->window_start_ms;
    return blackouts_end(&input->blackouts, from_ms);
}

static void explain_blackout(const struct plan_input *input, struct plan *plan)
{
    char end[INSTANT_TEXT_SIZE];
    snprintf(plan->reason, sizeof(plan->reason), "blackouts cover the whole window, until %s",
             instant_text(allowed_in_window(input), end));
    snprintf(plan->remedy, sizeof(plan->remedy),
             "let the window end later, or change the blackouts (plan.blackout)");
}

/* How much of it is no more than a guess. */
static const char *origin_text(const struct plan_input *input, const struct plan *plan)
{
    size_t learned = 0;
    for (size_t i = 0; i < input->member_count; i++)
        learned += !input->members[i].model->prior_only;
    return !plan->prior_only ? ""
           : learned == 0    ? "from priors alone"
                             : "in part from priors alone";
}

static void explain_fit(const struct plan_input *input, struct plan *plan)
{
    char final[DURATION_TEXT_SIZE];
    char promise[DURATION_TEXT_SIZE];
    double final_s = plan->final.snapshot_s.p50 + plan->final.copy_s.p50;
    snprintf(plan->reason, sizeof(plan->reason),
             "%zu round%s, then a final of %s; downtime at most %s with %g %%%s%s",
             plan->round_count, plan->round_count == 1 ? "" : "s", seconds_text(final_s, final),
             seconds_text(plan->downtime_promise_s, promise), 100 * input->confidence,
             plan->prior_only ? ", " : "", origin_text(input, plan));
    if (plan->prior_only) {
        snprintf(
            plan->remedy, sizeof(plan->remedy),
            "let each volume have two snapshots before: the second one calibrates the forecast");
    }
}

/* What comes first: the next round, or the final where no round has room. */
static double first_step(const struct plan *plan, bool *full, double *bytes)
{
    if (plan->round_count > 0) {
        *full = plan->rounds[0].full;
        *bytes = plan->rounds[0].delta_bytes.p50;
        return plan->rounds[0].duration_s.p50;
    }
    *full = plan->final.full;
    *bytes = plan->final.delta_bytes.p50;
    return plan->final.snapshot_s.p50 + plan->final.copy_s.p50;
}

/* A later window would do. */
static void explain_late(const struct plan_input *input, struct plan *plan)
{
    char ready[INSTANT_TEXT_SIZE];
    char length[DURATION_TEXT_SIZE];
    bool full = false;
    double bytes = 0;
    double step_s = first_step(plan, &full, &bytes);
    snprintf(plan->reason, sizeof(plan->reason),
             "too late for this window: the next step carries %s%.1f GB and takes about %s, the "
             "chance to miss is %.1f %%, wanted is at most %g %%",
             full ? "all of " : "", bytes / 1e9, seconds_text(step_s, length),
             100 * plan->window_miss_probability, 100 - 100 * input->confidence);
    snprintf(plan->remedy, sizeof(plan->remedy), "begin now and let the window begin after %s",
             instant_text(whole_minute_after(plan->earliest_cut_ms), ready));
}

/* There is time enough before this window; what is written in it, or its length, is in the way. */
static void explain_hours(const struct plan_input *input, struct plan *plan)
{
    char ready[INSTANT_TEXT_SIZE];
    char promise[DURATION_TEXT_SIZE];
    snprintf(plan->reason, sizeof(plan->reason),
             "the chance to keep this window is %.1f %%, wanted are %g %%",
             100 * (1 - plan->window_miss_probability), 100 * input->confidence);
    snprintf(plan->remedy, sizeof(plan->remedy),
             "lengthen the window, or let it begin in other hours: a cut at %s could promise %s",
             instant_text(whole_minute_after(plan->earliest_cut_ms), ready),
             seconds_text(plan->attainable_s, promise));
}

/* No window would do with this limit. */
static void explain_odds(const struct plan_input *input, struct plan *plan)
{
    char promise[DURATION_TEXT_SIZE];
    snprintf(plan->reason, sizeof(plan->reason),
             "the chance to keep the window is %.1f %%, wanted are %g %%%s%s",
             100 * (1 - plan->window_miss_probability), 100 * input->confidence,
             plan->prior_only ? "; the forecast speaks " : "", origin_text(input, plan));
    seconds_text(plan->attainable_s, promise);
    if (plan->prior_only) {
        snprintf(plan->remedy, sizeof(plan->remedy),
                 "let each volume have two snapshots first, or allow a downtime of %s", promise);
    } else {
        snprintf(plan->remedy, sizeof(plan->remedy), "allow a downtime of %s", promise);
    }
}

static void copy_series_text(struct plan *plan)
{
    snprintf(plan->reason, sizeof(plan->reason), "%s", plan->series.reason);
    snprintf(plan->remedy, sizeof(plan->remedy), "%s", plan->series.remedy);
}

void plan_explain(const struct plan_input *input, struct plan *plan)
{
    plan->remedy[0] = '\0';
    if (input->now_ms >= input->window_end_ms) {
        explain_window_over(input, plan);
    } else if (plan->fits) {
        explain_fit(input, plan);
    } else if (allowed_in_window(input) >= input->window_end_ms) {
        explain_blackout(input, plan);
    } else if (!plan->converges) {
        copy_series_text(plan);
    } else if (plan->attainable_s > search_limit_s(input)) {
        explain_odds(input, plan);
    } else if (plan->earliest_cut_ms > input->window_start_ms) {
        explain_late(input, plan);
    } else {
        explain_hours(input, plan);
    }
}
