#include "model/series.h"

#include <math.h>
#include <stdio.h>

#include "model/forecast.h"
#include "model/instant.h"
#include "model/timed_copy.h"

/* The fixed point lies between these; a round of thirty years is none. */
#define SHORTEST_S 1.0
#define LONGEST_S  1e9
#define HALVINGS   80
/* Step of the numeric slope, and how near counts as settled. */
#define SLOPE_STEP    1.05
#define SETTLED_RATIO 1.1
#define MAX_ROUNDS    99
/* A round this much shorter than the gap is worth making. */
#define WORTH_RATIO 0.95

static double transfer_s(const struct series_input *input, const struct volume_model *model,
                         double delta_bytes)
{
    double longest_s = timed_copy_longest_s(input->copy_limit_ms, input->copy_hops, delta_bytes);
    double seconds = exp(duration_fit_log_s(&model->snapshot, delta_bytes));
    if (input->copies)
        seconds += fmin(exp(duration_fit_log_s(&model->copy, delta_bytes)), longest_s);
    return seconds;
}

static double changed_bytes(const struct series_input *input, const struct volume_model *model,
                            double gap_s)
{
    int64_t end_ms = input->at_ms + (int64_t)(gap_s * 1000);
    struct delta_law law = forecast_delta_law(model, input->at_ms, end_ms);
    return forecast_delta_at(&law, 0, 0);
}

/* g(tau): how long the round takes that carries what changed in gap_s. */
static double round_after(const struct series_input *input, double gap_s, size_t *slowest_index)
{
    double longest = 0;
    for (size_t i = 0; i < input->model_count; i++) {
        const struct volume_model *model = input->models[i];
        double seconds = transfer_s(input, model, changed_bytes(input, model, gap_s));
        if (seconds > longest) {
            longest = seconds;
            *slowest_index = i;
        }
    }
    return longest;
}

static double floor_of(const struct series_input *input)
{
    double longest = 0;
    for (size_t i = 0; i < input->model_count; i++)
        longest = fmax(longest, transfer_s(input, input->models[i], 0));
    return longest;
}

/* g - tau changes its sign once, from plus to minus. */
static double fixed_point(const struct series_input *input, size_t *slowest_index)
{
    double low = log(SHORTEST_S);
    double high = log(LONGEST_S);
    for (int i = 0; i < HALVINGS; i++) {
        double middle = (low + high) / 2;
        if (round_after(input, exp(middle), slowest_index) > exp(middle)) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return round_after(input, exp(high), slowest_index);
}

static double contraction_at(const struct series_input *input, double round_s)
{
    size_t unused = 0;
    double above = log(round_after(input, round_s * SLOPE_STEP, &unused));
    double below = log(round_after(input, round_s / SLOPE_STEP, &unused));
    return fmin(fmax((above - below) / (2 * log(SLOPE_STEP)), 0), 0.999);
}

static size_t rounds_to_settle(const struct series_input *input, double round_s)
{
    size_t unused = 0;
    size_t count = 0;
    double gap_s = input->gap_s;
    while (count < MAX_ROUNDS && gap_s > round_s * SETTLED_RATIO) {
        gap_s = round_after(input, gap_s, &unused);
        count++;
    }
    return count;
}

static enum series_verdict verdict_of(const struct series *series, double gap_s, double limit_s)
{
    if (series->floor_s > limit_s)
        return SERIES_FLOOR;
    if (series->round_s > limit_s)
        return SERIES_TOO_SLOW;
    return series->next_round_s < WORTH_RATIO * gap_s ? SERIES_SHRINKS : SERIES_STANDS;
}

struct texts {
    char round[DURATION_TEXT_SIZE];
    char floor[DURATION_TEXT_SIZE];
    char limit[DURATION_TEXT_SIZE];
};

static struct texts texts_of(const struct series *series, double limit_s)
{
    struct texts texts;
    duration_text(llround(series->round_s) * MS_PER_SECOND, texts.round);
    duration_text(llround(series->floor_s) * MS_PER_SECOND, texts.floor);
    duration_text(llround(fmin(limit_s, LONGEST_S)) * MS_PER_SECOND, texts.limit);
    return texts;
}

/* The volume that sets the pace, named where there is a choice. */
static const char *slowest_name(const struct series_input *input, const struct series *series)
{
    return input->models[series->slowest_index]->volume_id;
}

static void explain_too_slow(const struct series_input *input, struct series *series,
                             const struct texts *texts)
{
    const struct volume_model *model = input->models[series->slowest_index];
    double hourly_gb = changed_bytes(input, model, 3600) / 1e9;
    double carried = changed_bytes(input, model, series->round_s);
    double rate_mb = carried / fmax(series->round_s - series->floor_s, 1) / 1e6;
    snprintf(series->reason, sizeof(series->reason),
             "'%s' changes %.1f GB in an hour and carries %.0f MB/s: rounds settle at %s, and "
             "the downtime leaves %s for one",
             model->volume_id, hourly_gb, rate_mb, texts->round, texts->limit);
    snprintf(series->remedy, sizeof(series->remedy),
             "cut in a quieter hour, write less before the cut, or allow %s for the final round",
             texts->round);
}

static void explain(const struct series_input *input, struct series *series, double limit_s)
{
    struct texts texts = texts_of(series, limit_s);
    switch (series->verdict) {
    case SERIES_SHRINKS:
        snprintf(series->reason, sizeof(series->reason),
                 "rounds shrink to %s within %zu rounds, paced by '%s'", texts.round,
                 series->rounds_to_settle, slowest_name(input, series));
        break;
    case SERIES_STANDS:
        snprintf(series->reason, sizeof(series->reason),
                 "a round takes %s already, more rounds would not shorten it", texts.round);
        break;
    case SERIES_TOO_SLOW:
        explain_too_slow(input, series, &texts);
        break;
    case SERIES_FLOOR:
        snprintf(series->reason, sizeof(series->reason),
                 "even a round without changes takes %s, and the downtime leaves %s for it",
                 texts.floor, texts.limit);
        snprintf(series->remedy, sizeof(series->remedy),
                 "allow more than %s for the final round; no series can be shorter", texts.floor);
        break;
    }
}

static enum error_code check_input(const struct series_input *input, struct error *err)
{
    if (input->model_count == 0)
        return error_set(err, ERR_INVALID, "a series needs a volume");
    if (input->at_ms <= 0)
        return error_set(err, ERR_INVALID, "a series needs an instant");
    if (!(input->gap_s > 0) || !isfinite(input->gap_s))
        return error_set(err, ERR_INVALID, "a series needs a positive gap");
    return ERR_NONE;
}

enum error_code series_solve(const struct series_input *input, struct series *series,
                             struct error *err)
{
    TRY(check_input(input, err));
    double limit_s = input->limit_s > 0 ? input->limit_s : HUGE_VAL;
    size_t unused = 0;
    struct series made = {.floor_s = floor_of(input)};
    made.next_round_s = round_after(input, input->gap_s, &unused);
    made.round_s = fixed_point(input, &made.slowest_index);
    made.contraction = contraction_at(input, made.round_s);
    made.amplification = (1 - made.floor_s / made.round_s) / (1 - made.contraction);
    made.rounds_to_settle = rounds_to_settle(input, made.round_s);
    made.verdict = verdict_of(&made, input->gap_s, limit_s);
    made.converges = made.round_s <= limit_s;
    explain(input, &made, limit_s);
    *series = made;
    return ERR_NONE;
}
