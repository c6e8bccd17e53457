#include "model/search.h"

#include <math.h>

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

/* Draws that are enough to tell candidates apart. */
#define SEARCH_DRAWS 128
/* A candidate that costs so many times the best one in the same few draws is not played in full. */
#define SCREEN_DRAWS ((size_t)32)
#define SCREEN_RATIO 1.05
/* The slowest hundredth is left out of the mean, or one draw would decide. */
#define TRIM_CHANCE 0.99

/* Starts and gaps that are tried; gaps in units of a settled round. */
#define START_COUNT 12
static const double gap_ratios[] = {1.0, 1.3, 1.7, 2.2, 3.0, 4.5, 7.0, 12.0};
#define GAP_COUNT (sizeof(gap_ratios) / sizeof(gap_ratios[0]))
/* A base this many settled rounds old is worth another round also when the run is late. */
#define WORTH_GAP_RATIO 2.5
/* So many settled rounds before the cut planning anew begins to fill the time that is left. Found on
 * simulated worlds, of which only the number of rounds was told. */
#define GO_ON_RATIO 12.0
/* In the window these are tried, against the first cut that is possible. */
static const double worth_ratios[] = {1.5, 2.5, 4.0, 6.0};
#define WORTH_COUNT (sizeof(worth_ratios) / sizeof(worth_ratios[0]))
/* Waiting inside the window costs a little: less time is left if all goes wrong. */
#define WAIT_WEIGHT 0.1

/* A long round starts at least so many times its length before the cut, against a slow one. The price
 * of a round ends the series. Found on recorded episodes. */
#define INSURE_MIN_S 450.0
#define INSURE_LEAD  4.0
/* A final so many times smaller than anything carried before is a guess, as long as not knowing the
 * line there counts so many times what its noise does. */
#define KNOWN_RATIO 2.0
#define DOUBT_RATIO 2.0

double search_seconds_until(const struct plan_input *input, int64_t at_ms)
{
    return (double)(at_ms - input->now_ms) / 1000;
}

double search_limit_s(const struct plan_input *input)
{
    double window_s = (double)(input->window_end_ms - input->window_start_ms) / 1000;
    return input->max_downtime_ms > 0 ? (double)input->max_downtime_ms / 1000 : window_s;
}

/* How many of the largest values quantiles from p on need. */
static size_t upper_count(size_t count, double p)
{
    return count - (size_t)(p * (double)(count - 1));
}

/* The p-quantile of `count` values, of which the largest are given, sorted downwards. Sorting all of
 * them costs as much as playing them. */
static double upper_quantile(const double *largest, size_t count, double p)
{
    double index = p * (double)(count - 1);
    size_t at = upper_count(count, p) - 1;
    double part = index - floor(index);
    return at == 0 ? largest[0] : (1 - part) * largest[at] + part * largest[at - 1];
}

double search_quantile(const struct search *search, const double *values, size_t count, double p)
{
    gsl_sort_largest(search->scratch, upper_count(count, p), values, 1, count);
    return upper_quantile(search->scratch, count, p);
}

/* In the window already: the cut waits for the rounds, there is nothing to space. */
static bool is_late(const struct search *search, const struct rollout_candidate *candidate)
{
    return candidate->cut_s <= search->first_start_s + 1;
}

/* Rounds beyond those of the candidate, made in the window; mean over the draws. */
static double late_rounds(const struct search *search, const struct rollout_candidate *candidate,
                          size_t count)
{
    const struct rollout *rollout = search->rollout;
    size_t made = 0;
    for (size_t slot = candidate->round_count; slot < PLAN_MAX_ROUNDS; slot++) {
        for (size_t i = 0; i < count; i++)
            made += rollout->legs[slot * rollout->draw_count + i].made;
    }
    return (double)made / (double)count;
}

/* Half the mean, half the promise: good on most nights and not terrible on a bad one. */
static double cost_of(const struct search *search, const struct rollout_candidate *candidate,
                      size_t count)
{
    const struct rollout_outcome *outcome = &search->rollout->outcome;
    /* With a fixed fence the wait is in the downtime already. */
    double weight = search->input->fixed_fence ? 0 : WAIT_WEIGHT;
    double *costs = search->scratch;
    double *largest = costs + count;
    for (size_t i = 0; i < count; i++)
        costs[i] = weight * (outcome->cut_s[i] - candidate->cut_s) + outcome->downtime_s[i];
    double confidence = search->input->confidence;
    gsl_sort_largest(largest, upper_count(count, fmin(confidence, TRIM_CHANCE)), costs, 1, count);
    double promise = upper_quantile(largest, count, confidence);
    double top = upper_quantile(largest, count, TRIM_CHANCE);
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += fmin(costs[i], top);
    double rounds = (double)candidate->round_count;
    if (is_late(search, candidate))
        rounds += late_rounds(search, candidate, count);
    return 0.5 * sum / (double)count + 0.5 * promise + search->input->round_price_s * rounds;
}

void search_correct(const struct search *search, size_t draw_count)
{
    const struct calibration *calibration = &search->input->calibration;
    double *downtime_s = search->rollout->outcome.downtime_s;
    struct quantiles drawn_s;
    if (calibration->widen == 0)
        return;
    for (size_t i = 0; i < draw_count; i++)
        search->scratch[i] = downtime_s[i];
    quantiles_of(search->scratch, draw_count, &drawn_s);
    for (size_t i = 0; i < draw_count; i++)
        downtime_s[i] = calibration_correct(calibration, &drawn_s, downtime_s[i]);
}

double search_miss(const struct search *search, size_t draw_count)
{
    const struct rollout_outcome *outcome = &search->rollout->outcome;
    double limit_s = search_limit_s(search->input);
    double end_s = search_seconds_until(search->input, search->input->window_end_ms);
    size_t missed = 0;
    for (size_t i = 0; i < draw_count; i++) {
        missed +=
            outcome->downtime_s[i] > limit_s || outcome->cut_s[i] + outcome->downtime_s[i] > end_s;
    }
    return (double)missed / (double)draw_count;
}

static size_t search_draws(const struct search *search)
{
    size_t draws = search->rollout->draw_count;
    return draws < SEARCH_DRAWS ? draws : SEARCH_DRAWS;
}

static struct choice try_candidate(const struct search *search,
                                   const struct rollout_candidate *candidate)
{
    size_t count = search_draws(search);
    rollout_play(search->rollout, candidate, count);
    return (struct choice){.candidate = *candidate, .cost_s = cost_of(search, candidate, count)};
}

/* The same, but one that is clearly worse than screen_limit_s in the first few draws is not played
 * in full. */
static struct choice try_promising(const struct search *search,
                                   const struct rollout_candidate *candidate, double screen_limit_s)
{
    size_t count = search_draws(search) < SCREEN_DRAWS ? search_draws(search) : SCREEN_DRAWS;
    rollout_play(search->rollout, candidate, count);
    double screen_s = cost_of(search, candidate, count);
    if (screen_s > SCREEN_RATIO * screen_limit_s)
        return (struct choice){.candidate = *candidate, .screen_s = screen_s, .cost_s = HUGE_VAL};
    struct choice choice = try_candidate(search, candidate);
    choice.screen_s = screen_s;
    return choice;
}

static void keep_better(struct choice *best, const struct choice *other)
{
    if (other->cost_s < best->cost_s)
        *best = *other;
}

/* Those of a candidate's rounds that carry changes only: they are spaced, a full one begins at once. */
static size_t spaced_rounds(const struct search *search, const struct rollout_candidate *candidate)
{
    size_t full = search->rollout->full_first && candidate->round_count > 0;
    return candidate->round_count - full;
}

/* The best of the gaps for one start; with a single round there is no gap to choose. */
static struct choice best_gap(const struct search *search, struct rollout_candidate candidate,
                              double screen_limit_s)
{
    candidate.gap_s = candidate.cut_s;
    size_t spaced = spaced_rounds(search, &candidate);
    if (spaced <= 1)
        return try_promising(search, &candidate, screen_limit_s);
    struct choice best = {.screen_s = HUGE_VAL, .cost_s = HUGE_VAL};
    size_t step = spaced == 2 ? 1 : 2;
    for (size_t i = 0; i < GAP_COUNT; i += step) {
        candidate.gap_s = gap_ratios[i] * search->series->round_s;
        if (i > 0 && candidate.gap_s > candidate.cut_s - candidate.start_s)
            break;
        struct choice choice =
            try_promising(search, &candidate, fmin(screen_limit_s, best.screen_s));
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

/* A candidate of this search that cuts as early in the window as it can. */
static struct rollout_candidate candidate_of(const struct search *search, size_t round_count)
{
    const struct plan_input *input = search->input;
    return (struct rollout_candidate){
        .round_count = round_count,
        .full_s = search->first_start_s,
        .start_s = search->first_start_s,
        .cut_s = fmax(search_seconds_until(input, input->window_start_ms), 0),
        .worth_gap_s = input->fixed_fence ? HUGE_VAL : WORTH_GAP_RATIO * search->series->round_s,
        .end_s = search_seconds_until(input, input->window_end_ms) - input->overhead.p50_s,
    };
}

/* screen_limit_s: what the best one so far costs in the first few draws. */
static struct choice best_start(const struct search *search, size_t round_count,
                                double screen_limit_s)
{
    struct rollout_candidate candidate = candidate_of(search, round_count);
    if (spaced_rounds(search, &candidate) == 0 || is_late(search, &candidate))
        return try_promising(search, &candidate, HUGE_VAL);
    struct choice best = {.screen_s = HUGE_VAL, .cost_s = HUGE_VAL};
    for (size_t i = 0; i < START_COUNT; i++) {
        candidate.start_s = start_at(search, candidate.cut_s, i);
        struct choice choice = best_gap(search, candidate, fmin(screen_limit_s, best.screen_s));
        keep_better(&best, &choice);
    }
    return best;
}

static bool starts_at_once(const struct search *search, const struct choice *choice)
{
    bool full_first = search->rollout->full_first;
    return choice->candidate.round_count > 0 &&
           (full_first || choice->candidate.start_s <= search->first_start_s + 1);
}

/* The best number of rounds when they begin as soon as they can. */
static struct choice best_at_once(const struct search *search)
{
    struct choice best = {.screen_s = HUGE_VAL, .cost_s = HUGE_VAL};
    for (size_t rounds = 1; rounds < PLAN_MAX_ROUNDS; rounds++) {
        struct choice choice = best_gap(search, candidate_of(search, rounds), best.screen_s);
        if (choice.cost_s >= best.cost_s)
            break;
        best = choice;
    }
    return best;
}

/* How long the first round of the last play takes, median. */
static double first_round_s(const struct search *search)
{
    const struct rollout_leg *legs = search->rollout->legs;
    size_t count = 0;
    for (size_t i = 0; i < search_draws(search); i++) {
        if (legs[i].made)
            search->scratch[count++] = legs[i].snapshot_s + legs[i].copy_s;
    }
    gsl_sort(search->scratch, 1, count);
    return count > 0 ? gsl_stats_median_from_sorted_data(search->scratch, 1, count) : 0;
}

/* Adds an early round before a long one, so that a slow snapshot cannot reach into the cut. */
static void insure(const struct search *search, struct choice *choice)
{
    struct rollout_candidate *candidate = &choice->candidate;
    double next_s = first_round_s(search);
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

/* Bytes of the final of the last play, median. */
static double final_bytes(const struct search *search)
{
    size_t count = search_draws(search);
    const struct rollout_leg *finals =
        &search->rollout->legs[ROLLOUT_FINAL * search->rollout->draw_count];
    for (size_t i = 0; i < count; i++)
        search->scratch[i] = finals[i].delta_bytes;
    gsl_sort(search->scratch, 1, count);
    return gsl_stats_median_from_sorted_data(search->scratch, 1, count);
}

/* Whether no transfer so far was nearly as small as the final of the last play, and its time is much
 * in doubt for that: how quick small ones are is then a guess, and a round made early tells while there
 * is time to use it. Members are taken for alike. */
static bool is_guess(const struct search *search)
{
    const struct plan_input *input = search->input;
    double bytes = final_bytes(search);
    double least_bytes = 0;
    double doubt = 0;
    for (size_t i = 0; i < input->member_count; i++) {
        const struct volume_model *model = input->members[i].model;
        const struct duration_fit *fit = input->copies ? &model->copy : &model->snapshot;
        double own_bytes = bytes / (double)input->member_count;
        least_bytes += fit->least_bytes;
        doubt = fmax(doubt, duration_fit_doubt(fit, own_bytes) / fit->noise);
    }
    return least_bytes > KNOWN_RATIO * bytes && doubt > DOUBT_RATIO;
}

/* To begin now is about as good as to wait, the more so the larger a part of the time left the next
 * round takes: an error shows while there is time for another round. Where waiting is far better, a
 * round is added against a slow one. */
static void prefer_early(const struct search *search, struct choice *best)
{
    if (starts_at_once(search, best))
        return;
    struct choice now = best_at_once(search);
    rollout_play(search->rollout, &now.candidate, search_draws(search));
    double left_s = now.candidate.cut_s - search->first_start_s;
    double tie = 1 + fmin(first_round_s(search) / left_s, 1);
    now.calibrates = is_guess(search);
    if (now.cost_s <= tie * best->cost_s || now.calibrates) {
        *best = now;
    } else if (best->candidate.round_count > 0) {
        rollout_play(search->rollout, &best->candidate, search_draws(search));
        insure(search, best);
    }
}

/* When to stop in the window: at the first cut that is possible, or not before the base is younger
 * than so many settled rounds. Going on must pay, and must not cost the promise. */
static void choose_worth(const struct search *search, struct choice *best)
{
    size_t count = search_draws(search);
    struct rollout_candidate candidate = best->candidate;
    candidate.worth_gap_s = HUGE_VAL;
    *best = try_candidate(search, &candidate);
    double allowed = fmax(search_miss(search, count), 1 - search->input->confidence);
    for (size_t i = 0; i < WORTH_COUNT; i++) {
        candidate.worth_gap_s = worth_ratios[i] * search->series->round_s;
        struct choice choice = try_candidate(search, &candidate);
        if (search_miss(search, count) <= allowed)
            keep_better(best, &choice);
    }
}

struct rollout_candidate search_foreseen(const struct search *search, const struct choice *choice)
{
    struct rollout_candidate foreseen = choice->candidate;
    if (foreseen.round_count > 0)
        foreseen.go_on_s = GO_ON_RATIO * search->series->round_s;
    return foreseen;
}

struct choice search_best(const struct search *search)
{
    struct choice best = best_start(search, 0, HUGE_VAL);
    for (size_t rounds = 1; rounds < PLAN_MAX_ROUNDS; rounds++) {
        struct choice choice = best_start(search, rounds, best.screen_s);
        bool better = choice.cost_s < best.cost_s;
        keep_better(&best, &choice);
        if (!better && rounds > 1)
            break;
    }
    if (!is_late(search, &best.candidate)) {
        prefer_early(search, &best);
    } else if (!search->input->fixed_fence) {
        choose_worth(search, &best);
    }
    return best;
}

double search_unhurried(const struct search *search, double *ready_s)
{
    /* A round that is late is made only if it is worth it; the first one, if full, is always. */
    struct rollout_candidate candidate = candidate_of(search, 1);
    candidate.cut_s = search->first_start_s;
    candidate.end_s = HUGE_VAL;
    const struct rollout_outcome *outcome = &search->rollout->outcome;
    size_t count = search_draws(search);
    rollout_play(search->rollout, &candidate, count);
    *ready_s = search_quantile(search, outcome->ready_s, count, search->input->confidence);
    search_correct(search, count);
    return search_quantile(search, outcome->downtime_s, count, search->input->confidence);
}

double search_latest_start(const struct search *search, const struct choice *choice)
{
    double cut_s = choice->candidate.cut_s;
    for (size_t i = START_COUNT; i-- > 0 && cut_s > search->first_start_s + 1;) {
        struct rollout_candidate late = search_foreseen(search, choice);
        double *first_s = search->rollout->full_first ? &late.full_s : &late.start_s;
        *first_s = start_at(search, cut_s, i);
        for (; late.round_count > 0; late.round_count--) {
            rollout_play(search->rollout, &late, search_draws(search));
            search_correct(search, search_draws(search));
            if (search_miss(search, search_draws(search)) <= 1 - search->input->confidence)
                return *first_s;
        }
    }
    return -1;
}
