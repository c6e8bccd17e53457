#include "model/calibration.h"

#include <math.h>

#include <gsl/gsl_cdf.h>

/* 95 % quantile of the normal distribution. */
#define NORMAL_P95 1.6448536269514722
/* In nights on recorded volumes outcomes scatter this much more than told: nine promises in ten are
 * kept in 88 of 100. Counts as so many outcomes. */
#define STRANGER_WIDEN  1.1
#define STRANGER_WEIGHT 5.0
/* A score beyond this tells no more than that the night was wild. */
#define SCORE_MAX 4.0
/* Bounds of what is believed of a teller, whatever the past. */
#define WIDEN_MIN 0.7
#define WIDEN_MAX 3.0
#define LEAST_LOG 1e-6

/* A told distribution is taken as normal in logarithms, with a scale of its own on each side. */
static double side_scale(const struct quantiles *told, bool above)
{
    double ratio = above ? told->p95 / told->p50 : told->p50 / told->p05;
    return fmax(log(ratio), LEAST_LOG) / NORMAL_P95;
}

static double score_of(const struct quantiles *told, double value)
{
    double off = log(value / told->p50);
    return off / side_scale(told, off > 0);
}

bool calibration_outcome_is_possible(const struct calibration_outcome *outcome)
{
    const struct quantiles *told = &outcome->told_s;
    return told->p05 > 0 && told->p50 >= told->p05 && told->p95 >= told->p50 &&
           isfinite(told->p95) && outcome->actual_s > 0 && isfinite(outcome->actual_s) &&
           outcome->weight > 0 && isfinite(outcome->weight);
}

double calibration_outcome_chance(const struct calibration_outcome *outcome)
{
    return gsl_cdf_ugaussian_P(score_of(&outcome->told_s, outcome->actual_s));
}

/* Mean and square of the scores of one kind of outcomes, shrunk to what is believed already. */
struct belief {
    double mean;
    double square;
};

static bool teaches(const struct calibration_outcome *outcome, bool own)
{
    return outcome->own == own && calibration_outcome_is_possible(outcome);
}

static double tame_score(const struct calibration_outcome *outcome)
{
    return fmin(fmax(score_of(&outcome->told_s, outcome->actual_s), -SCORE_MAX), SCORE_MAX);
}

static struct belief learn(const struct calibration_outcome *outcomes, size_t count, bool own,
                           struct belief before)
{
    double weight = STRANGER_WEIGHT;
    struct belief after = {.mean = weight * before.mean, .square = weight * before.square};
    for (size_t i = 0; i < count; i++) {
        if (!teaches(&outcomes[i], own))
            continue;
        weight += outcomes[i].weight;
        after.mean += outcomes[i].weight * tame_score(&outcomes[i]);
    }
    after.mean /= weight;
    for (size_t i = 0; i < count; i++) {
        double off = teaches(&outcomes[i], own) ? tame_score(&outcomes[i]) - after.mean : 0;
        after.square += off == 0 ? 0 : outcomes[i].weight * off * off;
    }
    after.square /= weight;
    return after;
}

static void count_outcomes(const struct calibration_outcome *outcomes, size_t count,
                           struct calibration *calibration)
{
    for (size_t i = 0; i < count; i++) {
        const struct calibration_outcome *outcome = &outcomes[i];
        if (!calibration_outcome_is_possible(outcome))
            continue;
        calibration->own_series += outcome->own && outcome->series;
        calibration->own_rounds += outcome->own && !outcome->series;
        calibration->account_series += !outcome->own && outcome->series;
        calibration->account_rounds += !outcome->own && !outcome->series;
    }
}

struct calibration calibration_learn(const struct calibration_outcome *outcomes, size_t count)
{
    struct calibration made = {0};
    struct belief stranger = {.square = STRANGER_WIDEN * STRANGER_WIDEN};
    struct belief account = learn(outcomes, count, false, stranger);
    struct belief own = learn(outcomes, count, true, account);
    count_outcomes(outcomes, count, &made);
    bool strange = made.own_series + made.account_series < CALIBRATION_SERIES;
    made.shift = own.mean;
    made.widen = fmin(fmax(sqrt(own.square), strange ? STRANGER_WIDEN : WIDEN_MIN), WIDEN_MAX);
    return made;
}

double calibration_correct(const struct calibration *calibration, const struct quantiles *told,
                           double value)
{
    if (calibration->widen == 0 || !(told->p05 > 0) || !(value > 0))
        return value;
    double score = calibration->shift + calibration->widen * score_of(told, value);
    return told->p50 * exp(score * side_scale(told, score > 0));
}
