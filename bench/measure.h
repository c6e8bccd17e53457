/* measure.h: how good predictions were, as one number.
 *
 * Over the predictions that a filter lets through, and only where the truth is positive. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/prediction.h"

enum measure_kind {
    MEASURE_MEDIAN_APE, /* absolute error of the median, relative to the truth: median */
    MEASURE_P90_APE,    /* the same: 90 % quantile */
    MEASURE_CENTRAL_90, /* share of truths between the 5 % and the 95 % quantile */
    MEASURE_UPPER_90,   /* share of truths up to the 90 % quantile */
    MEASURE_UPPER_95,   /* share of truths up to the 95 % quantile */
    MEASURE_PINBALL,    /* mean quantile loss at 50, 90 and 95 %, relative to the truth */
    MEASURE_LOG_ERROR,  /* mean absolute log of predicted over true, 100 kB added to both */
    MEASURE_SAME,       /* share of rows as the reference: median to 1 %, log scale to 2 % */
    MEASURE_FINITE,     /* share of rows whose quantiles are all finite numbers */
};

/* Which rows count; zero or NULL lets all through. */
struct measure_filter {
    const char *set;
    const char *regime;
    size_t least_history;
    size_t most_history;
};

/* NaN if no row passes, or the reference is asked for where there is none. */
double measure(const struct predictions *predictions, enum measure_kind kind,
               const struct measure_filter *filter, bool of_reference);

#endif
