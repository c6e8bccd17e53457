#include "tests/sim/fault.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "model/instant.h"

/* One line, and which of ten calls of CopySnapshot, one a minute, it strikes. */
struct line_case {
    char line[80];
    enum error_code want;
    int first;
    int count;
};

ParameterizedTestParameters(fault, line)
{
    static struct line_case cases[] = {
        {"throttle", ERR_NONE, 1, 1},
        {"throttle:CopySnapshot@3x2", ERR_NONE, 3, 2},
        {"throttle:CreateVolume", ERR_NONE, 0, 0},
        {"throttle@2x*", ERR_NONE, 2, 9},
        {"throttle:CopySnapshotx2", ERR_NONE, 1, 2},
        {"snapshot-error", ERR_NONE, 0, 0}, /* cannot strike a copy */
        {"at 3rd CopySnapshot: drop answer after effect", ERR_NONE, 3, 1},
        {"at 2nd to 6th call: answer 500", ERR_NONE, 2, 5},
        {"from 4th CopySnapshot: throttle", ERR_NONE, 4, 7},
        {"from 2nd CopySnapshot for 3 minutes: throttle", ERR_NONE, 2, 3},
        {"from 1st call: throttle 1 % of calls", ERR_NONE, 0, 0},
        {"from 1st call: answer 500 100 % of calls", ERR_NONE, 1, 10},
        {"at 1st CreateVolume: take the volume away again", ERR_NONE, 0, 0},
        {"thrott1e", ERR_INVALID, 0, 0},
        {"throttle@0", ERR_INVALID, 0, 0},
        {"throttle@1x", ERR_INVALID, 0, 0},
        {"throttle@2 ", ERR_INVALID, 0, 0},
        {"at 3 CopySnapshot: throttle", ERR_INVALID, 0, 0},
        {"at 3rd to 2nd CopySnapshot: throttle", ERR_INVALID, 0, 0},
        {"at 3rd CopySnapshot: do something", ERR_INVALID, 0, 0},
        {"from 1st call: throttle 101 % of calls", ERR_INVALID, 0, 0},
        {"from 1st call for ever: throttle", ERR_INVALID, 0, 0},
    };
    return cr_make_param_array(struct line_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct line_case *c, fault, line)
{
    CLEANUP(fault_script_done) struct fault_script script = {.dice = {17}};
    struct error err = {0};
    int first = 0;
    int count = 0;
    cr_assert_eq(fault_script_arm(&script, c->line, &err), c->want, "%s: %s", c->line, err.message);
    for (int call = 1; call <= 10; call++) {
        if (fault_script_strike(&script, "CopySnapshot", call * MS_PER_MINUTE) == 0)
            continue;
        first = first == 0 ? call : first;
        count++;
    }
    cr_expect_eq(first, c->first, "%s: first %d", c->line, first);
    cr_expect_eq(count, c->count, "%s: %d times", c->line, count);
}

Test(fault, a_script_has_a_fault_a_line_and_none_disarms)
{
    CLEANUP(fault_script_done) struct fault_script script = {0};
    struct error err = {0};
    cr_assert_eq(fault_script_arm(&script, "throttle\nat 1st call: answer 503\n\n", &err),
                 ERR_NONE);
    cr_expect_eq(fault_script_strike(&script, "CreateTags", 0),
                 FAULT_BIT(FAULT_THROTTLE) | FAULT_BIT(FAULT_UNAVAILABLE));
    cr_assert_eq(fault_script_arm(&script, "throttle@1x*\nnone\n", &err), ERR_NONE);
    cr_expect_eq(fault_script_strike(&script, "CreateTags", 0), 0);
}

Test(fault, a_share_of_the_calls_is_struck)
{
    CLEANUP(fault_script_done) struct fault_script script = {.dice = {3}};
    struct error err = {0};
    int count = 0;
    cr_assert_eq(fault_script_arm(&script, "from 1st call: throttle 90 % of calls", &err),
                 ERR_NONE);
    for (int call = 0; call < 1000; call++)
        count += fault_script_strike(&script, "DescribeVolumes", 0) != 0;
    cr_expect(count > 860 && count < 940, "%d of 1000", count);
}
