#include "tests/sim/sim_token.h"

#include <string.h>

#include <criterion/criterion.h>

#define MADE_MS INT64_C(1767225600123)

Test(token, comes_back)
{
    char token[SIM_TOKEN_SIZE];
    char text[SIM_TOKEN_TEXT_SIZE] = "";
    sim_token_make("page/1", "1767225600123/snap-0a1b2c3d4e5f60718", MADE_MS, 7, token);
    cr_assert(sim_token_read("page/1", token, MADE_MS, text));
    cr_expect_str_eq(text, "1767225600123/snap-0a1b2c3d4e5f60718");
}

Test(token, holds_for_its_subject_and_time_only)
{
    char token[SIM_TOKEN_SIZE];
    char text[SIM_TOKEN_TEXT_SIZE] = "untouched";
    sim_token_make("page/1", "5", MADE_MS, 7, token);
    cr_expect_not(sim_token_read("page/2", token, MADE_MS, text));
    cr_expect_not(sim_token_read("page/1", token, MADE_MS + 1, text));
    cr_expect_str_eq(text, "untouched");
}

Test(token, differs_each_time)
{
    char first[SIM_TOKEN_SIZE];
    char second[SIM_TOKEN_SIZE];
    sim_token_make("block/snap-1/7", "b", MADE_MS, 1, first);
    sim_token_make("block/snap-1/7", "b", MADE_MS, 2, second);
    cr_expect_str_neq(first, second);
}

Test(token, damage_is_found)
{
    char token[SIM_TOKEN_SIZE];
    char text[SIM_TOKEN_TEXT_SIZE];
    sim_token_make("page/1", "5", MADE_MS, 7, token);
    for (size_t i = 0; i + 2 < strlen(token); i++) {
        char kept = token[i];
        token[i] = kept == 'A' ? 'B' : 'A';
        cr_expect_not(sim_token_read("page/1", token, MADE_MS, text), "character %zu", i);
        token[i] = kept;
    }
    cr_expect_not(sim_token_read("page/1", "", MADE_MS, text));
    cr_expect_not(sim_token_read("page/1", "no token", MADE_MS, text));
}
