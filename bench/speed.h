/* speed.h: how long fitting and planning take, for one volume and for a fleet.
 *
 * One JSON object on standard output. Absolute times hold for the machine that ran it; whether the
 * time of a fleet grows in proportion, and its memory not at all, holds anywhere, and so does the
 * ratio to bench/reference.py in one run. */
#ifndef BENCH_SPEED_H
#define BENCH_SPEED_H

#include <stdbool.h>
#include <stddef.h>

#include "model/error.h"

/* Measures volumes of 100 snapshots and 60 days of five-minute writes each, then fleets of
 * volume_count (ten at least), three tenths and a tenth of that, by two processes that go through one
 * volume at a time. Errors: those of fit.h and plan.h; ERR_STATE if the same input gave two plans or a
 * process failed. */
MUST_CHECK enum error_code speed_print(size_t volume_count, struct error *err);

/* Fits and plans some of those volumes twice: the median milliseconds of processor time that one of
 * them takes, and whether the same input gave the same plan. Errors: those of fit.h and plan.h. */
MUST_CHECK enum error_code speed_of_one(double *median_ms, bool *same, struct error *err);

/* Prints the history of the number-th of those volumes (from 1 on), and what was fitted and planned.
 * Errors: those of fit.h and plan.h. */
MUST_CHECK enum error_code speed_print_case(size_t number, struct error *err);

#endif
