#include "bench/measure.h"

#include <math.h>
#include <stdio.h>

#include <criterion/criterion.h>

/* Truth 100; the medians are off by 10, 20, 30 and 40 %, one row is of another set. */
static void fill(struct predictions *predictions)
{
    struct error err = {0};
    for (int i = 0; i < 5; i++) {
        double median = i < 4 ? 110 + 10 * i : 1000;
        struct prediction row = {
            .history_count = (size_t)i + 1,
            .truth = 100,
            .quantiles = {median, 50, 80, 150, 90 + 5 * i, 250},
            .log_scale = 0.5,
            .reference = {median * 1.005, 50, 80, 150, 200, 250},
            .reference_log_scale = 0.5,
        };
        (void)snprintf(row.set, sizeof(row.set), "%s", i < 4 ? "a" : "b");
        cr_assert_eq(predictions_add(predictions, &row, &err), ERR_NONE);
    }
}

Test(measure, numbers_made_by_hand)
{
    CLEANUP_PREDICTIONS struct predictions predictions = {0};
    struct measure_filter a = {.set = "a"};
    fill(&predictions);
    cr_expect_float_eq(measure(&predictions, MEASURE_MEDIAN_APE, &a, false), 0.25, 1e-12);
    cr_expect_float_eq(measure(&predictions, MEASURE_P90_APE, &a, false), 0.37, 1e-12);
    cr_expect_float_eq(measure(&predictions, MEASURE_CENTRAL_90, &a, false), 1, 1e-12);
    cr_expect_float_eq(measure(&predictions, MEASURE_UPPER_90, &a, false), 0.5, 1e-12);
    cr_expect_float_eq(measure(&predictions, MEASURE_SAME, &a, false), 1, 1e-12);
    double pinball = (0.5 * 10 + 0.9 * 10 + 0.05 * 150) / 300;
    struct measure_filter first = {.set = "a", .most_history = 1};
    cr_expect_float_eq(measure(&predictions, MEASURE_PINBALL, &first, false), pinball, 1e-12);
}

Test(measure, filters_and_the_empty_set)
{
    CLEANUP_PREDICTIONS struct predictions predictions = {0};
    struct measure_filter late = {.least_history = 4};
    struct measure_filter none = {.set = "z"};
    fill(&predictions);
    cr_expect_float_eq(measure(&predictions, MEASURE_MEDIAN_APE, &late, false), 4.7, 1e-12);
    cr_expect(isnan(measure(&predictions, MEASURE_MEDIAN_APE, &none, false)));
}

Test(measure, a_truth_of_nothing_does_not_count)
{
    CLEANUP_PREDICTIONS struct predictions predictions = {0};
    struct measure_filter all = {0};
    fill(&predictions);
    predictions.rows[4].truth = 0;
    cr_expect_float_eq(measure(&predictions, MEASURE_MEDIAN_APE, &all, false), 0.25, 1e-12);
    predictions.rows[0].quantiles[QUANTILE_95] = (double)NAN;
    cr_expect_float_eq(measure(&predictions, MEASURE_FINITE, &all, false), 0.75, 1e-12);
}
