/* strbuf, amount and error: what becomes text. */
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "model/amount.h"
#include "model/error.h"
#include "model/strbuf.h"

Test(strbuf, the_maximum_is_reached_and_not_passed)
{
    CLEANUP_STRBUF struct strbuf buf = {.max_bytes = 9};
    struct error err = {0};
    strbuf_puts(&buf, "abcd");
    strbuf_printf(&buf, "%05d", 1777);
    cr_expect_eq(strbuf_check(&buf, &err), ERR_NONE);
    cr_expect_str_eq(strbuf_text(&buf), "abcd01777");
    strbuf_puts(&buf, "x");
    cr_expect_eq(strbuf_check(&buf, &err), ERR_INVALID);
    cr_expect_str_eq(strbuf_text(&buf), "abcd01777", "what was there stays");
}

Test(strbuf, a_failure_is_remembered_until_cleared)
{
    CLEANUP_STRBUF struct strbuf buf = {.max_bytes = 4};
    strbuf_printf(&buf, "%s", "12345");
    strbuf_puts(&buf, "ab");
    cr_expect_eq(strbuf_check(&buf, NULL), ERR_INVALID, "a hole in the text must not go unseen");
    cr_expect_str_eq(strbuf_text(&buf), "");
    strbuf_clear(&buf);
    strbuf_puts(&buf, "ab");
    cr_expect_eq(strbuf_check(&buf, NULL), ERR_NONE);
    cr_expect_str_eq(strbuf_text(&buf), "ab");
}

Test(strbuf, bytes_may_be_zero)
{
    CLEANUP_STRBUF struct strbuf buf = {.max_bytes = 100};
    strbuf_add(&buf, "a\0b", 3);
    strbuf_add(&buf, NULL, 0);
    cr_expect_eq(buf.length, 3);
    cr_expect_arr_eq(buf.text, "a\0b", 4);
}

Test(strbuf, a_reserve_keeps_the_text_where_it_is)
{
    CLEANUP_STRBUF struct strbuf buf = {.max_bytes = 5000};
    strbuf_reserve(&buf, 4000);
    const char *text = strbuf_text(&buf);
    cr_expect_str_eq(text, "");
    for (int i = 0; i < 400; i++)
        strbuf_puts(&buf, "0123456789");
    cr_expect_eq(strbuf_text(&buf), text, "no append up to there may allocate");
    cr_expect_eq(strlen(text), 4000);
}

Test(strbuf, done_leaves_an_empty_one_with_its_maximum)
{
    struct strbuf buf = {.max_bytes = 3};
    strbuf_puts(&buf, "abc");
    strbuf_done(&buf);
    strbuf_done(&buf);
    cr_expect_str_eq(strbuf_text(&buf), "");
    cr_expect_eq(buf.max_bytes, 3);
}

struct amount_case {
    double bytes;
    char want[16];
};

ParameterizedTestParameters(amount, text)
{
    static struct amount_case cases[] = {
        {0, "0 B"},
        {999, "999 B"},
        {999.6, "1.0 KiB"},
        {524288, "512 KiB"},
        {1023.7 * 1024, "1.0 MiB"},
        {99.94 * 1048576, "99.9 MiB"},
        {99.96 * 1048576, "100 MiB"},
        {999.7 * 1048576, "1.0 GiB"},
        {25125558681.6, "23.4 GiB"},
        {2418925581107.2, "2.2 TiB"},
        {-1, "?"},
    };
    return cr_make_param_array(struct amount_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct amount_case *c, amount, text)
{
    char text[AMOUNT_TEXT_SIZE];
    cr_expect_str_eq(amount_text(c->bytes, text), c->want, "%f is '%s'", c->bytes, text);
}

Test(error, a_long_message_is_cut_and_a_prefix_comes_first)
{
    struct error err = {0};
    char long_text[600];
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    cr_expect_eq(error_set(&err, ERR_LIMIT, "%s", long_text), ERR_LIMIT);
    cr_expect_eq(strlen(err.message), sizeof(err.message) - 1);
    cr_expect_eq(error_prefix(&err, "round %d", 1777), ERR_LIMIT, "the code stays");
    cr_expect_eq(strncmp(err.message, "round 1777: xxx", 15), 0, "%s", err.message);
    cr_expect_eq(strlen(err.message), sizeof(err.message) - 1);
    cr_expect_eq(error_set(NULL, ERR_CLOUD, "nobody asks"), ERR_CLOUD);
}

Test(error, every_code_has_a_name_of_its_own)
{
    for (int a = ERR_NONE; a <= (int)ERR_DEADLINE; a++) {
        cr_assert_not_null(error_name((enum error_code)a));
        for (int b = ERR_NONE; b < a; b++)
            cr_assert_str_neq(error_name((enum error_code)a), error_name((enum error_code)b));
    }
}
