/* window.h: when to cut inside the operator's window, by the planner's rule and beside others.
 *
 * The recorded episodes and made nights (nights.h), each with four hours for the cut: what the first
 * cut possible costs, what the planner's does, and what the best one would have. */
#ifndef BENCH_WINDOW_H
#define BENCH_WINDOW_H

#include <stddef.h>

#include "model/error.h"

/* Prints a row for the recorded episodes of a directory and one for the batches of `count` seeds from
 * `first` on. Errors: as nights_print(). */
MUST_CHECK enum error_code window_print(const char *directory, unsigned long first, size_t count,
                                        struct error *err);

#endif
