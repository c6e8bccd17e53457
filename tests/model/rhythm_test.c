#include "model/rhythm.h"

#include <math.h>

#include <criterion/criterion.h>

#define DAYS  5
#define PAST  ((size_t)DAYS * RHYTHM_DAY_SLOTS)
#define AHEAD 60

/* A quiet day with one job at slot 20. */
static double day_value(size_t slot)
{
    return slot % RHYTHM_DAY_SLOTS == 20 ? 5000 : 100;
}

static void fill(double *past)
{
    for (size_t i = 0; i < PAST; i++)
        past[i] = day_value(i);
}

Test(rhythm, a_day_that_repeats_is_foretold_to_the_slot)
{
    double past[PAST];
    double future[AHEAD];
    fill(past);
    rhythm_forecast(past, PAST, 0, future, AHEAD);
    for (size_t i = 0; i < AHEAD; i++)
        cr_expect_float_eq(future[i], day_value(i), 0.01 * day_value(i), "slot %zu", i);
}

Test(rhythm, one_wild_night_is_not_believed_in_full)
{
    double past[PAST];
    double future[AHEAD];
    double sum = 0;
    fill(past);
    past[PAST - RHYTHM_DAY_SLOTS + 5] = 1e6;
    rhythm_forecast(past, PAST, 0, future, AHEAD);
    for (size_t i = 0; i < 12; i++)
        sum += future[i];
    cr_expect(sum > 1200 && sum < 8e5, "%g", sum);
}

Test(rhythm, never_negative_never_nan)
{
    double past[PAST] = {0};
    double future[AHEAD];
    rhythm_forecast(past, PAST, 0, future, AHEAD);
    for (size_t i = 0; i < AHEAD; i++)
        cr_expect(future[i] >= 0 && isfinite(future[i]));
    past[7] = 1e12;
    past[PAST - 1] = 1e12;
    rhythm_forecast(past, PAST, 3, future, AHEAD);
    for (size_t i = 0; i < AHEAD; i++)
        cr_expect(future[i] >= 0 && isfinite(future[i]), "%g", future[i]);
}

Test(rhythm, less_than_a_day_goes_on_as_it_is)
{
    double past[10] = {7, 7, 7, 7, 7, 7, 7, 7, 7, 7};
    double future[3];
    rhythm_forecast(past, 10, 0, future, 3);
    cr_expect_float_eq(future[2], 7, 1e-9);
}
