#include "bench/tally.h"

#include <math.h>

#include <criterion/criterion.h>

static const struct quantiles told = {60, 120, 300};

Test(tally, outcomes_fall_into_the_tenths_of_what_was_told)
{
    struct tally tally = {0};
    static const double actual[] = {50, 119, 121, 299, 900};
    for (size_t i = 0; i < 5; i++)
        tally_add(&tally, &told, actual[i]);
    cr_expect_eq(tally.told, 5);
    cr_expect_eq(tally.below_p05, 1);
    cr_expect_eq(tally.below_p50, 2);
    cr_expect_eq(tally.below_p95, 4);
    cr_expect_eq(tally.tenths[0], 1);
    cr_expect_eq(tally.tenths[4], 1);
    cr_expect_eq(tally.tenths[5], 1);
    cr_expect_eq(tally.tenths[9], 2);
}

Test(tally, what_cannot_be_judged_is_left_out)
{
    struct tally tally = {0};
    const struct quantiles nothing = {0, 0, 0};
    tally_add(&tally, &nothing, 100);
    tally_add(&tally, &told, -1);
    tally_add(&tally, &told, (double)NAN);
    cr_expect_eq(tally.told, 0);
}

Test(tally, joins_count_together)
{
    struct tally one = {0};
    struct tally other = {0};
    tally_add(&one, &told, 100);
    tally_add(&other, &told, 200);
    tally_join(&one, &other);
    cr_expect_eq(one.told, 2);
    cr_expect_eq(one.below_p50, 1);
    cr_expect_float_eq(one.log_sum, log(100.0 / 120) + log(200.0 / 120), 1e-12);
}
