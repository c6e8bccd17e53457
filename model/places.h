/* places.h: how many copies may be in flight at once, and who else has booked places among them.
 *
 * AWS lets an account have so many copies in flight into one region and refuses the next one until a
 * place is free. What others hold, or will hold, is booked; a set's own copies take what is left, in
 * their order, and keep a place until they are over. */
#ifndef MODEL_PLACES_H
#define MODEL_PLACES_H

#include <stddef.h>
#include <stdint.h>

#include "model/error.h"

/* What AWS grants an account that did not ask for more (EBS user guide, "Quotas for Amazon EBS"). */
#define PLACES_BY_DEFAULT 20

/* Below this percentage the progress of a transfer says nothing: it comes in lumps. */
#define TELLING_PERCENT 10

/* From at_ms on, until the next step, so many are booked. */
struct places_step {
    int64_t at_ms; /* Unix milliseconds UTC */
    size_t booked;
};

/* Zero-initialise, set `count`; hand back with places_done(). */
struct places {
    size_t count; /* in all; 0: no limit */
    struct places_step *steps;
    size_t step_count;
};

/* Frees the bookings; `count` stays. Harmless on empty ones. */
void places_done(struct places *places);
#define CLEANUP_PLACES CLEANUP(places_done)

/* Books one place from start_ms to end_ms (excluded); nothing if that is no time at all.
 * Errors: ERR_NO_MEMORY. */
MUST_CHECK enum error_code places_book(struct places *places, int64_t start_ms, int64_t end_ms,
                                       struct error *err);

/* Books the place of a copy of somebody else that began at started_ms and says to be so far (0 or less:
 * it does not say). Nothing else is known of it: it is taken to go on as it did, and as long again as
 * it already lasts if it does not say. Errors: ERR_NO_MEMORY. */
MUST_CHECK enum error_code places_book_running(struct places *places, int64_t started_ms,
                                               int percent, int64_t now_ms, struct error *err);

/* How many places are booked at that instant. */
size_t places_booked(const struct places *places, int64_t at_ms);

/* Seconds after at_ms when the last of own copies is over that are wanted from then on and last
 * seconds[0..own_count) each; with places enough that is the longest of them. Overwrites `seconds`. */
double places_last_over(const struct places *places, int64_t at_ms, double *seconds,
                        size_t own_count);

#endif
