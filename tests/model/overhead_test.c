#include "model/overhead.h"

#include <math.h>

#include <criterion/criterion.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

Test(overhead, is_a_wide_guess_before_the_first_run)
{
    struct overhead guess = overhead_learn(NULL, 0);
    cr_expect_float_eq(guess.p50_s, 40, 1e-9);
    cr_expect_float_eq(guess.p95_s, 150, 1e-9);
    cr_expect_eq(guess.run_count, 0);
}

Test(overhead, finds_what_runs_take_and_narrows)
{
    double seconds[64];
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    for (size_t i = 0; i < 64; i++)
        seconds[i] = 12 * exp(gsl_ran_gaussian(rng, 0.2));
    gsl_rng_free(rng);
    double ratio = HUGE_VAL;
    for (size_t count = 1; count <= 64; count *= 4) {
        struct overhead learned = overhead_learn(seconds, count);
        cr_expect_eq(learned.run_count, count);
        cr_expect_lt(learned.p95_s / learned.p50_s, ratio, "%zu runs", count);
        ratio = learned.p95_s / learned.p50_s;
    }
    struct overhead all = overhead_learn(seconds, 64);
    cr_expect_float_eq(all.p50_s, 12, 1.5);
    cr_expect_float_eq(all.p95_s, 12 * exp(1.645 * 0.2), 5);
}

Test(overhead, absurd_runs_teach_nothing)
{
    const double absurd[] = {0, -3, (double)NAN, HUGE_VAL};
    struct overhead learned = overhead_learn(absurd, 4);
    cr_expect_eq(learned.run_count, 0);
    cr_expect_float_eq(learned.p50_s, 40, 1e-9);
}
