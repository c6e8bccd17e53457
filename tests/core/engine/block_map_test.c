#include "core/engine/block_map.h"

#include <criterion/criterion.h>

Test(block_map, the_same_block_counts_once)
{
    struct block_map map = {0};
    struct error err = {0};
    cr_assert_eq(block_map_bytes(&map), 0, "an empty map holds nothing");
    static const uint64_t indexes[] = {0, 63, 64, 63, 4001, 0};
    struct cloud_block_sink sink = block_map_sink(&map);
    cr_assert_eq(sink.take(sink.self, indexes, 6, &err), ERR_NONE, "%s", err.message);
    cr_expect_eq(block_map_bytes(&map), 4 * 524288);
    block_map_done(&map);
}

Test(block_map, a_union_is_no_sum)
{
    struct block_map small = {0};
    struct block_map large = {0};
    struct error err = {0};
    cr_assert_eq(block_map_set(&small, 5, &err), ERR_NONE);
    cr_assert_eq(block_map_set(&large, 5, &err), ERR_NONE);
    cr_assert_eq(block_map_set(&large, 70007, &err), ERR_NONE);
    cr_assert_eq(block_map_add(&small, &large, &err), ERR_NONE);
    cr_expect_eq(block_map_bytes(&small), 2 * 524288, "grown to the larger one");
    cr_expect_eq(block_map_bytes(&large), 2 * 524288, "the other one is as it was");
    block_map_done(&small);
    block_map_done(&large);
    cr_expect_eq(block_map_bytes(&small), 0, "done means empty");
}

Test(block_map, the_last_block_of_64_TiB_is_the_limit)
{
    struct block_map map = {0};
    struct error err = {0};
    cr_expect_eq(block_map_set(&map, (UINT64_C(1) << 27), &err), ERR_PROTOCOL);
    cr_expect_eq(map.word_count, 0, "a refused index must not grow the map");
    cr_expect_eq(block_map_set(&map, (UINT64_C(1) << 27) - 1, &err), ERR_NONE);
    cr_expect_eq(block_map_bytes(&map), 524288);
    block_map_done(&map);
}
