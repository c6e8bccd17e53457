/* duration_cases.h: predicts recorded durations of transfers.
 *
 * Reads t_cases of a directory: each case is a history of transfers of one machine and transfers
 * that came after it. The prior of a machine is what the other machines in the file show, as an
 * account's other volumes would. A recorded millisecond stands for a second of EBS. */
#ifndef BENCH_DURATION_CASES_H
#define BENCH_DURATION_CASES_H

#include "bench/prediction.h"
#include "model/error.h"

/* Appends one prediction for each question of t_cases, key is its place in the case. Errors: as
 * table.h, and those of the fit. */
MUST_CHECK enum error_code
duration_cases_predict(const char *directory, struct predictions *predictions, struct error *err);

#endif
