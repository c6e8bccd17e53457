#include "model/plan.h"

#include <math.h>
#include <stdlib.h>

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

#include "model/instant.h"
#include "model/plan_text.h"
#include "model/rollout.h"

#define DEFAULT_CONFIDENCE 0.9
#define DEFAULT_PRICE_S    30.0
#define DEFAULT_DRAWS      256
#define MAX_DRAWS          4096
/* Draws that are enough to tell candidates apart. */
#define SEARCH_DRAWS 96
/* The slowest hundredth is left out of the mean, or one draw would decide. */
#define TRIM_CHANCE 0.99

/* Starts and gaps that are tried; gaps in units of a settled round. */
#define START_COUNT 9
static const double gap_ratios[] = {1.0, 1.3, 1.7, 2.2, 3.0, 4.5, 7.0, 12.0};
#define GAP_COUNT   (sizeof(gap_ratios) / sizeof(gap_ratios[0]))
#define CHAIN_COUNT 4

/* A start at once is as good as one later if it costs at most this much more; a round this long
 * starts at least so many times its length before the cut, against a slow one. Both only while the
 * next round carries clearly more than a settled one, else they would never stop making rounds. */
#define TIE_RATIO        1.05
#define INSURE_MIN_S     450.0
#define INSURE_LEAD      4.0
#define WORTHWHILE_RATIO 1.5
/* Another T0 is looked for when the first costs this much more than a settled final, and taken
 * when it is clearly cheaper. */
#define LATER_SEARCH_RATIO 1.5
#define LATER_GAIN_RATIO   0.9
/* So unlikely that it is not tried. */
#define HOPELESS_MISS 0.995

static const char handover[] = "hand over: the service writes to the new volumes";

/* One candidate and what it costs. */
struct choice {
    struct rollout_candidate candidate;
    double cost_s; /* expected and promised wait and downtime, rounds priced in */
    double miss;   /* chance to miss the window */
};

/* What the search works with. */
struct search {
    const struct plan_input *input;
    struct rollout *rollout;
    const struct series *series;
    double *scratch;      /* one double per draw */
    double first_start_s; /* when nothing is in flight any more, median */
};

static double seconds_until(const struct plan_input *input, int64_t at_ms)
{
    return (double)(at_ms - input->now_ms) / 1000;
}

static int64_t instant_after(const struct plan_input *input, double seconds)
{
    return input->now_ms + llround(fmin(fmax(seconds, 0), 1e10) * 1000);
}

static double max_downtime_s(const struct plan_input *input)
{
    double window_s = (double)(input->window_end_ms - input->window_start_ms) / 1000;
    return input->max_downtime_ms > 0 ? (double)input->max_downtime_ms / 1000 : window_s;
}

/* The p-quantile of values[0..count), which are copied to scratch first. */
static double quantile(const struct search *search, const double *values, size_t count, double p)
{
    for (size_t i = 0; i < count; i++)
        search->scratch[i] = values[i];
    gsl_sort(search->scratch, 1, count);
    return gsl_stats_quantile_from_sorted_data(search->scratch, 1, count, p);
}

/* Half the mean, half the promise: good on most nights and not terrible on a bad one. */
static double cost_of(const struct search *search, const struct rollout_candidate *candidate,
                      size_t count)
{
    const struct rollout_outcome *outcome = &search->rollout->outcome;
    for (size_t i = 0; i < count; i++)
        search->scratch[i] = outcome->cut_s[i] - candidate->cut_s + outcome->downtime_s[i];
    gsl_sort(search->scratch, 1, count);
    double promise =
        gsl_stats_quantile_from_sorted_data(search->scratch, 1, count, search->input->confidence);
    double top = gsl_stats_quantile_from_sorted_data(search->scratch, 1, count, TRIM_CHANCE);
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += fmin(search->scratch[i], top);
    return 0.5 * sum / (double)count + 0.5 * promise +
           search->input->round_price_s * (double)candidate->round_count;
}

static double miss_of(const struct search *search, size_t count)
{
    const struct rollout_outcome *outcome = &search->rollout->outcome;
    double limit_s = max_downtime_s(search->input);
    double end_s = seconds_until(search->input, search->input->window_end_ms);
    size_t missed = 0;
    for (size_t i = 0; i < count; i++)
        missed +=
            outcome->downtime_s[i] > limit_s || outcome->cut_s[i] + outcome->downtime_s[i] > end_s;
    return (double)missed / (double)count;
}

static struct choice try_candidate(const struct search *search,
                                   const struct rollout_candidate *candidate)
{
    size_t draws = search->rollout->draw_count;
    size_t count = draws < SEARCH_DRAWS ? draws : SEARCH_DRAWS;
    rollout_play(search->rollout, candidate, count);
    return (struct choice){.candidate = *candidate,
                           .cost_s = cost_of(search, candidate, count),
                           .miss = miss_of(search, count)};
}

static void keep_better(struct choice *best, const struct choice *other)
{
    if (other->cost_s < best->cost_s)
        *best = *other;
}

/* The best of the gaps for one start; with a single round there is no gap to choose. */
static struct choice best_gap(const struct search *search, struct rollout_candidate candidate)
{
    candidate.gap_s = candidate.cut_s;
    if (candidate.round_count <= 1)
        return try_candidate(search, &candidate);
    struct choice best = {.cost_s = HUGE_VAL};
    size_t step = candidate.round_count == 2 ? 1 : 2;
    for (size_t i = 0; i < GAP_COUNT; i += step) {
        candidate.gap_s = gap_ratios[i] * search->series->round_s;
        if (i > 0 && candidate.gap_s > candidate.cut_s - candidate.start_s)
            break;
        struct choice choice = try_candidate(search, &candidate);
        keep_better(&best, &choice);
    }
    return best;
}

/* The i-th of START_COUNT starts: now (as soon as nothing is in flight), then ever nearer to the
 * cut by a constant factor. */
static double start_at(const struct search *search, double cut_s, size_t i)
{
    double span_s = cut_s - search->first_start_s;
    double nearest_s = fmin(0.5 * search->series->floor_s, span_s);
    double ratio = (double)i / (START_COUNT - 1);
    return cut_s - span_s * pow(nearest_s / span_s, ratio);
}

static struct choice best_start(const struct search *search, double cut_s, size_t round_count)
{
    struct choice best = {.cost_s = HUGE_VAL};
    for (size_t i = 0; i < START_COUNT; i++) {
        struct rollout_candidate candidate = {
            .round_count = round_count, .start_s = start_at(search, cut_s, i), .cut_s = cut_s};
        struct choice choice = best_gap(search, candidate);
        keep_better(&best, &choice);
    }
    return best;
}

/* The best number of rounds when they begin as soon as they can. */
static struct choice best_at_once(const struct search *search, double cut_s)
{
    struct choice best = {.cost_s = HUGE_VAL};
    for (size_t rounds = 1; rounds < PLAN_MAX_ROUNDS; rounds++) {
        struct rollout_candidate candidate = {
            .round_count = rounds, .start_s = search->first_start_s, .cut_s = cut_s};
        struct choice choice = best_gap(search, candidate);
        if (choice.cost_s >= best.cost_s)
            break;
        best = choice;
    }
    return best;
}

static bool starts_at_once(const struct search *search, const struct choice *choice)
{
    return choice->candidate.round_count > 0 &&
           choice->candidate.start_s <= search->first_start_s + 1;
}

/* Adds an early round before a long one, so that a slow snapshot cannot reach into the cut. */
static void insure(const struct search *search, struct choice *choice)
{
    struct rollout_candidate *candidate = &choice->candidate;
    double next_s = search->series->next_round_s;
    double latest_s = candidate->cut_s - INSURE_LEAD * next_s;
    if (next_s < INSURE_MIN_S || candidate->start_s <= latest_s ||
        candidate->round_count + 1 >= PLAN_MAX_ROUNDS)
        return;
    struct rollout_candidate insured = *candidate;
    insured.start_s = fmax(latest_s, search->first_start_s);
    if (insured.start_s >= candidate->start_s - next_s)
        return;
    if (insured.round_count == 1)
        insured.gap_s = candidate->cut_s - candidate->start_s;
    insured.round_count++;
    *choice = try_candidate(search, &insured);
}

/* The best plan with T0 at cut_s. */
static struct choice best_for_cut(const struct search *search, double cut_s)
{
    struct rollout_candidate none = {.cut_s = cut_s};
    struct choice best = try_candidate(search, &none);
    if (cut_s <= search->first_start_s + 1)
        return best;
    for (size_t rounds = 1; rounds < PLAN_MAX_ROUNDS; rounds++) {
        struct choice choice = best_start(search, cut_s, rounds);
        bool better = choice.cost_s < best.cost_s;
        keep_better(&best, &choice);
        if (!better && rounds > 1)
            break;
    }
    if (search->series->next_round_s < WORTHWHILE_RATIO * search->series->round_s)
        return best;
    if (!starts_at_once(search, &best)) {
        struct choice now = best_at_once(search, cut_s);
        if (now.cost_s <= TIE_RATIO * best.cost_s)
            best = now;
    }
    if (best.candidate.round_count > 0 && !starts_at_once(search, &best))
        insure(search, &best);
    return best;
}

/* When `rounds` rounds from now on would be over, with the wanted confidence. */
static double chain_end_s(const struct search *search, size_t rounds)
{
    struct rollout_candidate chain = {.round_count = rounds, .gap_s = 1e10, .cut_s = 1e9};
    rollout_play(search->rollout, &chain, SEARCH_DRAWS);
    size_t count = search->rollout->draw_count;
    return quantile(search, search->rollout->outcome.ready_s,
                    count < SEARCH_DRAWS ? count : SEARCH_DRAWS, search->input->confidence);
}

static bool is_clearly_better(const struct search *search, const struct choice *other,
                              const struct choice *best)
{
    double allowed = 1 - search->input->confidence;
    if (other->miss <= allowed && best->miss > allowed)
        return true;
    if (other->miss > allowed && best->miss <= allowed)
        return false;
    return other->cost_s < LATER_GAIN_RATIO * best->cost_s;
}

/* The cut comes as early in the window as is good. Later ones are tried where a round more would
 * pay and has no room before: after one, two, ... rounds from now. */
static struct choice best_choice(const struct search *search)
{
    const struct plan_input *input = search->input;
    double earliest_s = fmax(seconds_until(input, input->window_start_ms), 0);
    double end_s = seconds_until(input, input->window_end_ms);
    struct choice best = best_for_cut(search, earliest_s);
    double settled_s = search->series->round_s + input->overhead.p50_s;
    for (size_t rounds = 0; rounds <= CHAIN_COUNT; rounds++) {
        if (best.cost_s < LATER_SEARCH_RATIO * settled_s && best.miss <= 1 - input->confidence)
            break;
        double cut_s = chain_end_s(search, rounds);
        if (cut_s <= earliest_s || cut_s >= end_s)
            continue;
        struct choice choice = best_for_cut(search, cut_s);
        if (is_clearly_better(search, &choice, &best))
            best = choice;
    }
    return best;
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
        if (member->last_snapshot_ms == 0 || (input->copies && member->last_copied_ms == 0))
            return true;
    }
    return false;
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
        round.in_flight ? search->input->round_started_ms : instant_after(search->input, start.p50);
    plan->rounds[plan->round_count++] = round;
}

static void report_steps(const struct search *search, size_t round_count, struct plan *plan)
{
    if (search->input->phase != PLAN_IDLE)
        add_round(search, ROLLOUT_IN_FLIGHT, plan);
    for (size_t slot = 0; slot < round_count; slot++) {
        if (plan->round_count < PLAN_MAX_ROUNDS && is_made(search->rollout, slot))
            add_round(search, slot, plan);
    }
    plan->final.full = plan->round_count == 0 && next_is_full(search->input);
    plan->final.delta_bytes = leg_quantiles(search, ROLLOUT_FINAL, LEG_DELTA);
    plan->final.snapshot_s = leg_quantiles(search, ROLLOUT_FINAL, LEG_SNAPSHOT);
    plan->final.copy_s = leg_quantiles(search, ROLLOUT_FINAL, LEG_COPY);
    struct quantiles cut = leg_quantiles(search, ROLLOUT_FINAL, LEG_START);
    plan->final.cut_at_ms = instant_after(search->input, cut.p50);
}

static void choose_next(const struct search *search, const struct choice *choice, struct plan *plan)
{
    const struct plan_input *input = search->input;
    bool idle = input->phase == PLAN_IDLE;
    if (input->now_ms >= input->window_end_ms || plan->window_miss_probability > HOPELESS_MISS)
        plan->next.action = PLAN_NEVER;
    else if (!idle)
        plan->next.action = PLAN_WAIT;
    else
        plan->next.action = plan->round_count > 0 ? PLAN_START_ROUND : PLAN_CUT;

    plan->next.at_ms = plan->final.cut_at_ms;
    if (plan->next.action == PLAN_NEVER)
        plan->next.at_ms = input->now_ms;
    else if (!idle)
        plan->next.at_ms = instant_after(input, search->first_start_s);
    else if (plan->round_count > 0)
        plan->next.at_ms = instant_after(input, choice->candidate.start_s);
}

/* The latest of the tried starts from which some number of rounds keeps the promise. */
static int64_t start_by(const struct search *search, const struct choice *choice)
{
    double allowed = 1 - search->input->confidence;
    double cut_s = choice->candidate.cut_s;
    for (size_t i = START_COUNT; i-- > 0 && cut_s > search->first_start_s + 1;) {
        struct rollout_candidate late = choice->candidate;
        late.start_s = start_at(search, cut_s, i);
        for (late.round_count = choice->candidate.round_count; late.round_count > 0;
             late.round_count--) {
            if (try_candidate(search, &late).miss <= allowed)
                return instant_after(search->input, late.start_s);
        }
    }
    return 0;
}

static void report(const struct search *search, const struct choice *choice, struct plan *plan)
{
    const struct plan_input *input = search->input;
    struct rollout *rollout = search->rollout;
    rollout_play(rollout, &choice->candidate, rollout->draw_count);
    report_steps(search, choice->candidate.round_count, plan);
    quantiles_in(search, rollout->outcome.downtime_s, &plan->downtime_s);
    plan->downtime_promise_s =
        quantile(search, rollout->outcome.downtime_s, rollout->draw_count, input->confidence);
    plan->window_miss_probability = miss_of(search, rollout->draw_count);
    plan->fits = plan->window_miss_probability <= 1 - input->confidence;
    choose_next(search, choice, plan);
    plan->start_by_ms = plan->fits && choice->candidate.round_count == 0 ? plan->final.cut_at_ms
                                                                         : start_by(search, choice);
    plan->earliest_cut_ms =
        instant_after(input, chain_end_s(search, choice->candidate.round_count));
}

/* The present gap of the set: since the base of the next round, or as long as a full one takes. */
static double gap_s(const struct plan_input *input)
{
    double longest = 1;
    for (size_t i = 0; i < input->member_count; i++) {
        const struct plan_member *member = &input->members[i];
        int64_t base_ms = input->copies ? member->last_copied_ms : member->last_snapshot_ms;
        if (input->phase != PLAN_IDLE)
            base_ms = input->round_started_ms;
        struct quantiles full = {0};
        forecast_transfer(member->model, input->copies ? TRANSFER_COPY : TRANSFER_SNAPSHOT,
                          member->full_bytes, &full);
        longest = fmax(longest, base_ms != 0 ? -seconds_until(input, base_ms) : full.p50);
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
        .at_ms = later_ms,
        .gap_s = gap_s(input),
        .limit_s = fmax(max_downtime_s(input) - input->overhead.p50_s, 1),
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
    double *scratch = calloc(rollout.draw_count, sizeof(*scratch));
    if (scratch == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu draws", rollout.draw_count);
    struct search search = {
        .input = input, .rollout = &rollout, .series = &plan->series, .scratch = scratch};
    search.first_start_s = quantile(&search, rollout.free_s, rollout.draw_count, 0.5);
    struct choice choice = best_choice(&search);
    report(&search, &choice, plan);
    free(scratch);

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
        member->last_copied_ms < 0 || member->last_copied_ms > input->now_ms)
        return error_set(err, ERR_INVALID, "volume '%s' has a snapshot from the future", id);
    bool full = member->last_snapshot_ms == 0 || (input->copies && member->last_copied_ms == 0);
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
        full.overhead = (struct plan_overhead){.p50_s = 90, .p95_s = 240};
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
