#include "tests/sim/block_set.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

struct range_case {
    int64_t first;
    int64_t last;
};

ParameterizedTestParameters(block_set, range)
{
    static struct range_case cases[] = {{0, 0},   {63, 63},  {64, 64},   {0, 63},
                                        {63, 64}, {5, 1000}, {128, 191}, {1, 33554431}};
    return cr_make_param_array(struct range_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct range_case *c, block_set, range)
{
    CLEANUP_BLOCK_SET struct block_set set = {0};
    block_set_add_range(&set, c->first, c->last);
    cr_expect_eq(block_set_count(&set), c->last - c->first + 1);
    cr_expect_eq(block_set_next(&set, 0), c->first);
    cr_expect(block_set_has(&set, c->last));
    cr_expect_eq(block_set_next(&set, c->last + 1), BLOCK_NONE);
    cr_expect(c->first == 0 || !block_set_has(&set, c->first - 1));
}

Test(block_set, unite_and_cut)
{
    CLEANUP_BLOCK_SET struct block_set small = {0};
    CLEANUP_BLOCK_SET struct block_set large = {0};
    block_set_add(&small, 3);
    block_set_add(&large, 3);
    block_set_add(&large, 5000);
    block_set_unite(&small, &large);
    cr_expect_eq(block_set_count(&small), 2);
    block_set_cut(&small, 5000);
    cr_expect_eq(block_set_count(&small), 1);
    cr_expect_eq(block_set_count(&large), 2);
}
