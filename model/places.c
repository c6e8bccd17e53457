#include "model/places.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/instant.h"

/* Nothing is over sooner than this. */
#define LEAST_LEFT_MS MS_PER_MINUTE

void places_done(struct places *places)
{
    free(places->steps);
    places->steps = NULL;
    places->step_count = 0;
}

/* How many steps lie at or before at_ms. */
static size_t steps_until(const struct places *places, int64_t at_ms)
{
    size_t low = 0;
    size_t high = places->step_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (places->steps[middle].at_ms <= at_ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* How many places are booked after so many steps. */
static size_t booked_after(const struct places *places, size_t steps)
{
    return steps == 0 ? 0 : places->steps[steps - 1].booked;
}

size_t places_booked(const struct places *places, int64_t at_ms)
{
    return booked_after(places, steps_until(places, at_ms));
}

/* Makes sure that a step lies at at_ms; room for it is there. Returns its index. */
static size_t cut_step(struct places *places, int64_t at_ms)
{
    size_t before = steps_until(places, at_ms);
    if (before > 0 && places->steps[before - 1].at_ms == at_ms)
        return before - 1;
    size_t booked = booked_after(places, before);
    memmove(&places->steps[before + 1], &places->steps[before],
            (places->step_count - before) * sizeof(*places->steps));
    places->steps[before] = (struct places_step){.at_ms = at_ms, .booked = booked};
    places->step_count++;
    return before;
}

enum error_code places_book(struct places *places, int64_t start_ms, int64_t end_ms,
                            struct error *err)
{
    if (end_ms <= start_ms)
        return ERR_NONE;
    struct places_step *steps =
        reallocarray(places->steps, places->step_count + 2, sizeof(*places->steps));
    if (steps == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold another booking");
    places->steps = steps;
    size_t first = cut_step(places, start_ms);
    size_t last = cut_step(places, end_ms);
    for (size_t i = first; i < last; i++)
        places->steps[i].booked++;
    return ERR_NONE;
}

enum error_code places_book_running(struct places *places, int64_t started_ms, int percent,
                                    int64_t now_ms, struct error *err)
{
    int64_t age_ms = now_ms > started_ms ? now_ms - started_ms : 0;
    int64_t left_ms = percent < TELLING_PERCENT ? age_ms : age_ms * (100 - percent) / percent;
    if (left_ms < LEAST_LEFT_MS)
        left_ms = LEAST_LEFT_MS;
    return places_book(places, started_ms < now_ms ? started_ms : now_ms, now_ms + left_ms, err);
}

/* The own copies that still run at at_s, of those begun so far. */
static size_t count_running(const double *ends_s, size_t begun, double at_s)
{
    size_t running = 0;
    for (size_t i = 0; i < begun; i++)
        running += ends_s[i] > at_s;
    return running;
}

static double first_end_after(const double *ends_s, size_t begun, double at_s)
{
    double first_s = HUGE_VAL;
    for (size_t i = 0; i < begun; i++) {
        if (ends_s[i] > at_s)
            first_s = fmin(first_s, ends_s[i]);
    }
    return first_s;
}

/* When from at_s on (seconds after zero_ms) one more copy may begin. *step is the first one after
 * at_s, and goes along. */
static double free_from(const struct places *places, int64_t zero_ms, double at_s, size_t *step,
                        const double *ends_s, size_t begun)
{
    for (;;) {
        size_t booked = booked_after(places, *step);
        if (booked + count_running(ends_s, begun, at_s) < places->count)
            return at_s;
        double end_s = first_end_after(ends_s, begun, at_s);
        double step_s = HUGE_VAL;
        if (*step < places->step_count)
            step_s = (double)(places->steps[*step].at_ms - zero_ms) / MS_PER_SECOND;
        *step += step_s <= end_s;
        at_s = step_s <= end_s ? step_s : end_s;
    }
}

static double longest(const double *seconds, size_t count)
{
    double longest_s = 0;
    for (size_t i = 0; i < count; i++)
        longest_s = fmax(longest_s, seconds[i]);
    return longest_s;
}

double places_last_over(const struct places *places, int64_t at_ms, double *seconds,
                        size_t own_count)
{
    if (places->count == 0 || (places->step_count == 0 && own_count <= places->count))
        return longest(seconds, own_count);
    double begin_s = 0;
    size_t step = steps_until(places, at_ms);
    for (size_t i = 0; i < own_count; i++) {
        begin_s = free_from(places, at_ms, begin_s, &step, seconds, i);
        seconds[i] += begin_s;
    }
    return longest(seconds, own_count);
}
