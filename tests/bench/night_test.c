#include "bench/night.h"

#include <math.h>

#include <criterion/criterion.h>
#include <gsl/gsl_errno.h>

#include "bench/play.h"

#define TICKS ((size_t)1500)

/* A volume that writes one block that is new in each tick. */
static double bytes[TICKS];
static double ops[TICKS];
static size_t first[TICKS + 1];
static int32_t previous[TICKS];

static struct trace made_trace(size_t tick_count)
{
    for (size_t i = 0; i < TICKS; i++) {
        bytes[i] = 524288;
        ops[i] = 1;
        first[i + 1] = i + 1;
        previous[i] = -1;
    }
    return (struct trace){
        .tick_count = tick_count,
        .bytes = bytes,
        .ops = ops,
        .first = first,
        .previous = previous,
    };
}

static void no_gsl_abort(void)
{
    gsl_set_error_handler_off();
}

TestSuite(night, .init = no_gsl_abort);

Test(night, is_the_same_for_the_same_seed_only)
{
    CLEANUP_NIGHT struct night one = {0};
    CLEANUP_NIGHT struct night same = {0};
    CLEANUP_NIGHT struct night other = {0};
    struct trace trace = made_trace(TICKS);
    struct error err = {0};
    cr_assert_eq(night_make(&one, &trace, 0.8, 5, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(night_make(&same, &trace, 0.8, 5, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(night_make(&other, &trace, 0.8, 6, &err), ERR_NONE, "%s", err.message);
    cr_expect_eq(one.fence, same.fence);
    cr_expect_eq(one.luck[900], same.luck[900]);
    cr_expect_neq(one.luck[900], other.luck[900]);
    cr_expect_eq(one.past[one.past_count - 1].changed_blocks, 12);
    /* A load of .8: an hour's twelve blocks take .8 hours beside the overhead. */
    cr_expect_float_eq(night_duration(&one, 12, 900) / one.luck[900], 0.4 + 9.6, 1e-9);
}

Test(night, refuses_a_short_trace)
{
    struct night night = {0};
    struct trace trace = made_trace(1000);
    struct error err = {0};
    cr_expect_eq(night_make(&night, &trace, 0.8, 5, &err), ERR_INVALID);
}

Test(night, nobody_cuts_better_than_who_knows_the_future)
{
    struct trace trace = made_trace(TICKS);
    struct error err = {0};
    for (unsigned long seed = 1; seed <= 3; seed++) {
        CLEANUP_NIGHT struct night night = {0};
        struct series_result results[WINDOW_RULE_COUNT] = {0};
        cr_assert_eq(night_make(&night, &trace, 0.3, seed, &err), ERR_NONE, "%s", err.message);
        cr_assert_eq(play_window(&night, results, &err), ERR_NONE, "%s", err.message);
        for (size_t rule = 0; rule < WINDOW_RULE_COUNT; rule++) {
            cr_expect(isfinite(results[rule].cost) && results[rule].downtime > 0);
            cr_expect_geq(results[rule].cost, results[WINDOW_ORACLE].cost, "rule %zu", rule);
        }
    }
}
