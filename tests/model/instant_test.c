#include "model/instant.h"

#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

struct parse_case {
    char text[48];
    int64_t want_ms; /* -1: ERR_INVALID */
    char why[32];
};

ParameterizedTestParameters(instant, parse)
{
    static struct parse_case cases[] = {
        {"2024-02-29T12:34:56.789Z", 1709210096789, "leap day"},
        {"2000-02-29T00:00:00Z", 951782400000, "leap century"},
        {"2026-11-28T02:00Z", 1795831200000, "no seconds"},
        {"2026-11-28t02:00:00z", 1795831200000, "lower case"},
        {"2026-11-28 02:00:00Z", 1795831200000, "a space for the T"},
        {"2026-11-28T03:30:00+01:30", 1795831200000, "east"},
        {"2026-11-27T18:00:00-08:00", 1795831200000, "west, the day before"},
        {"2026-11-28T02:00:00.1234567Z", 1795831200123, "beyond milliseconds"},
        {"2026-11-28T02:00:00.5Z", 1795831200500, "one digit"},
        {"1970-01-01T00:00:00Z", 0, "the first"},
        {"9999-12-31T23:59:59.999Z", 253402300799999, "the last"},
        {"1970-01-01T00:00:00+00:01", -1, "before the first by its zone"},
        {"9999-12-31T23:59:59-00:01", -1, "after the last by its zone"},
        {"2023-02-29T00:00:00Z", -1, "no leap year"},
        {"2100-02-29T00:00:00Z", -1, "no leap century"},
        {"2026-04-31T00:00:00Z", -1, "a short month"},
        {"2026-13-01T00:00:00Z", -1, "month 13"},
        {"2026-00-01T00:00:00Z", -1, "month 0"},
        {"2026-11-28T24:00:00Z", -1, "hour 24"},
        {"2026-11-28T02:60:00Z", -1, "minute 60"},
        {"2026-11-28T02:00:60Z", -1, "second 60"},
        {"2026-11-28T02:00:00.Z", -1, "an empty fraction"},
        {"2026-11-28T02:00:00", -1, "no zone"},
        {"2026-11-28T02:00:00Z ", -1, "something behind"},
        {"2026-11-28T02:00:00+0100", -1, "an offset without colon"},
        {"2026-11-28T02:00:00+24:00", -1, "an offset of a day"},
        {"2026-11-28", -1, "a date only"},
        {"+026-11-28T02:00:00Z", -1, "a sign"},
        {"1969-12-31T23:59:59Z", -1, "before the epoch"},
        {"", -1, "nothing"},
    };
    return cr_make_param_array(struct parse_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct parse_case *c, instant, parse)
{
    struct error err = {0};
    int64_t instant_ms = 4711;
    enum error_code want = c->want_ms < 0 ? ERR_INVALID : ERR_NONE;
    cr_assert_eq(instant_parse(c->text, &instant_ms, &err), want, "%s: '%s'", c->why, c->text);
    cr_expect_eq(instant_ms, c->want_ms < 0 ? 4711 : c->want_ms, "%s: %lld", c->why,
                 (long long)instant_ms);
}

Test(instant, what_is_printed_is_parsed_again)
{
    /* Steps of a prime number of milliseconds visit every month, leap days and odd fractions. */
    for (int64_t at_ms = 0; at_ms < INT64_C(253402300800000); at_ms += INT64_C(9876543211)) {
        char text[INSTANT_TEXT_SIZE];
        struct error err = {0};
        int64_t again_ms = -1;
        cr_assert_eq(instant_parse(instant_text(at_ms, text), &again_ms, &err), ERR_NONE, "%s",
                     err.message);
        cr_assert_eq(again_ms, at_ms, "%s", text);
        struct civil civil = instant_to_civil(at_ms);
        cr_assert_eq(instant_from_civil(&civil), at_ms - at_ms % 1000, "%s", text);
    }
}

Test(instant, milliseconds_are_printed_when_there_are_any)
{
    char text[INSTANT_TEXT_SIZE];
    cr_expect_str_eq(instant_text(1709210096789, text), "2024-02-29T12:34:56.789Z");
    cr_expect_str_eq(instant_text(1709210096007, text), "2024-02-29T12:34:56.007Z");
    cr_expect_str_eq(instant_text(1709210096000, text), "2024-02-29T12:34:56Z");
}

Test(instant, weekdays)
{
    cr_expect_eq(instant_to_civil(0).weekday, 3, "1970-01-01 was a Thursday");
    cr_expect_eq(instant_to_civil(1709210096789).weekday, 3, "so was 2024-02-29");
    cr_expect_eq(instant_to_civil(1772409600000).weekday, 0, "2026-03-02 was a Monday");
}

struct duration_case {
    char text[40];
    int64_t want_ms; /* -1: ERR_INVALID */
};

ParameterizedTestParameters(instant, duration)
{
    static struct duration_case cases[] = {
        {"250ms", 250},
        {"90s", 90000},
        {"15m", 900000},
        {"1h30m", 5400000},
        {"3d", 259200000},
        {"0s", 0},
        {"2147483647s", INT64_C(2147483647000)},
        {"2147483648s", -1},
        {"2147483647000ms", INT64_C(2147483647000)},
        {"2147483647s1ms", -1},
        {"30d1ms", 30 * INT64_C(86400000) + 1},
        {"914093017d", -1},
        {"99999999999999999999s", -1},
        {"", -1},
        {"90", -1},
        {"s", -1},
        {"-5s", -1},
        {"1.5h", -1},
        {"1h 30m", -1},
        {"5sec", -1},
        {"5M", -1},
        {"5s ", -1},
    };
    return cr_make_param_array(struct duration_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct duration_case *c, instant, duration)
{
    struct error err = {0};
    int64_t duration_ms = 4711;
    enum error_code want = c->want_ms < 0 ? ERR_INVALID : ERR_NONE;
    cr_assert_eq(duration_parse(c->text, &duration_ms, &err), want, "'%s'", c->text);
    cr_expect_eq(duration_ms, c->want_ms < 0 ? 4711 : c->want_ms, "'%s'", c->text);
}

Test(instant, a_long_row_of_long_durations_does_not_overflow)
{
    char text[12 * 200 + 1] = "";
    struct error err = {0};
    int64_t duration_ms = 0;
    for (int i = 0; i < 200; i++)
        memcpy(text + 11 * i, "2147483647d", 12);
    cr_expect_eq(duration_parse(text, &duration_ms, &err), ERR_INVALID);
}

struct duration_text_case {
    int64_t duration_ms;
    char want[16];
    char why[32];
};

ParameterizedTestParameters(instant, duration_text)
{
    static struct duration_text_case cases[] = {
        {0, "0.000s", "nothing"},
        {1250, "1.250s", "short"},
        {9999, "9.999s", "the last with a fraction"},
        {10000, "10s", "under a minute"},
        {45499, "45s", "rounded down"},
        {59500, "1m", "rounded up to a minute"},
        {250000, "4m10s", "minutes"},
        {3599499, "59m59s", "the last under an hour"},
        {3599500, "1h", "rounded up to an hour"},
        {49920000, "13h52m", "hours"},
        {86399000, "1d", "rounded up to a day"},
        {273600000, "3d4h", "days"},
        {-250000, "-4m10s", "negative"},
    };
    return cr_make_param_array(struct duration_text_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct duration_text_case *c, instant, duration_text)
{
    char text[DURATION_TEXT_SIZE];
    cr_expect_str_eq(duration_text(c->duration_ms, text), c->want, "%s: '%s'", c->why, text);
}
