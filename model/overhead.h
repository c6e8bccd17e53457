/* overhead.h: the time that our own steps take inside a downtime.
 *
 * Fence, checkpoint, freeze, polls, volumes made, attached, handed over: all that is neither
 * snapshot nor copy. Learned from finished runs; before the first one, a guess. */
#ifndef MODEL_OVERHEAD_H
#define MODEL_OVERHEAD_H

#include <stddef.h>

/* Log-normal through these two quantiles. */
struct overhead {
    double p50_s;
    double p95_s;
    size_t run_count; /* finished runs that taught; 0: a guess alone */
};

/* Learns from what the own steps of finished runs took; a value that is not positive and finite is
 * left out. The guess counts as one run for the middle and as three for the scatter. */
struct overhead overhead_learn(const double *seconds, size_t count);

#endif
