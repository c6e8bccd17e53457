/* forecast.h: intervals for one coming step of one volume.
 *
 * Answers "a snapshot taken then, after that one: how much and how long?" from a fitted model.
 * Always an interval, never a bare number; never NaN. Series of steps are the planner's work
 * (model/plan.h). */
#ifndef MODEL_FORECAST_H
#define MODEL_FORECAST_H

#include <stddef.h>
#include <stdint.h>

#include "model/error.h"
#include "model/fit.h"
#include "model/sample.h"

/* Three quantiles of one uncertain quantity; the unit is in the name of the field that holds it. */
struct quantiles {
    double p05;
    double p50;
    double p95;
};

/* One snapshot and the copy that follows it. */
struct forecast {
    struct quantiles delta_bytes; /* changed blocks since the previous snapshot */
    struct quantiles snapshot_s;  /* from the create call to completed */
    struct quantiles copy_s;      /* from the copy call to completed, same delta */
};

/* The distribution of the blocks that change in one gap: log-t around a median, under a cap. */
struct delta_law {
    struct dirty_answer blocks;
    double dof;         /* degrees of freedom of the t */
    double write_scale; /* of a normal, for what the write forecast does not know */
    double cap_blocks;
};

/* The law for the gap from_ms to to_ms (Unix milliseconds UTC); a gap shorter than a second counts
 * as one. */
struct delta_law forecast_delta_law(const struct volume_model *model, int64_t from_ms,
                                    int64_t to_ms);

/* The same with the typical scale only (dirty_fit_ask_typical()), for the planner's draws. */
struct delta_law forecast_delta_law_typical(const struct volume_model *model, int64_t from_ms,
                                            int64_t to_ms);

/* Bytes of the law where log blocks are off by `error` and the written ones by `write_error`. */
double forecast_delta_at(const struct delta_law *law, double error, double write_error);

/* Sorts `values` in place and reads the three quantiles off; all zero if count is 0. */
void quantiles_of(double *values, size_t count, struct quantiles *out);

/* Predicts the bytes that change between the snapshot at from_ms and one at to_ms (Unix
 * milliseconds UTC).
 * Errors: ERR_INVALID if to_ms is not after from_ms, or from_ms is not positive. */
MUST_CHECK enum error_code forecast_delta(const struct volume_model *model, int64_t from_ms,
                                          int64_t to_ms, struct quantiles *delta_bytes,
                                          struct error *err);

/* Predicts an incremental snapshot taken at to_ms after the one at from_ms, and its incremental
 * copy.
 * Errors: as forecast_delta(). */
MUST_CHECK enum error_code forecast_step(const struct volume_model *model, int64_t from_ms,
                                         int64_t to_ms, struct forecast *out, struct error *err);

/* Predicts a full snapshot or copy of full_bytes. Total: a negative size counts as 0. */
void forecast_full(const struct volume_model *model, enum transfer_kind kind, int64_t full_bytes,
                   struct quantiles *duration_s);

#endif
