#include "model/plan_text.h"

#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "model/instant.h"

/* 2026-03-02 09:20:31 UTC. */
#define NOW_MS INT64_C(1772443231000)

/* Plans that do not fit, and what the operator must hear about each. */
struct refusal_case {
    char why[48];
    double window_in_h; /* from now to its start; it lasts six hours */
    double ready_in_h;  /* earliest good cut, without a window */
    double attainable_s;
    char reason[48];
    char remedy[64];
    char never[32]; /* what would lead astray */
};

ParameterizedTestParameters(plan_text, refusals)
{
    static struct refusal_case cases[] = {
        {"the window is over", -7, 17, 540, "the window ended at 2026-03-02T08:20:31Z",
         "in the future", "begin now"},
        {"no time before the window", 3, 17, 540, "too late for this window",
         "begin now and let the window begin after 2026-03-03T02:21:00Z", "lengthen"},
        {"time enough, but bad hours", 90, 17, 540, "to keep this window is 83.0 %, wanted are",
         "a cut at 2026-03-03T02:21:00Z could promise 9m", "begin now"},
        {"no window is long enough", 90, 17, 25000, "to keep the window is 83.0 %, wanted are",
         "allow a downtime of 6h57m", "begin"},
    };
    return cr_make_param_array(struct refusal_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct refusal_case *c, plan_text, refusals)
{
    int64_t start_ms = NOW_MS + (int64_t)(c->window_in_h * MS_PER_HOUR);
    struct plan_input input = {
        .now_ms = NOW_MS,
        .window_start_ms = start_ms,
        .window_end_ms = start_ms + 6 * MS_PER_HOUR,
        .confidence = 0.9,
    };
    struct plan plan = {
        .converges = true,
        .window_miss_probability = 0.17,
        .earliest_cut_ms = NOW_MS + (int64_t)(c->ready_in_h * MS_PER_HOUR),
        .attainable_s = c->attainable_s,
    };
    plan_explain(&input, &plan);
    cr_expect_not_null(strstr(plan.reason, c->reason), "%s: %s", c->why, plan.reason);
    cr_expect_not_null(strstr(plan.remedy, c->remedy), "%s: %s", c->why, plan.remedy);
    cr_expect_null(strstr(plan.remedy, c->never), "%s: %s", c->why, plan.remedy);
}

static void expect_told(const char *text, const char *words)
{
    cr_expect_not_null(strstr(text, words), "no '%s': %s", words, text);
}

Test(plan_text, a_blackout_over_the_whole_window_is_the_reason)
{
    struct plan_input input = {
        .now_ms = NOW_MS,
        .window_start_ms = NOW_MS + 20 * MS_PER_HOUR,
        .window_end_ms = NOW_MS + 26 * MS_PER_HOUR,
        .blackouts = {.items = {{.start_ms = NOW_MS + 19 * MS_PER_HOUR,
                                 .length_ms = 7 * MS_PER_HOUR}},
                      .count = 1},
        .confidence = 0.9,
    };
    struct plan plan = {.converges = true, .window_miss_probability = 1, .attainable_s = 540};
    plan_explain(&input, &plan);
    expect_told(plan.reason, "blackouts cover the whole window, until 2026-03-03T11:20:31Z");
    expect_told(plan.remedy, "plan.blackout");
    input.blackouts.items[0].length_ms -= MS_PER_MINUTE;
    input.window_end_ms -= MS_PER_MINUTE / 2;
    plan_explain(&input, &plan);
    expect_told(plan.reason, "to keep this window");
}

/* Rounded, both would be the same number. */
Test(plan_text, what_misses_by_little_does_not_read_as_if_it_met)
{
    struct plan_input input = {
        .now_ms = NOW_MS,
        .window_start_ms = NOW_MS + 20 * MS_PER_HOUR,
        .window_end_ms = NOW_MS + 26 * MS_PER_HOUR,
        .confidence = 0.999,
    };
    struct plan plan = {.converges = true, .window_miss_probability = 1. / 256};
    plan_explain(&input, &plan);
    expect_told(plan.reason, "to keep this window is 99.6 %, wanted are 99.9 %");
    plan.earliest_cut_ms = input.window_end_ms;
    plan_explain(&input, &plan);
    expect_told(plan.reason, "the chance to miss is 0.4 %, wanted is at most 0.1 %");
    plan.fits = true;
    plan_explain(&input, &plan);
    expect_told(plan.reason, "with 99.9 %");
}

Test(plan_text, one_volume_without_a_past_is_not_all_of_a_set)
{
    struct volume_model models[] = {{.prior_only = true}, {.prior_only = false}};
    struct plan_member members[] = {{.model = &models[0]}, {.model = &models[1]}};
    struct plan_input input = {
        .now_ms = NOW_MS,
        .window_start_ms = NOW_MS + 20 * MS_PER_HOUR,
        .window_end_ms = NOW_MS + 26 * MS_PER_HOUR,
        .confidence = 0.9,
        .members = members,
        .member_count = 2,
    };
    struct plan plan = {.fits = true, .converges = true, .prior_only = true};
    plan_explain(&input, &plan);
    expect_told(plan.reason, ", in part from priors alone");
    expect_told(plan.remedy, "two snapshots");
    input.member_count = 1;
    plan_explain(&input, &plan);
    expect_told(plan.reason, ", from priors alone");
}
