#include "model/rhythm.h"

#include <math.h>
#include <stdbool.h>

/* Weight of the newest day in the table, and of the newest residual in the level. */
#define DAY_GAIN   0.5
#define LEVEL_GAIN 0.5
/* How fast the present level fades into the rhythm, per half hour. */
#define FADE_LOG    0.9
#define FADE_LINEAR 0.8
/* Scale of log errors over six hours seen on recorded volumes; counts like this many of our own. */
#define FLEET_NOISE  0.45
#define FLEET_WEIGHT 20.0
#define SUM_SLOTS    ((size_t)12)

struct rhythm {
    bool logarithmic;
    double floor; /* smallest value, so that an idle half hour has a logarithm */
    double day[RHYTHM_DAY_SLOTS];
    unsigned day_seen[RHYTHM_DAY_SLOTS];
    double week[RHYTHM_WEEK_SLOTS];
    unsigned week_seen[RHYTHM_WEEK_SLOTS];
    double level; /* log of present over rhythm */
    bool weekly;
};

static void slot_learn(double *value, unsigned *seen, double observed)
{
    *value = *seen == 0 ? observed : *value + DAY_GAIN * (observed - *value);
    (*seen)++;
}

/* The rhythm's log value for a slot. Only called after that slot of the day was seen. */
static double rhythm_log_value(const struct rhythm *rhythm, int64_t slot)
{
    size_t of_day = (size_t)(slot % RHYTHM_DAY_SLOTS);
    size_t of_week = (size_t)(slot % RHYTHM_WEEK_SLOTS);
    double value = rhythm->day[of_day];
    if (rhythm->weekly && rhythm->week_seen[of_week] > 0) {
        double weight = rhythm->week_seen[of_week] / (rhythm->week_seen[of_week] + 2.0);
        value += weight * (rhythm->week[of_week] - value);
    }
    return rhythm->logarithmic ? value : log(fmax(value, rhythm->floor));
}

static void rhythm_learn(struct rhythm *rhythm, int64_t slot, double sum)
{
    double log_sum = log(fmax(sum, rhythm->floor));
    size_t of_day = (size_t)(slot % RHYTHM_DAY_SLOTS);
    size_t of_week = (size_t)(slot % RHYTHM_WEEK_SLOTS);
    if (rhythm->day_seen[of_day] > 0) {
        double residual = log_sum - rhythm_log_value(rhythm, slot);
        rhythm->level += LEVEL_GAIN * (residual - rhythm->level);
    }
    double observed = rhythm->logarithmic ? log_sum : sum;
    slot_learn(&rhythm->day[of_day], &rhythm->day_seen[of_day], observed);
    slot_learn(&rhythm->week[of_week], &rhythm->week_seen[of_week], observed);
}

static double mean_of(const double *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    return count > 0 ? sum / (double)count : 0;
}

static struct rhythm rhythm_of(const double *past, size_t past_count, int64_t first_slot,
                               bool logarithmic)
{
    struct rhythm rhythm = {
        .logarithmic = logarithmic,
        .floor = fmax(1e-3 * mean_of(past, past_count), 1e-9),
        .weekly = past_count >= 2 * (size_t)RHYTHM_WEEK_SLOTS,
    };
    for (size_t i = 0; i < past_count; i++)
        rhythm_learn(&rhythm, first_slot + (int64_t)i, past[i]);
    return rhythm;
}

static double median_of_three(double a, double b, double c)
{
    return fmax(fmin(a, b), fmin(fmax(a, b), c));
}

/* Up to half a day of the newest half hours, the newest counting most. */
static double recent_level(const double *past, size_t past_count)
{
    size_t first = past_count > 24 ? past_count - 24 : 0;
    double level = past_count > 0 ? past[first] : 0;
    for (size_t i = first; i < past_count; i++)
        level += 0.2 * (past[i] - level);
    return level;
}

/* The three are joined as running totals, because the median of three rising curves rises too and a
 * window's sum is what is asked for; recorded volumes repeat yesterday more than rhythms allow, so
 * that the result is the middle between the median and yesterday. */
void rhythm_forecast(const double *past, size_t past_count, int64_t first_slot, double *future,
                     size_t future_count)
{
    if (past_count < RHYTHM_DAY_SLOTS) {
        double level = recent_level(past, past_count);
        for (size_t i = 0; i < future_count; i++)
            future[i] = level;
        return;
    }
    struct rhythm logs = rhythm_of(past, past_count, first_slot, true);
    struct rhythm sums = rhythm_of(past, past_count, first_slot, false);
    double log_level = logs.level;
    double sum_level = sums.level;
    double totals[3] = {0};
    double before = 0;
    double least = sums.floor;
    for (size_t i = 0; i < future_count; i++) {
        int64_t slot = first_slot + (int64_t)(past_count + i);
        log_level *= FADE_LOG;
        sum_level *= FADE_LINEAR;
        totals[0] += past[past_count - RHYTHM_DAY_SLOTS + i % RHYTHM_DAY_SLOTS];
        totals[1] += exp(rhythm_log_value(&logs, slot) + log_level);
        totals[2] += exp(rhythm_log_value(&sums, slot) + sum_level);
        double middle = median_of_three(totals[0], totals[1], totals[2]);
        double total = sqrt((middle + least) * (totals[0] + least)) - least;
        future[i] = fmax(total - before, 0);
        before = total;
    }
}

static double sum_from(const double *values, size_t first)
{
    return (double)SUM_SLOTS * mean_of(values + first, SUM_SLOTS);
}

double rhythm_log_noise(const double *past, size_t past_count)
{
    double squares = FLEET_WEIGHT * FLEET_NOISE * FLEET_NOISE;
    double weight = FLEET_WEIGHT;
    size_t oldest =
        past_count > (size_t)2 * RHYTHM_DAY_SLOTS ? past_count - (size_t)2 * RHYTHM_DAY_SLOTS : 0;
    for (size_t end = past_count; end >= oldest + SUM_SLOTS + RHYTHM_DAY_SLOTS; end -= 6) {
        double now = sum_from(past, end - SUM_SLOTS);
        double before = sum_from(past, end - SUM_SLOTS - RHYTHM_DAY_SLOTS);
        if (now <= 0 || before <= 0)
            continue;
        double error = fmin(fabs(log(now / before)), 3.0);
        squares += error * error;
        weight += 1;
    }
    return sqrt(squares / weight);
}
