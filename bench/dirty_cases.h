/* dirty_cases.h: predicts the changed blocks of recorded windows.
 *
 * Reads d_history, d_unions and d_queries of a directory: each case is a history of snapshots, the
 * unions of neighbours among them, and windows after the last one whose writes are known. */
#ifndef BENCH_DIRTY_CASES_H
#define BENCH_DIRTY_CASES_H

#include "bench/prediction.h"
#include "model/error.h"

/* Appends one prediction for each row of d_queries. Errors: as table.h, and those of the fit. */
MUST_CHECK enum error_code dirty_cases_predict(const char *directory,
                                               struct predictions *predictions, struct error *err);

#endif
