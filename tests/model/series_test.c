#include "model/series.h"

#include <math.h>

#include <criterion/criterion.h>
#include <gsl/gsl_errno.h>

#include "tests/model/made_history.h"

static void no_gsl_abort(void)
{
    gsl_set_error_handler_off();
}

TestSuite(series, .init = no_gsl_abort);

static void solve(const struct truth *truth, double gap_s, double limit_s, struct series *series)
{
    struct made_history made;
    CLEANUP_VOLUME_MODEL struct volume_model model = {0};
    struct error err = {0};
    made_history_init(&made, truth, 21, 60, 1800, 14, 1);
    cr_assert_eq(volume_model_fit(&made.history, MADE_NOW_MS, &model, &err), ERR_NONE);
    const struct volume_model *models[] = {&model};
    struct series_input input = {.models = models,
                                 .model_count = 1,
                                 .copies = true,
                                 .at_ms = MADE_NOW_MS,
                                 .gap_s = gap_s,
                                 .limit_s = limit_s};
    cr_assert_eq(series_solve(&input, series, &err), ERR_NONE, "%s", err.message);
    made_history_done(&made);
}

/* The fixed point of the truth itself. */
static double true_round_s(const struct truth *truth)
{
    double round_s = 1e5;
    for (int i = 0; i < 500; i++)
        round_s = 2 * truth_median_duration_s(truth, truth_median_delta_bytes(truth, round_s));
    return round_s;
}

Test(series, settles_where_the_truth_does)
{
    struct series series;
    solve(&seed_truth, 50000, 0, &series);
    double want = true_round_s(&seed_truth);
    cr_expect_eq(series.verdict, SERIES_SHRINKS);
    cr_expect(series.converges);
    cr_expect_lt(fabs(log(series.round_s / want)), 0.4, "%g not %g", series.round_s, want);
    cr_expect(series.contraction > 0 && series.contraction < 1);
    /* One gap length only shows no floor: its half is what the prior makes of it. */
    cr_expect(series.floor_s > 60 && series.floor_s < series.round_s);
    cr_expect(series.rounds_to_settle >= 2 && series.rounds_to_settle < 20);
}

Test(series, a_settled_one_stands)
{
    struct series series;
    solve(&seed_truth, 50000, 0, &series);
    double settled_s = series.round_s;
    solve(&seed_truth, settled_s, 0, &series);
    cr_expect_eq(series.verdict, SERIES_STANDS);
}

Test(series, says_when_changes_outrun_the_rate)
{
    struct truth busy = seed_truth;
    struct series series;
    busy.cold_bytes_per_s = 30e6;
    busy.write_bytes_per_s = 60e6;
    solve(&busy, 50000, 1800, &series);
    cr_expect_eq(series.verdict, SERIES_TOO_SLOW);
    cr_expect_not(series.converges);
    cr_expect_str_not_empty(series.reason);
    cr_expect_str_not_empty(series.remedy);
}

Test(series, says_when_the_floor_is_too_high)
{
    struct series series;
    solve(&seed_truth, 50000, 60, &series);
    cr_expect_eq(series.verdict, SERIES_FLOOR);
    cr_expect_not(series.converges);
}

Test(series, refuses_nonsense)
{
    struct series series;
    struct error err = {0};
    struct volume_model model = {0};
    const struct volume_model *models[] = {&model};
    struct series_input input = {.models = models, .at_ms = MADE_NOW_MS, .gap_s = 1};
    cr_expect_eq(series_solve(&input, &series, &err), ERR_INVALID);
    input.model_count = 1;
    input.gap_s = (double)NAN;
    cr_expect_eq(series_solve(&input, &series, &err), ERR_INVALID);
    input.gap_s = 1;
    input.at_ms = 0;
    cr_expect_eq(series_solve(&input, &series, &err), ERR_INVALID);
}
