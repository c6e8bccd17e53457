#include "model/places.h"

#include <criterion/criterion.h>

#define T0 INT64_C(1767225600000)
#define S  INT64_C(1000)

static void book(struct places *places, int64_t start_s, int64_t end_s)
{
    struct error err = {0};
    cr_assert_eq(places_book(places, T0 + start_s * S, T0 + end_s * S, &err), ERR_NONE, "%s",
                 err.message);
}

Test(places, counts_what_is_booked)
{
    CLEANUP_PLACES struct places places = {.count = 3};
    book(&places, 10, 20);
    book(&places, 0, 15);
    book(&places, 12, 30);
    book(&places, 12, 12);
    static const struct {
        int64_t at_s;
        size_t booked;
    } rows[] = {{-1, 0}, {0, 1}, {9, 1}, {10, 2}, {12, 3}, {14, 3}, {15, 2}, {20, 1}, {30, 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq(places_booked(&places, T0 + rows[i].at_s * S), rows[i].booked, "at %d",
                     (int)rows[i].at_s);
    places_done(&places);
    cr_expect_eq(places_booked(&places, T0 + 14 * S), 0);
    cr_expect_eq(places.count, 3);
}

Test(places, what_runs_goes_on_as_it_did)
{
    static const struct {
        int percent;
        int64_t left_s;
    } rows[] = {{-1, 3600}, {0, 3600}, {9, 3600}, {25, 3 * 3600}, {90, 400}, {99, 60}, {100, 60}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CLEANUP_PLACES struct places places = {.count = 20};
        struct error err = {0};
        cr_assert_eq(places_book_running(&places, T0 - 3600 * S, rows[i].percent, T0, &err),
                     ERR_NONE);
        cr_expect_eq(places_booked(&places, T0 + rows[i].left_s * S - 1), 1, "row %zu", i);
        cr_expect_eq(places_booked(&places, T0 + rows[i].left_s * S), 0, "row %zu", i);
    }
}

Test(places, copies_with_places_enough_run_side_by_side)
{
    struct places places = {.count = 3};
    double seconds[] = {5, 9, 7};
    cr_expect_eq(places_last_over(&places, T0, seconds, 3), 9);
    struct places endless = {0};
    double many[50];
    for (size_t i = 0; i < 50; i++)
        many[i] = (double)i;
    cr_expect_eq(places_last_over(&endless, T0, many, 50), 49);
    cr_expect_eq(places_last_over(&places, T0, seconds, 0), 0);
}

/* 5 and 4 begin; 3 follows 4 (until 7), 2 follows 5 (until 7), 1 follows either (until 8). */
Test(places, a_set_larger_than_the_quota_waits_for_itself)
{
    struct places places = {.count = 2};
    double seconds[] = {5, 4, 3, 2, 1};
    cr_expect_eq(places_last_over(&places, T0, seconds, 5), 8);
}

Test(places, copies_wait_for_others_and_keep_their_place)
{
    CLEANUP_PLACES struct places places = {.count = 2};
    book(&places, 0, 10);
    book(&places, 0, 20);
    book(&places, 15, 40);
    double one[] = {100};
    cr_expect_eq(places_last_over(&places, T0, one, 1), 110, "it begins at 10 and stays");
    double late[] = {100};
    cr_expect_eq(places_last_over(&places, T0 + 16 * S, late, 1), 104,
                 "one place falls free at 20");
    double two[] = {3, 3};
    cr_expect_eq(places_last_over(&places, T0, two, 2), 16, "10 to 13, then 13 to 16");
}

Test(places, one_place_is_waited_for_and_then_taken_in_turn)
{
    CLEANUP_PLACES struct places places = {.count = 1};
    book(&places, 0, 1000000);
    double seconds[] = {5, 5};
    cr_expect_eq(places_last_over(&places, T0, seconds, 2), 1000010);
}
