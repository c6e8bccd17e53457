#include "model/calibration.h"

#include <math.h>

#include <criterion/criterion.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

static const struct quantiles told = {.p05 = 300, .p50 = 600, .p95 = 1500};

/* An outcome at a normal score of the told distribution. */
static struct calibration_outcome outcome_at(double score, bool own)
{
    struct calibration shift = {.shift = score, .widen = 1};
    return (struct calibration_outcome){
        .told_s = told,
        .actual_s = calibration_correct(&shift, &told, told.p50),
        .series = true,
        .own = own,
        .weight = 1,
    };
}

/* Outcomes of a teller whose scores are really shift + widen z. */
static void tell(struct calibration_outcome *outcomes, size_t count, double shift, double widen,
                 bool own, gsl_rng *rng)
{
    for (size_t i = 0; i < count; i++)
        outcomes[i] = outcome_at(shift + widen * gsl_ran_gaussian(rng, 1), own);
}

Test(calibration, the_chance_of_a_told_quantile_is_its_own)
{
    static const struct {
        double seconds;
        double chance;
    } cases[] = {{300, 0.05}, {600, 0.5}, {1500, 0.95}};
    for (size_t i = 0; i < 3; i++) {
        struct calibration_outcome outcome = {
            .told_s = told, .actual_s = cases[i].seconds, .weight = 1};
        cr_expect_float_eq(calibration_outcome_chance(&outcome), cases[i].chance, 1e-9, "%g s",
                           cases[i].seconds);
    }
}

Test(calibration, a_stranger_is_believed_a_tenth_less)
{
    struct calibration none = calibration_learn(NULL, 0);
    cr_expect_float_eq(none.widen, 1.1, 1e-12);
    cr_expect_float_eq(none.shift, 0, 1e-12);
    struct calibration_outcome outcomes[CALIBRATION_SERIES];
    for (size_t i = 0; i < CALIBRATION_SERIES; i++)
        outcomes[i] = outcome_at(0, true);
    cr_expect_geq(calibration_learn(outcomes, CALIBRATION_SERIES - 1).widen, 1.1);
    cr_expect_lt(calibration_learn(outcomes, CALIBRATION_SERIES).widen, 1.1);
}

/* What the planner promises at nine in ten must then hold nine times in ten. */
Test(calibration, corrected_promises_hold_as_often_as_they_say)
{
    static const struct {
        double shift;
        double widen;
    } tellers[] = {{0, 1}, {0.6, 1.8}, {-0.5, 0.8}, {1.2, 1}};
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    for (size_t t = 0; t < 4; t++) {
        size_t kept = 0;
        size_t all = 0;
        double promised = told.p50 * exp(log(told.p95 / told.p50) / gsl_cdf_ugaussian_Pinv(0.95) *
                                         gsl_cdf_ugaussian_Pinv(0.9));
        for (unsigned long seed = 1; seed <= 200; seed++) {
            struct calibration_outcome outcomes[41];
            gsl_rng_set(rng, seed);
            tell(outcomes, 41, tellers[t].shift, tellers[t].widen, true, rng);
            struct calibration learned = calibration_learn(outcomes, 40);
            kept += outcomes[40].actual_s <= calibration_correct(&learned, &told, promised);
            all++;
        }
        double share = (double)kept / (double)all;
        cr_expect(share > 0.84 && share < 0.96, "teller %zu: kept %.3f", t, share);
    }
    gsl_rng_free(rng);
}

Test(calibration, a_volume_leans_on_its_account_until_it_speaks)
{
    struct calibration_outcome outcomes[60];
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    tell(outcomes, 30, 1, 1, false, rng);
    struct calibration leaning = calibration_learn(outcomes, 30);
    cr_expect_float_eq(leaning.shift, 1, 0.35);
    cr_expect_eq(leaning.account_series, 30);
    cr_expect_eq(leaning.own_series, 0);
    tell(outcomes + 30, 30, -1, 1, true, rng);
    cr_expect_float_eq(calibration_learn(outcomes, 60).shift, -1, 0.5);
    gsl_rng_free(rng);
}

Test(calibration, order_is_kept_and_neutral_changes_nothing)
{
    struct calibration neutral = {0};
    struct calibration odd = {.shift = 1.3, .widen = 2};
    double before = 0;
    for (double value = 10; value < 1e5; value *= 1.5) {
        cr_expect_eq(calibration_correct(&neutral, &told, value), value);
        double after = calibration_correct(&odd, &told, value);
        cr_expect_gt(after, before);
        before = after;
    }
}

Test(calibration, absurd_outcomes_teach_nothing_and_wild_ones_little)
{
    struct calibration_outcome bad[] = {
        {.told_s = told, .actual_s = 0, .weight = 1},
        {.told_s = told, .actual_s = -5, .weight = 1},
        {.told_s = told, .actual_s = (double)NAN, .weight = 1},
        {.told_s = told, .actual_s = HUGE_VAL, .weight = 1},
        {.told_s = {0}, .actual_s = 5, .weight = 1},
        {.told_s = {.p05 = 9, .p50 = 5, .p95 = 7}, .actual_s = 5, .weight = 1},
        {.told_s = told, .actual_s = 5, .weight = (double)NAN},
    };
    struct calibration none = calibration_learn(NULL, 0);
    struct calibration learned = calibration_learn(bad, sizeof(bad) / sizeof(bad[0]));
    cr_expect_eq(learned.widen, none.widen);
    cr_expect_eq(learned.shift, none.shift);
    struct calibration_outcome wild = {
        .told_s = told, .actual_s = 1e9, .series = true, .weight = 1};
    struct calibration_outcome exact = {
        .told_s = {.p05 = 5, .p50 = 5, .p95 = 5}, .actual_s = 6, .series = true, .weight = 1};
    struct calibration_outcome both[] = {wild, exact};
    struct calibration moved = calibration_learn(both, 2);
    cr_expect(moved.shift < 2 && moved.widen <= 3, "%g %g", moved.shift, moved.widen);
}
