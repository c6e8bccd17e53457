/* speed.h: how long fitting and planning take, for one volume and for a fleet.
 *
 * One JSON object on standard output. Absolute times hold for the machine that ran it; whether the
 * time of a fleet grows in proportion, and its memory not at all, holds anywhere. */
#ifndef BENCH_SPEED_H
#define BENCH_SPEED_H

#include <stddef.h>

#include "model/error.h"

/* Measures one volume of 100 snapshots and 60 days of five-minute writes, then fleets of
 * volume_count and a tenth of that, one volume at a time. Errors: those of fit.h and plan.h;
 * ERR_STATE if the same input gave two plans. */
MUST_CHECK enum error_code speed_print(size_t volume_count, struct error *err);

#endif
