#include "model/sample.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#define NOW_MS INT64_C(1772409600000)

struct duration_case {
    char why[40];
    int64_t started_ms;
    int64_t duration_ms;
    int64_t delta_bytes;
    enum set_aside_reason want;
};

ParameterizedTestParameters(sample, check_duration)
{
    static struct duration_case cases[] = {
        {"an honest one", NOW_MS - 7200000, 193000, 7340032, SET_ASIDE_NONE},
        {"no change at all", NOW_MS - 7200000, 193000, 0, SET_ASIDE_NONE},
        {"started at zero", 0, 193000, 7340032, SET_ASIDE_TIME},
        {"started tomorrow", NOW_MS + 86400000, 193000, 7340032, SET_ASIDE_TIME},
        {"ends after now", NOW_MS - 1000, 193000, 7340032, SET_ASIDE_TIME},
        {"took no time", NOW_MS - 7200000, 0, 7340032, SET_ASIDE_LENGTH},
        {"took negative time", NOW_MS - 7200000, -5, 7340032, SET_ASIDE_LENGTH},
        {"took forever", NOW_MS - 7200000, INT64_MAX, 7340032, SET_ASIDE_LENGTH},
        {"size unknown", NOW_MS - 7200000, 193000, -1, SET_ASIDE_SIZE},
        {"larger than the volume", NOW_MS - 7200000, 193000, INT64_MAX, SET_ASIDE_SIZE},
    };
    return cr_make_param_array(struct duration_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct duration_case *c, sample, check_duration)
{
    struct duration_sample row = {.id = "snap-0a1b2c3d4e5f60718",
                                  .started_ms = c->started_ms,
                                  .duration_ms = c->duration_ms,
                                  .delta_bytes = c->delta_bytes};
    struct volume_history history = {
        .volume_bytes = 107374182400, .durations = &row, .duration_count = 1};
    cr_expect_eq(sample_check_duration(&history, 0, NOW_MS), c->want, "%s", c->why);
}

Test(sample, second_row_of_an_id_is_a_duplicate_unless_of_another_kind)
{
    struct duration_sample row = {.id = "snap-0a1b2c3d4e5f60718",
                                  .started_ms = NOW_MS - 7200000,
                                  .duration_ms = 193000,
                                  .delta_bytes = 7340032};
    struct duration_sample rows[] = {row, row, row};
    rows[2].kind = TRANSFER_COPY;
    struct volume_history history = {.durations = rows, .duration_count = 3};
    cr_expect_eq(sample_check_duration(&history, 0, NOW_MS), SET_ASIDE_NONE);
    cr_expect_eq(sample_check_duration(&history, 1, NOW_MS), SET_ASIDE_DUPLICATE);
    cr_expect_eq(sample_check_duration(&history, 2, NOW_MS), SET_ASIDE_NONE);
}

struct write_case {
    char why[40];
    struct write_sample row;
    enum set_aside_reason want;
};

ParameterizedTestParameters(sample, check_write)
{
    static struct write_case cases[] = {
        {"an honest one", {NOW_MS - 600000, 60000, 734003200, 51200}, SET_ASIDE_NONE},
        {"operations unknown", {NOW_MS - 600000, 60000, 734003200, -1}, SET_ASIDE_NONE},
        {"negative bytes", {NOW_MS - 600000, 60000, -1, 51200}, SET_ASIDE_SIZE},
        {"faster than any volume", {NOW_MS - 600000, 60000, INT64_MAX, 51200}, SET_ASIDE_SIZE},
        {"no period", {NOW_MS - 600000, 0, 734003200, 51200}, SET_ASIDE_LENGTH},
        {"from the future", {NOW_MS + 1, 60000, 734003200, 51200}, SET_ASIDE_TIME},
    };
    return cr_make_param_array(struct write_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct write_case *c, sample, check_write)
{
    cr_expect_eq(sample_check_write(&c->row, NOW_MS), c->want, "%s", c->why);
}

Test(sample, report_keeps_the_first_rows_and_counts_all)
{
    struct set_aside aside = {0};
    for (int i = 0; i < SET_ASIDE_MAX + 5; i++)
        set_aside_add(&aside, "snap-0a1b2c3d4e5f60718", i, SET_ASIDE_TIME);
    cr_expect_eq(aside.row_count, SET_ASIDE_MAX);
    cr_expect_eq(aside.total_count, SET_ASIDE_MAX + 5);
    cr_expect_str_eq(aside.rows[0].id, "snap-0a1b2c3d4e5f60718");
}

Test(sample, a_report_full_of_unknown_sizes_still_names_an_outlier)
{
    struct set_aside aside = {0};
    for (size_t i = 0; i < SET_ASIDE_MAX + 5; i++)
        set_aside_add(&aside, "snap-old", 1, SET_ASIDE_SIZE);
    set_aside_add(&aside, "snap-odd", 2, SET_ASIDE_OUTLIER);
    cr_expect_eq(aside.total_count, SET_ASIDE_MAX + 6);
    cr_expect_eq(aside.row_count, SET_ASIDE_MAX);
    cr_expect_str_eq(aside.rows[SET_ASIDE_MAX - 1].id, "snap-odd");
}
