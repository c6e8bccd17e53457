#include "tests/sim/sim_query.h"

#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

static void parse(const char *text, struct sim_query *query)
{
    struct error err = {0};
    cr_assert_eq(sim_query_parse(text, strlen(text), query, &err), ERR_NONE, "%s", err.message);
}

Test(query, decodes_names_and_values)
{
    CLEANUP_SIM_QUERY struct sim_query query = {0};
    parse("Action=X&Filter.1.Name=tag%3Aop-id&Filter.1.Value.1=run+42&Description=a%2Bb%20c&Empty=",
          &query);
    cr_expect_str_eq(sim_query_get(&query, "Filter.%d.Name", 1), "tag:op-id");
    cr_expect_str_eq(sim_query_get(&query, "Filter.1.Value.1"), "run 42");
    cr_expect_str_eq(sim_query_get(&query, "Description"), "a+b c");
    cr_expect_str_eq(sim_query_get(&query, "Empty"), "");
    cr_expect_null(sim_query_get(&query, "Absent"));
}

Test(query, names_what_nobody_asked_for)
{
    CLEANUP_SIM_QUERY struct sim_query query = {0};
    parse("Action=X&VolumeID=vol-1&DryRun=true", &query);
    sim_query_get(&query, "Action");
    sim_query_get(&query, "DryRun");
    sim_query_get(&query, "VolumeId");
    cr_assert_not_null(sim_query_unknown(&query));
    cr_expect_str_eq(sim_query_unknown(&query), "VolumeID");
    sim_query_get(&query, "VolumeID");
    cr_expect_null(sim_query_unknown(&query));
}

Test(query, accepts_a_family_of_names)
{
    CLEANUP_SIM_QUERY struct sim_query query = {0};
    parse("X-Amz-Date=1&X-Amz-Signature=2&Amz=3", &query);
    sim_query_accept(&query, "X-Amz-");
    cr_assert_not_null(sim_query_unknown(&query));
    cr_expect_str_eq(sim_query_unknown(&query), "Amz");
}

Test(query, has_sees_whole_names_only)
{
    CLEANUP_SIM_QUERY struct sim_query query = {0};
    parse("Tag.10.Key=a&TagSpecification.1.ResourceType=volume", &query);
    cr_expect(sim_query_has(&query, "Tag.%d", 10));
    cr_expect_not(sim_query_has(&query, "Tag.%d", 1));
    cr_expect(sim_query_has(&query, "TagSpecification.1"));
}

struct bad_case {
    char why[32];
    char text[32];
};

ParameterizedTestParameters(query, refuses)
{
    static struct bad_case cases[] = {
        {"a name twice", "A=1&A=2"}, {"cut escape", "A=%4"},          {"no hex", "A=%zz"},
        {"a NUL byte", "A=x%00y"},   {"cut escape in a name", "%=1"},
    };
    return cr_make_param_array(struct bad_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct bad_case *c, query, refuses)
{
    struct sim_query query = {0};
    struct error err;
    cr_expect_eq(sim_query_parse(c->text, strlen(c->text), &query, &err), ERR_INVALID, "%s",
                 c->why);
    cr_expect_eq(query.count, 0, "%s: the output must stay untouched", c->why);
}

struct match_case {
    char pattern[24];
    char text[24];
    bool want;
};

ParameterizedTestParameters(query, match)
{
    static struct match_case cases[] = {
        {"run-42", "run-42", true},
        {"run-42", "run-421", false},
        {"RUN-42", "run-42", false},
        {"run-*", "run-", true},
        {"run-*", "run-42-3", true},
        {"*-3", "run-42-3", true},
        {"*", "", true},
        {"", "", true},
        {"", "x", false},
        {"r?n-42", "run-42", true},
        {"r?n-42", "rn-42", false},
        {"a*b*c", "axxbxbxc", true},
        {"a*b*c", "axxbxbx", false},
        {"100\\*", "100*", true},
        {"100\\*", "1000", false},
        {"what\\?", "what?", true},
        {"what\\?", "whatx", false},
        {"a\\\\b", "a\\b", true},
        {"*a\\*", "bba*", true},
        {"ab\\", "ab\\", true},
    };
    return cr_make_param_array(struct match_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct match_case *c, query, match)
{
    cr_expect_eq(sim_query_match(c->pattern, c->text), c->want, "'%s' on '%s'", c->pattern,
                 c->text);
}
