#include "model/blackout.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "model/instant.h"

struct end_case {
    char text[96];
    char at[32];
    char want[32];
};

ParameterizedTestParameters(blackout, end)
{
    static struct end_case cases[] = {
        {"", "2026-11-28T03:00:00Z", "2026-11-28T03:00:00Z"},
        {"22:00Z/90m", "2026-11-28T21:59:59Z", "2026-11-28T21:59:59Z"},
        {"22:00Z/90m", "2026-11-28T22:00:00Z", "2026-11-28T23:30:00Z"},
        {"22:00Z/90m", "2026-11-28T23:29:59Z", "2026-11-28T23:30:00Z"},
        {"22:00Z/90m", "2026-11-28T23:30:00Z", "2026-11-28T23:30:00Z"},
        {"23:00Z/3h", "2026-11-28T01:00:00Z", "2026-11-28T02:00:00Z"},
        {"2026-11-28T02:00Z/4h", "2026-11-28T03:00:00Z", "2026-11-28T06:00:00Z"},
        {"2026-11-28T02:00Z/4h", "2026-11-29T03:00:00Z", "2026-11-29T03:00:00Z"},
        {"2026-11-28T02:00Z/2026-11-30T02:00Z", "2026-11-29T03:00:00Z", "2026-11-30T02:00:00Z"},
        {"05:30Z/1h  2026-11-28T02:00Z/4h 06:30Z/30m", "2026-11-28T03:00:00Z",
         "2026-11-28T07:00:00Z"},
    };
    return cr_make_param_array(struct end_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct end_case *row, blackout, end)
{
    struct error err = {0};
    struct blackouts blackouts = {0};
    int64_t at_ms = 0;
    char text[INSTANT_TEXT_SIZE];
    cr_assert_eq(blackouts_parse(row->text, &blackouts, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(instant_parse(row->at, &at_ms, &err), ERR_NONE);
    cr_expect_str_eq(instant_text(blackouts_end(&blackouts, at_ms), text), row->want, "'%s' at %s",
                     row->text, row->at);
}

struct wrong_case {
    char text[96];
};

ParameterizedTestParameters(blackout, wrong)
{
    static struct wrong_case cases[] = {
        {"22:00/90m"},
        {"24:00Z/1h"},
        {"22:60Z/1h"},
        {"22:00Z/24h"},
        {"22:00Z/0s"},
        {"22:00Z"},
        {"2026-11-28T02:00Z"},
        {"2026-11-28T02:00Z/2026-11-28T01:00Z"},
        {"22:00Z/90m,23:00Z/1h"},
        {"00:00Z/12h 12:00Z/12h"},
        {"tonight"},
    };
    return cr_make_param_array(struct wrong_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct wrong_case *row, blackout, wrong)
{
    struct error err = {0};
    struct blackouts blackouts = {.count = 0};
    cr_expect_eq(blackouts_parse(row->text, &blackouts, &err), ERR_INVALID, "'%s'", row->text);
    cr_expect_str_not_empty(err.message);
    cr_expect_eq(blackouts.count, 0);
}
