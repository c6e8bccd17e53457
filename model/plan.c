#include "model/plan.h"

#include <math.h>
#include <stdlib.h>

#include <gsl/gsl_statistics_double.h>

#include "model/instant.h"
#include "model/plan_text.h"
#include "model/rollout.h"
#include "model/search.h"
#include "model/timed_copy.h"

#define DEFAULT_CONFIDENCE 0.9
#define DEFAULT_PRICE_S    30.0
#define DEFAULT_DRAWS      256
#define MAX_DRAWS          4096
/* So unlikely that it is not tried. */
#define HOPELESS_MISS 0.995

static const char handover[] = "hand over: the service writes to the new volumes";

static int64_t instant_after(const struct plan_input *input, double seconds)
{
    return input->now_ms + llround(fmin(fmax(seconds, 0), 1e10) * 1000);
}

static void quantiles_in(const struct search *search, const double *values, struct quantiles *out)
{
    size_t count = search->rollout->draw_count;
    for (size_t i = 0; i < count; i++)
        search->scratch[i] = values[i];
    quantiles_of(search->scratch, count, out);
}

enum leg_part { LEG_START, LEG_DELTA, LEG_SNAPSHOT, LEG_COPY, LEG_DURATION };

static double leg_value(const struct rollout_leg *leg, enum leg_part part)
{
    switch (part) {
    case LEG_START:
        return leg->start_s;
    case LEG_DELTA:
        return leg->delta_bytes;
    case LEG_SNAPSHOT:
        return leg->snapshot_s;
    case LEG_COPY:
        return leg->copy_s;
    case LEG_DURATION:
        return leg->snapshot_s + leg->copy_s;
    }
    return 0;
}

/* Quantiles of one part of a slot's legs, over the draws that made it. */
static struct quantiles leg_quantiles(const struct search *search, size_t slot, enum leg_part part)
{
    const struct rollout *rollout = search->rollout;
    const struct rollout_leg *legs = &rollout->legs[slot * rollout->draw_count];
    struct quantiles out;
    size_t count = 0;
    for (size_t i = 0; i < rollout->draw_count; i++) {
        if (legs[i].made)
            search->scratch[count++] = leg_value(&legs[i], part);
    }
    quantiles_of(search->scratch, count, &out);
    return out;
}

static bool is_made(const struct rollout *rollout, size_t slot)
{
    size_t made = 0;
    for (size_t i = 0; i < rollout->draw_count; i++)
        made += rollout->legs[slot * rollout->draw_count + i].made;
    return 2 * made >= rollout->draw_count;
}

static bool next_is_full(const struct plan_input *input)
{
    for (size_t i = 0; i < input->member_count; i++) {
        const struct plan_member *member = &input->members[i];
        if (rollout_base_ms(member) == 0 || (input->copies && member->last_copied_ms == 0))
            return true;
    }
    return false;
}

/* A median between draws before a blackout and after it may lie inside. */
static int64_t allowed_after(const struct plan_input *input, double seconds)
{
    return blackouts_end(&input->blackouts, instant_after(input, seconds));
}

static void add_round(const struct search *search, size_t slot, struct plan *plan)
{
    struct plan_round round = {
        .full = plan->round_count == 0 && next_is_full(search->input),
        .in_flight = slot == ROLLOUT_IN_FLIGHT,
        .delta_bytes = leg_quantiles(search, slot, LEG_DELTA),
        .snapshot_s = leg_quantiles(search, slot, LEG_SNAPSHOT),
        .copy_s = leg_quantiles(search, slot, LEG_COPY),
        .duration_s = leg_quantiles(search, slot, LEG_DURATION),
    };
    struct quantiles start = leg_quantiles(search, slot, LEG_START);
    round.starts_at_ms =
        round.in_flight ? search->input->round_started_ms : allowed_after(search->input, start.p50);
    plan->rounds[plan->round_count++] = round;
}

/* A round that only some draws make begins, in its own median, before the round before it (the quick
 * ones), or so near the median cut or after it (the slow ones) that most of it would lie beyond. */
static bool is_in_schedule(const struct search *search, const struct plan *plan, size_t slot,
                           double last_s, double cut_s)
{
    if (!is_made(search->rollout, slot))
        return false;
    double start_s = leg_quantiles(search, slot, LEG_START).p50;
    double length_s = leg_quantiles(search, slot, LEG_DURATION).p50;
    if (start_s >= cut_s || start_s <= last_s)
        return false;
    return plan->round_count == 0 || start_s + length_s / 2 <= cut_s;
}

/* What people read as a schedule. The first round is in any case: it is what comes next. */
static void report_steps(const struct search *search, struct plan *plan)
{
    struct quantiles cut = leg_quantiles(search, ROLLOUT_FINAL, LEG_START);
    plan->final.cut_at_ms = allowed_after(search->input, cut.p50);
    if (search->input->phase != PLAN_IDLE)
        add_round(search, ROLLOUT_IN_FLIGHT, plan);
    double last_s = -1;
    for (size_t slot = 0; slot < PLAN_MAX_ROUNDS; slot++) {
        if (plan->round_count == PLAN_MAX_ROUNDS ||
            !is_in_schedule(search, plan, slot, last_s, cut.p50))
            continue;
        add_round(search, slot, plan);
        last_s = leg_quantiles(search, slot, LEG_START).p50;
    }
    plan->final.full = plan->round_count == 0 && next_is_full(search->input);
    plan->final.delta_bytes = leg_quantiles(search, ROLLOUT_FINAL, LEG_DELTA);
    plan->final.snapshot_s = leg_quantiles(search, ROLLOUT_FINAL, LEG_SNAPSHOT);
    plan->final.copy_s = leg_quantiles(search, ROLLOUT_FINAL, LEG_COPY);
}

static void choose_next(const struct search *search, struct plan *plan)
{
    const struct plan_input *input = search->input;
    plan->next.action = PLAN_CUT;
    plan->next.at_ms = plan->final.cut_at_ms;
    if (input->now_ms >= input->window_end_ms || plan->window_miss_probability > HOPELESS_MISS) {
        plan->next.action = PLAN_NEVER;
        plan->next.at_ms = input->now_ms;
    } else if (input->phase != PLAN_IDLE) {
        plan->next.action = PLAN_WAIT;
        plan->next.at_ms = instant_after(input, search->first_start_s);
    } else if (plan->round_count > 0) {
        plan->next.action = PLAN_START_ROUND;
        plan->next.at_ms = plan->rounds[0].starts_at_ms;
    }
}

static int64_t start_by(const struct search *search, const struct choice *choice,
                        const struct plan *plan)
{
    if (!plan->fits)
        return 0;
    if (plan->round_count == 0)
        return plan->final.cut_at_ms;
    double latest_s = search_latest_start(search, choice);
    if (latest_s < 0)
        return plan->rounds[0].starts_at_ms;
    return allowed_after(search->input, latest_s);
}

static void report_unhurried(const struct search *search, struct plan *plan)
{
    double ready_s = 0;
    plan->attainable_s = search_unhurried(search, &ready_s);
    plan->earliest_cut_ms = allowed_after(search->input, ready_s);
}

static void report(const struct search *search, const struct choice *choice, struct plan *plan)
{
    const struct plan_input *input = search->input;
    struct rollout *rollout = search->rollout;
    struct rollout_candidate foreseen = search_foreseen(search, choice);
    rollout_play(rollout, &foreseen, rollout->draw_count);
    report_steps(search, plan);
    plan->expected_rounds = gsl_stats_mean(rollout->outcome.rounds, 1, rollout->draw_count);
    plan->expected_bytes = gsl_stats_mean(rollout->outcome.bytes, 1, rollout->draw_count);
    quantiles_in(search, rollout->outcome.downtime_s, &plan->drawn_downtime_s);
    search_correct(search, rollout->draw_count);
    quantiles_in(search, rollout->outcome.downtime_s, &plan->downtime_s);
    plan->downtime_promise_s = search_quantile(search, rollout->outcome.downtime_s,
                                               rollout->draw_count, input->confidence);
    plan->window_miss_probability = search_miss(search, rollout->draw_count);
    plan->fits = plan->window_miss_probability <= 1 - input->confidence;
    choose_next(search, plan);
    plan->start_by_ms = start_by(search, choice, plan);
    report_unhurried(search, plan);
}

/* The present gap of the set: since the base of the next round, or as long as a full one takes. */
static double gap_s(const struct plan_input *input)
{
    double longest = 1;
    for (size_t i = 0; i < input->member_count; i++) {
        const struct plan_member *member = &input->members[i];
        int64_t base_ms = input->copies ? member->last_copied_ms : rollout_base_ms(member);
        if (input->phase != PLAN_IDLE)
            base_ms = input->round_started_ms;
        struct quantiles full = {0};
        forecast_full(member->model, input->copies ? TRANSFER_COPY : TRANSFER_SNAPSHOT,
                      member->full_bytes, &full);
        longest = fmax(longest, base_ms != 0 ? -search_seconds_until(input, base_ms) : full.p50);
    }
    return longest;
}

static enum error_code solve_series(const struct plan_input *input, struct series *series,
                                    struct error *err)
{
    const struct volume_model **models = calloc(input->member_count, sizeof(const void *));
    if (models == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu volumes", input->member_count);
    for (size_t i = 0; i < input->member_count; i++)
        models[i] = input->members[i].model;
    int64_t later_ms =
        input->window_start_ms > input->now_ms ? input->window_start_ms : input->now_ms;
    struct series_input question = {
        .models = models,
        .model_count = input->member_count,
        .copies = input->copies,
        .copy_limit_ms = input->copy_limit_ms,
        .copy_hops = input->copy_hops,
        .at_ms = later_ms,
        .gap_s = gap_s(input),
        .limit_s = fmax(search_limit_s(input) - input->overhead.p50_s, 1),
    };
    enum error_code code = series_solve(&question, series, err);
    free(models);
    return code;
}

static enum error_code make(const struct plan_input *input, struct plan *plan, struct error *err)
{
    CLEANUP_ROLLOUT struct rollout rollout = {0};
    TRY(solve_series(input, &plan->series, err));
    TRY(rollout_init(&rollout, input, err));
    double *scratch = calloc(2 * rollout.draw_count, sizeof(*scratch));
    if (scratch == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu draws", rollout.draw_count);
    struct search search = {
        .input = input, .rollout = &rollout, .series = &plan->series, .scratch = scratch};
    search.first_start_s = search_quantile(&search, rollout.free_s, rollout.draw_count, 0.5);
    struct choice choice = search_best(&search);
    report(&search, &choice, plan);
    free(scratch);

    plan->calibrates = choice.calibrates && plan->next.action == PLAN_START_ROUND;
    plan->converges = plan->series.converges;
    plan->point_of_no_return = handover;
    for (size_t i = 0; i < input->member_count; i++)
        plan->prior_only = plan->prior_only || input->members[i].model->prior_only;
    plan_explain(input, plan);
    return ERR_NONE;
}

static enum error_code check_member(const struct plan_input *input, size_t index, struct error *err)
{
    const struct plan_member *member = &input->members[index];
    if (member->model == NULL)
        return error_set(err, ERR_INVALID, "member %zu has no model", index);
    const char *id = member->model->volume_id;
    if (member->last_snapshot_ms < 0 || member->last_snapshot_ms > input->now_ms ||
        member->last_copied_ms < 0 || member->last_copied_ms > input->now_ms ||
        member->foreign_ms < 0 || member->foreign_ms > input->now_ms)
        return error_set(err, ERR_INVALID, "volume '%s' has a snapshot from the future", id);
    bool full = rollout_base_ms(member) == 0 || (input->copies && member->last_copied_ms == 0);
    if (member->full_bytes < 0 || (full && member->full_bytes == 0))
        return error_set(err, ERR_INVALID, "volume '%s' starts full, full_bytes is needed", id);
    return ERR_NONE;
}

static bool is_amount(double value)
{
    return isfinite(value) && value >= 0;
}

static enum error_code check_numbers(const struct plan_input *input, struct error *err)
{
    if (!(input->confidence >= 0.5 && input->confidence <= 0.999))
        return error_set(err, ERR_INVALID, "confidence is not between 0.5 and 0.999");
    if (!isfinite(input->calibration.shift) || !is_amount(input->calibration.widen))
        return error_set(err, ERR_INVALID, "the calibration is not a number");
    if (input->copy_limit_ms != 0 &&
        (!timed_copy_is_possible(input->copy_limit_ms) || input->copy_hops < 1))
        return error_set(err, ERR_INVALID, "copy_limit_ms is not one that can be asked for");
    if (!is_amount(input->round_price_s) || input->max_downtime_ms < 0)
        return error_set(err, ERR_INVALID, "round_price_s or max_downtime_ms is negative");
    if (!is_amount(input->overhead.p95_s) || !(input->overhead.p50_s > 0) ||
        input->overhead.p95_s < input->overhead.p50_s)
        return error_set(err, ERR_INVALID, "overhead needs 0 < p50_s <= p95_s");
    if (input->draw_count > MAX_DRAWS)
        return error_set(err, ERR_INVALID, "draw_count is above %d", MAX_DRAWS);
    return ERR_NONE;
}

static enum error_code check_input(const struct plan_input *input, struct error *err)
{
    if (input->now_ms <= 0)
        return error_set(err, ERR_INVALID, "now_ms is not an instant");
    if (input->window_start_ms <= 0 || input->window_end_ms <= input->window_start_ms)
        return error_set(err, ERR_INVALID, "the window ends before it begins");
    if (input->member_count == 0 || input->members == NULL)
        return error_set(err, ERR_INVALID, "a plan needs a volume");
    if (input->phase != PLAN_IDLE &&
        (input->round_started_ms <= 0 || input->phase_started_ms < input->round_started_ms ||
         input->phase_started_ms > input->now_ms))
        return error_set(err, ERR_INVALID, "the round in flight began at an impossible time");
    TRY(check_numbers(input, err));
    for (size_t i = 0; i < input->member_count; i++)
        TRY(check_member(input, i, err));
    return ERR_NONE;
}

static struct plan_input with_defaults(const struct plan_input *input)
{
    struct plan_input full = *input;
    if (full.confidence == 0)
        full.confidence = DEFAULT_CONFIDENCE;
    if (full.round_price_s == 0)
        full.round_price_s = DEFAULT_PRICE_S;
    if (full.draw_count == 0)
        full.draw_count = DEFAULT_DRAWS;
    if (full.overhead.p50_s == 0 && full.overhead.p95_s == 0)
        full.overhead = (struct overhead){.p50_s = 90, .p95_s = 240};
    return full;
}

enum error_code plan_make(const struct plan_input *input, struct plan *plan, struct error *err)
{
    struct plan_input full = with_defaults(input);
    struct plan made = {0};
    TRY(check_input(&full, err));
    TRY(make(&full, &made, err));
    *plan = made;
    return ERR_NONE;
}
