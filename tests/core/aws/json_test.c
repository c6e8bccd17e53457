#include "core/aws/json.h"

#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

/* A page of ListChangedBlocks as the EBS direct reference shows it. */
static const char page[] =
    "{\"ChangedBlocks\":[{\"BlockIndex\":0,\"FirstBlockToken\":\"AAB\",\"SecondBlockToken\":\"AAU\"},"
    "{\"BlockIndex\":6001,\"SecondBlockToken\":\"ABB\"}],\"ExpiryTime\":1.592976647009E9,"
    "\"VolumeSize\":500,\"BlockSize\":524288,\"NextToken\":null,\"New\":{\"x\":[1]}}\n";

Test(json, reads_a_page)
{
    CLEANUP_JVAL struct jval *root = NULL;
    struct error err = {0};
    int64_t index = 0;
    cr_assert_eq(jval_parse(page, strlen(page), &root, &err), ERR_NONE, "%s", err.message);
    const struct jval *blocks = jval_get(root, "ChangedBlocks");
    cr_assert_eq(jval_count(blocks), 2);
    cr_expect_eq(jval_int64(jval_at(blocks, 1), "BlockIndex", &index, &err), ERR_NONE);
    cr_expect_eq(index, 6001);
    cr_expect_str_eq(jval_text(jval_at(blocks, 1), "SecondBlockToken"), "ABB");
    cr_expect_str_eq(jval_text(jval_at(blocks, 1), "FirstBlockToken"), "");
    cr_expect_str_eq(jval_text(root, "NextToken"), "", "null reads as absent");
}

Test(json, absent_and_wrong_kinds)
{
    CLEANUP_JVAL struct jval *root = NULL;
    struct error err = {0};
    int64_t value = 7;
    cr_assert_eq(jval_parse("{\"s\":\"1\",\"f\":1.5}", 17, &root, &err), ERR_NONE);
    cr_expect_eq(jval_int64(root, "s", &value, &err), ERR_PROTOCOL);
    cr_expect_eq(jval_int64(root, "f", &value, &err), ERR_PROTOCOL);
    cr_expect_eq(jval_int64(root, "absent", &value, &err), ERR_PROTOCOL);
    cr_expect_eq(value, 7, "outputs stay untouched");
    cr_expect_null(jval_get(NULL, "x"));
    cr_expect_eq(jval_count(root), 0);
    cr_expect_str_eq(jval_text(NULL, "x"), "");
}

struct bad_case {
    char why[24];
    char text[64];
};

ParameterizedTestParameters(json, refuses)
{
    static struct bad_case cases[] = {
        {"nothing", ""},
        {"cut", "{\"a\":"},
        {"trailing", "{} x"},
        {"two documents", "{}{}"},
        {"HTML", "<html></html>"},
        {"not UTF-8", "{\"a\":\"\xff\"}"},
        {"deep", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]"},
    };
    return cr_make_param_array(struct bad_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct bad_case *c, json, refuses)
{
    CLEANUP_JVAL struct jval *root = NULL;
    struct error err = {0};
    cr_assert_eq(jval_parse(c->text, strlen(c->text), &root, &err), ERR_PROTOCOL, "%s", c->why);
}
