/* rate_cases.h: predicts the bytes written in recorded windows.
 *
 * Reads cp_rate (half-hour sums of many volumes) and r_cases (windows and their truth) of a
 * directory; what lies before a window's origin is the history. */
#ifndef BENCH_RATE_CASES_H
#define BENCH_RATE_CASES_H

#include "bench/prediction.h"
#include "model/error.h"

/* Appends one prediction for each row of r_cases; only the median is filled. Errors: as table.h. */
MUST_CHECK enum error_code rate_cases_predict(const char *directory,
                                              struct predictions *predictions, struct error *err);

#endif
