#include "model/machine.h"

#include <string.h>

#include <criterion/criterion.h>

#include "model/retry.h"

enum { STATES = STATE_ABORTED + 1, EVENTS = EVENT_ABORT + 1 };

static bool leads(int from, int event, enum machine_state *next)
{
    return machine_next((enum machine_state)from, (enum machine_event)event, next, NULL) ==
           ERR_NONE;
}

/* Marks what can be reached from a state; events from `events` on do not count. */
static void reach(int from, int events, bool seen[STATES])
{
    if (seen[from])
        return;
    seen[from] = true;
    for (int event = 0; event < events; event++) {
        enum machine_state next = STATE_PLAN;
        if (leads(from, event, &next))
            reach((int)next, events, seen);
    }
}

Test(machine, every_state_is_reached_from_the_first)
{
    bool seen[STATES] = {false};
    reach(STATE_PLAN, EVENTS, seen);
    for (int state = 0; state < STATES; state++)
        cr_expect(seen[state], "'%s' is out of reach", machine_name((enum machine_state)state));
}

Test(machine, every_state_leads_to_an_end)
{
    for (int state = 0; state < STATES; state++) {
        bool seen[STATES] = {false};
        reach(state, EVENTS, seen);
        cr_expect(seen[STATE_DONE] || seen[STATE_ABORTED], "'%s' leads nowhere",
                  machine_name((enum machine_state)state));
    }
}

Test(machine, abort_is_possible_until_the_hand_over_and_not_after)
{
    for (int state = 0; state < STATES; state++) {
        enum machine_state next = STATE_PLAN;
        bool before = state < (int)STATE_HAND_OVER || state == (int)STATE_ABORTING;
        cr_expect_eq(leads(state, EVENT_ABORT, &next), before, "'%s'",
                     machine_name((enum machine_state)state));
        if (before)
            cr_expect_eq(next, STATE_ABORTING);
    }
}

Test(machine, only_the_ends_have_no_way_on)
{
    for (int state = 0; state < STATES; state++) {
        bool end = state == (int)STATE_DONE || state == (int)STATE_ABORTED;
        cr_expect_eq(machine_is_final((enum machine_state)state), end);
        cr_expect_eq(machine_effect((enum machine_state)state) == EFFECT_NONE, end);
    }
}

Test(machine, what_makes_something_says_how_it_is_undone)
{
    static const struct {
        enum machine_effect effect;
        enum machine_undo undo;
    } wanted[] = {
        {EFFECT_SNAPSHOT, UNDO_SNAPSHOT},     {EFFECT_COPY, UNDO_COPY},
        {EFFECT_FENCE, UNDO_FENCE},           {EFFECT_CUT, UNDO_FREEZE},
        {EFFECT_CREATE_VOLUMES, UNDO_VOLUME}, {EFFECT_ATTACH, UNDO_ATTACH},
        {EFFECT_HAND_OVER, UNDO_REFUSED},
    };
    for (int state = 0; state < STATES; state++) {
        enum machine_undo undo = UNDO_NOTHING;
        for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
            if (machine_effect((enum machine_state)state) == wanted[i].effect)
                undo = wanted[i].undo;
        }
        cr_expect_eq(machine_undo((enum machine_state)state), undo, "'%s'",
                     machine_name((enum machine_state)state));
    }
}

Test(machine, a_name_is_parsed_back)
{
    enum machine_state parsed = STATE_CUT;
    struct error err = {0};
    for (int state = 0; state < STATES; state++) {
        cr_expect_eq(machine_parse(machine_name((enum machine_state)state), &parsed, &err),
                     ERR_NONE);
        cr_expect_eq((int)parsed, state);
    }
    cr_expect_eq(machine_parse("teleport", &parsed, &err), ERR_INVALID);
    cr_expect_eq(parsed, STATE_ABORTED, "the output stays untouched");
}

Test(machine, an_event_that_makes_no_sense_changes_nothing)
{
    struct error err = {0};
    enum machine_state next = STATE_CUT_WAIT;
    cr_expect_eq(machine_next(STATE_FENCE, EVENT_ROUND, &next, &err), ERR_STATE);
    cr_expect_eq(next, STATE_CUT_WAIT);
    cr_expect_not_null(strstr(err.message, "'fence'"), "%s", err.message);
}

Test(machine, the_page_names_every_state_and_is_the_same_twice)
{
    CLEANUP_STRBUF struct strbuf page = {.max_bytes = 1 << 16};
    CLEANUP_STRBUF struct strbuf again = {.max_bytes = 1 << 16};
    machine_print(&page);
    machine_print(&again);
    cr_assert_eq(strbuf_check(&page, NULL), ERR_NONE);
    cr_expect_str_eq(strbuf_text(&page), strbuf_text(&again));
    for (int state = 0; state < STATES; state++)
        cr_expect_not_null(strstr(strbuf_text(&page), machine_sentence((enum machine_state)state)));
}

/* ---- retry ---- */

static int64_t wait_of(enum error_code failure, int attempts, double random01)
{
    struct retry retry = {.attempts = attempts, .deadline_ms = INT64_MAX};
    struct retry_decision decision = retry_decide(&retry, failure, 1772409607123, random01);
    return decision.again ? decision.wait_ms : -1;
}

Test(retry, only_what_a_repeat_can_mend_is_repeated)
{
    for (int code = ERR_INVALID; code <= (int)ERR_DEADLINE; code++) {
        bool mends = code == ERR_UNREACHABLE || code == ERR_TRANSIENT || code == ERR_THROTTLED ||
                     code == ERR_LIMIT || code == ERR_AMBIGUOUS || code == ERR_PROTOCOL;
        cr_expect_eq(wait_of((enum error_code)code, 1, 0.5) >= 0, mends, "%s",
                     error_name((enum error_code)code));
    }
}

Test(retry, the_bound_doubles_up_to_a_minute)
{
    cr_expect_eq(wait_of(ERR_TRANSIENT, 1, 0.5), 250);
    cr_expect_eq(wait_of(ERR_TRANSIENT, 2, 0.5), 500);
    cr_expect_eq(wait_of(ERR_TRANSIENT, 7, 0.5), 16000);
    cr_expect_eq(wait_of(ERR_TRANSIENT, 8, 0.5), 30000);
    cr_expect_eq(wait_of(ERR_TRANSIENT, 1000000, 0.5), 30000, "and no overflow");
    cr_expect_eq(wait_of(ERR_THROTTLED, 1, 0.25), 250);
    cr_expect_eq(wait_of(ERR_THROTTLED, 3, 0.25), 1000);
    cr_expect_eq(wait_of(ERR_TRANSIENT, 5, 0), 0, "full jitter begins at nothing");
}

Test(retry, a_full_quota_is_given_at_least_half_the_bound)
{
    cr_expect_eq(wait_of(ERR_LIMIT, 1, 0), 7500);
    cr_expect_eq(wait_of(ERR_LIMIT, 1, 0.5), 11250);
    cr_expect_eq(wait_of(ERR_LIMIT, 9, 0), 30000);
}

Test(retry, no_attempt_begins_after_the_deadline)
{
    struct retry retry = {.attempts = 1, .deadline_ms = 1000250};
    cr_expect(retry_decide(&retry, ERR_TRANSIENT, 1000000, 0.5).again, "just in time");
    cr_expect_not(retry_decide(&retry, ERR_TRANSIENT, 1000001, 0.5).again, "1 ms too late");
}
