#include "bench/episode.h"

#include <math.h>

#include <criterion/criterion.h>
#include <gsl/gsl_errno.h>

#include "bench/bench_clock.h"

#define ROUNDS 20
#define TICKS  ((size_t)ROUNDS * 12)

static struct episode_round rounds[ROUNDS];
static struct write_sample writes[TICKS];

/* Hourly snapshots of a volume that writes evenly; the last one ends at tick 240. */
static struct episode made_episode(void)
{
    for (size_t i = 0; i < TICKS; i++) {
        writes[i] = (struct write_sample){.start_ms = tick_to_ms((double)i),
                                          .length_ms = TICK_MS,
                                          .bytes = 40000000 + (int64_t)(i % 7) * 1000000,
                                          .ops = 900};
    }
    for (int i = 0; i < ROUNDS; i++) {
        rounds[i] = (struct episode_round){.start = 12.0 * i,
                                           .end = 12.0 * (i + 1),
                                           .changed_blocks = 2000 + 10 * (i % 5),
                                           .duration = 2.0 + 0.1 * (i % 3)};
    }
    return (struct episode){.now = 250,
                            .fence = 310,
                            .confidence = 0.9,
                            .round_price = 0.01,
                            .rounds = rounds,
                            .round_count = ROUNDS,
                            .writes = writes,
                            .write_count = TICKS};
}

static void no_gsl_abort(void)
{
    gsl_set_error_handler_off();
}

TestSuite(episode, .init = no_gsl_abort);

Test(episode, plans_a_round_before_the_fence_and_promises_less_than_without)
{
    struct episode_answer answer = {0};
    struct error err = {0};
    struct episode episode = made_episode();
    cr_assert_eq(episode_ask(&episode, &answer, &err), ERR_NONE, "%s", err.message);
    cr_expect(answer.has_start && answer.start >= 250 && answer.start < 310, "%g", answer.start);
    cr_expect(answer.promise > 0.2 && answer.promise < 6, "%g", answer.promise);
}

Test(episode, asks_for_a_start_at_the_end_of_the_round_in_flight)
{
    struct episode_answer answer = {0};
    struct error err = {0};
    struct episode episode = made_episode();
    episode.now = 241;
    episode.fence = 246;
    episode.running = true;
    episode.running_start = 240.5; /* half a tick behind what the scorer rounded */
    rounds[ROUNDS - 1].changed_blocks = (double)NAN;
    rounds[ROUNDS - 1].duration = (double)NAN;
    cr_assert_eq(episode_ask(&episode, &answer, &err), ERR_NONE, "%s", err.message);
    cr_expect(isfinite(answer.promise) && answer.promise > 0);
}

Test(episode, needs_a_past)
{
    struct episode_answer answer = {0};
    struct error err = {0};
    struct episode episode = made_episode();
    episode.round_count = 0;
    cr_expect_eq(episode_ask(&episode, &answer, &err), ERR_INVALID);
}
