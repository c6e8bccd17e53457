/* trace.h: a recorded volume: what was written in each tick, and which blocks.
 *
 * Answers how many blocks differ between any two ticks, which is what a snapshot would carry. */
#ifndef BENCH_TRACE_H
#define BENCH_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "model/error.h"

/* Zero-initialise. Owns its memory; hand back with trace_done(). */
struct trace {
    size_t tick_count;
    double *bytes; /* per tick */
    double *ops;
    size_t *first;     /* per tick, and one more: its first entry in previous[] */
    int32_t *previous; /* per block written: the tick that wrote it before, -1 for none */
};

/* Frees what *trace owns and empties it. Harmless on an empty one. */
void trace_done(struct trace *trace);
#define CLEANUP_TRACE CLEANUP(trace_done)

/* Reads trace_<name> of a directory, and trace_<name>_tail if it is there.
 * Errors: as table.h; ERR_INVALID for a line that is none. */
MUST_CHECK enum error_code trace_read(struct trace *trace, const char *directory, const char *name,
                                      struct error *err);

/* Blocks written in ticks first <= t < end. */
double trace_changed(const struct trace *trace, double first, double end);

/* Bytes and operations of ticks first <= t < end. */
double trace_bytes(const struct trace *trace, size_t first, size_t end);
double trace_ops(const struct trace *trace, size_t first, size_t end);

#endif
