#include "model/forecast.h"

#include <math.h>

#include <criterion/criterion.h>
#include <gsl/gsl_errno.h>

#include "tests/model/made_history.h"

static void no_gsl_abort(void)
{
    gsl_set_error_handler_off();
}

TestSuite(forecast, .init = no_gsl_abort);

static void fit(const struct volume_history *history, struct volume_model *model)
{
    struct error err = {0};
    cr_assert_eq(volume_model_fit(history, MADE_NOW_MS, model, &err), ERR_NONE, "%s", err.message);
}

static void expect_ordered(const struct quantiles *q)
{
    cr_expect(isfinite(q->p05) && isfinite(q->p50) && isfinite(q->p95));
    cr_expect(q->p05 > 0 && q->p05 <= q->p50 && q->p50 <= q->p95, "%g %g %g", q->p05, q->p50,
              q->p95);
}

/* Nine in ten are promised; three hundred outcomes of the truth are counted. */
Test(forecast, intervals_cover_what_happens)
{
    size_t delta_inside = 0;
    size_t time_inside = 0;
    for (unsigned long seed = 1; seed <= 30; seed++) {
        struct made_history made;
        CLEANUP_VOLUME_MODEL struct volume_model model = {0};
        struct error err = {0};
        struct forecast forecast;
        made_history_init(&made, &seed_truth, seed, 25, 3600, 7, 0);
        fit(&made.history, &model);
        for (int i = 0; i < 10; i++) {
            double elapsed_s = 900 * exp(3.5 * gsl_rng_uniform(made.rng));
            int64_t from_ms = MADE_NOW_MS - llround(elapsed_s * 1000);
            double bytes = truth_delta_bytes(&seed_truth, elapsed_s, made.rng);
            double seconds = truth_duration_s(&seed_truth, bytes, made.rng);
            cr_assert_eq(forecast_step(&model, from_ms, MADE_NOW_MS, &forecast, &err), ERR_NONE);
            expect_ordered(&forecast.delta_bytes);
            expect_ordered(&forecast.snapshot_s);
            delta_inside += bytes >= forecast.delta_bytes.p05 && bytes <= forecast.delta_bytes.p95;
            time_inside += seconds >= forecast.snapshot_s.p05 && seconds <= forecast.snapshot_s.p95;
        }
        made_history_done(&made);
    }
    cr_expect_geq(delta_inside, 255, "delta: %zu of 300", delta_inside);
    cr_expect_geq(time_inside, 255, "time: %zu of 300", time_inside);
}

Test(forecast, more_history_narrows)
{
    double before = HUGE_VAL;
    for (size_t count = 3; count <= 48; count *= 4) {
        struct made_history made;
        CLEANUP_VOLUME_MODEL struct volume_model model = {0};
        struct error err = {0};
        struct forecast forecast;
        made_history_init(&made, &seed_truth, 9, count, 3600, 7, 0);
        fit(&made.history, &model);
        cr_assert_eq(forecast_step(&model, MADE_NOW_MS - 3600000, MADE_NOW_MS, &forecast, &err),
                     ERR_NONE);
        double width = log(forecast.snapshot_s.p95 / forecast.snapshot_s.p05);
        cr_expect_lt(width, before * 1.05, "%zu snapshots", count);
        before = width;
        made_history_done(&made);
    }
}

Test(forecast, refuses_a_gap_that_is_none)
{
    struct volume_model model = {0};
    struct quantiles untouched = {1, 2, 3};
    struct error err = {0};
    cr_expect_eq(forecast_delta(&model, 10, 10, &untouched, &err), ERR_INVALID);
    cr_expect_eq(forecast_delta(&model, 0, 10, &untouched, &err), ERR_INVALID);
    cr_expect_eq(untouched.p50, 2);
}

Test(forecast, first_full_one_takes_about_fourteen_hours)
{
    struct volume_history history = {.volume_id = "vol-0123456789abcdef0"};
    CLEANUP_VOLUME_MODEL struct volume_model model = {0};
    struct quantiles seconds;
    fit(&history, &model);
    forecast_full(&model, TRANSFER_COPY, INT64_C(2200000000000), &seconds);
    expect_ordered(&seconds);
    cr_expect(seconds.p05 < 14 * 3600 && seconds.p95 > 14 * 3600);
    cr_expect(seconds.p50 > 10 * 3600 && seconds.p50 < 18 * 3600);
}
