#include "model/price.h"

#include <math.h>

#include <criterion/criterion.h>

#include "model/instant.h"
#include "model/timed_copy.h"

#define GIB 1073741824.0

Test(price, a_copy_to_another_region_is_paid_by_the_gib)
{
    struct price_input none = {0};
    struct price_input copy = {.bytes = 1000 * GIB, .hops = 1, .region_hops = 1};
    cr_expect_eq(price_usd(&none), 0);
    cr_expect_float_eq(price_usd(&copy), 20, 1e-9);
    copy.copy_ms = 15 * MS_PER_MINUTE;
    cr_expect_float_eq(price_usd(&copy), 20, 1e-9, "nothing was in haste");
    copy.timed_bytes = copy.bytes;
    cr_expect_float_eq(price_usd(&copy), 40, 1e-9);
    copy.region_hops = 0;
    cr_expect_float_eq(price_usd(&copy), 20, 1e-9, "inside a region only the haste costs");
}

/* Snapshot and copy, a month of 730 hours at five cents. */
Test(price, what_is_kept_is_paid_by_the_month)
{
    struct price_input kept = {.bytes = 1000 * GIB, .hops = 1, .kept_ms = 73.0 * MS_PER_HOUR};
    cr_expect_float_eq(price_usd(&kept), 10, 1e-9);
}

Test(timed_copy, durations_are_quarters_of_an_hour)
{
    static const struct {
        int64_t minutes;
        bool possible;
        double usd;
    } cases[] = {
        {0, false, 0},     {14, false, 0},    {15, true, .020},   {16, false, .020},
        {45, true, .018},  {60, true, .016},  {225, true, .014},  {240, true, .012},
        {945, true, .010}, {960, true, .005}, {2880, true, .005}, {2895, false, .005},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t ms = cases[i].minutes * MS_PER_MINUTE;
        cr_expect_eq(timed_copy_is_possible(ms), cases[i].possible, "%ld min", (long)(ms / 60000));
        cr_expect_float_eq(timed_copy_usd_per_gib(ms), cases[i].usd, 1e-12);
    }
}

/* 500 MiB/s: a quarter of an hour is 439.45 GiB. */
Test(timed_copy, a_large_one_is_given_its_time)
{
    const int64_t quarter = 15 * MS_PER_MINUTE;
    cr_expect_eq(timed_copy_ms(quarter, 439 * GIB), quarter);
    cr_expect_eq(timed_copy_ms(quarter, 440 * GIB), 2 * quarter);
    cr_expect_eq(timed_copy_ms(3 * quarter, 440 * GIB), 3 * quarter);
    cr_expect_float_eq(timed_copy_longest_s(quarter, 2, 440 * GIB), 3600, 1e-9);
    cr_expect_eq(timed_copy_longest_s(0, 1, 1), HUGE_VAL);
    cr_expect(timed_copy_is_possible(timed_copy_ms(quarter, 1e18)));
}
