#include "model/lineage.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

/* 12:00:00.123, 13:00 and 13:30 UTC on a leap day: uneven gaps, nothing that cancels out. */
static const struct lineage_snapshot taken[] = {
    {"snap-0a1b2c3d4e5f60718", 1709208000123, LINEAGE_COPIED, "key-a"},
    {"snap-1a1b2c3d4e5f60718", 1709211600123, LINEAGE_COPIED, "key-a"},
    {"snap-2a1b2c3d4e5f60718", 1709213400123, LINEAGE_NOT_COPIED, ""},
};

static void fill(struct lineage *lineage)
{
    struct error err = {0};
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
        cr_assert_eq(lineage_append(lineage, &taken[i], &err), ERR_NONE);
}

Test(lineage, refuses_a_tie)
{
    CLEANUP_LINEAGE struct lineage lineage = {0};
    struct error err = {0};
    fill(&lineage);
    cr_expect_eq(lineage_append(&lineage, &taken[2], &err), ERR_INVALID);
    cr_expect_eq(lineage.count, 3);
}

struct copy_case {
    char why[40];
    enum lineage_copy newest; /* of the second snapshot; the third is never copied */
    char key[16];
    enum lineage_full want;
};

ParameterizedTestParameters(lineage, next_copy)
{
    static struct copy_case cases[] = {
        {"same key", LINEAGE_COPIED, "key-a", LINEAGE_INCREMENTAL},
        {"another key", LINEAGE_COPIED, "key-b", LINEAGE_FULL_KEY},
        {"newest archived, older one kept", LINEAGE_COPY_ARCHIVED, "key-a", LINEAGE_FULL_ARCHIVED},
        {"newest deleted, older one kept", LINEAGE_COPY_DELETED, "key-a", LINEAGE_FULL_DELETED},
    };
    return cr_make_param_array(struct copy_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct copy_case *c, lineage, next_copy)
{
    CLEANUP_LINEAGE struct lineage lineage = {0};
    int64_t copied_ms = -1;
    fill(&lineage);
    lineage.items[1].copy = c->newest;
    cr_expect_eq(lineage_next_copy(&lineage, c->key, &copied_ms), c->want, "%s", c->why);
    cr_expect_eq(copied_ms, c->want == LINEAGE_INCREMENTAL ? taken[1].started_ms : 0, "%s", c->why);
}

Test(lineage, an_older_copy_with_another_key_makes_the_next_full)
{
    CLEANUP_LINEAGE struct lineage lineage = {0};
    int64_t copied_ms = -1;
    fill(&lineage);
    lineage.items[0].copy_key[4] = 'z';
    cr_expect_eq(lineage_next_copy(&lineage, "key-a", &copied_ms), LINEAGE_FULL_KEY);
}

Test(lineage, first_copy_is_full)
{
    struct lineage lineage = {0};
    int64_t copied_ms = -1;
    cr_expect_eq(lineage_next_copy(&lineage, "", &copied_ms), LINEAGE_FULL_FIRST);
    cr_expect_eq(copied_ms, 0);
}
