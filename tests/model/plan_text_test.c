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
        {"time enough, but bad hours", 90, 17, 540, "to keep this window is 83 %, wanted are",
         "a cut at 2026-03-03T02:21:00Z could promise 9m", "begin now"},
        {"no window is long enough", 90, 17, 25000, "to keep the window is 83 %, wanted are",
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
