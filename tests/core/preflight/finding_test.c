#include "core/preflight/finding.h"

#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "core/preflight/checks.h"

Test(finding, the_worst_is_told_with_its_remedy)
{
    struct finding finding = {0};
    finding_add(&finding, VERDICT_OK, "", "one");
    finding_add(&finding, VERDICT_OK, "", "two");
    cr_expect_str_eq(finding.text, "one; two");
    finding_add(&finding, VERDICT_FAIL, "mend it", "three");
    finding_add(&finding, VERDICT_WARN, "look", "four");
    finding_add(&finding, VERDICT_FAIL, "another", "five");
    cr_expect_eq(finding.verdict, VERDICT_FAIL);
    cr_expect_str_eq(finding.text, "three; five");
    cr_expect_str_eq(finding.remedy, "mend it");
}

Test(finding, what_was_not_looked_at_hides_nothing)
{
    struct finding finding = {0};
    finding_add(&finding, VERDICT_SKIPPED, "go there", "far away");
    cr_expect_eq(finding.verdict, VERDICT_SKIPPED);
    finding_add(&finding, VERDICT_OK, "", "near");
    cr_expect_eq(finding.verdict, VERDICT_OK);
    cr_expect_str_eq(finding.text, "near");
    cr_expect_str_eq(finding.remedy, "");
}

Test(finding, a_long_one_is_cut)
{
    struct finding finding = {0};
    for (int i = 0; i < 200; i++)
        finding_add(&finding, VERDICT_WARN, "", "volume number %d", i);
    cr_expect_lt(strlen(finding.text), sizeof(finding.text));
    cr_expect_eq(strncmp(finding.text, "volume number 0; volume number 1; ", 34), 0);
}

Test(finding, only_an_interruption_goes_on)
{
    struct finding finding = {0};
    struct error err = {.code = ERR_ACCESS, .message = "not yours"};
    cr_expect_eq(finding_take(&finding, ERR_ACCESS, "ask", &err), ERR_NONE);
    cr_expect_eq(finding.verdict, VERDICT_FAIL);
    cr_expect_str_eq(finding.text, "not yours");
    cr_expect_eq(finding_take(&finding, ERR_INTERRUPTED, "", &err), ERR_INTERRUPTED);
}

struct quota_case {
    char why[40];
    size_t used;
    size_t needed;
    size_t limit;
    enum verdict want;
};

ParameterizedTestParameters(finding, quota)
{
    static struct quota_case cases[] = {
        {"nothing there", 0, 2, 20, VERDICT_OK},
        {"just fits", 18, 2, 20, VERDICT_OK},
        {"one too many", 19, 2, 20, VERDICT_WARN},
        {"full", 20, 2, 20, VERDICT_FAIL},
        {"more than full", 100003, 40, 100000, VERDICT_FAIL},
        {"a disk drive's single slot", 0, 1, 1, VERDICT_OK},
    };
    return cr_make_param_array(struct quota_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct quota_case *c, finding, quota)
{
    cr_expect_eq(quota_verdict(c->used, c->needed, c->limit), c->want, "%s", c->why);
}
