/* night.h: one night to be played: a recorded volume, its past, and the luck of every tick.
 *
 * A night says when writers stop at the earliest, what was snapshot before, and how long a transfer
 * takes: (overhead + per_block * blocks) * luck of the tick it begins in. Recorded ones come with
 * the data, others are made from a seed and a trace. All times are ticks (bench_clock.h). */
#ifndef BENCH_NIGHT_H
#define BENCH_NIGHT_H

#include <stddef.h>

#include "bench/episode.h"
#include "bench/trace.h"
#include "core/aws/json.h"
#include "model/error.h"

#define NIGHT_PAST_MAX 300

/* Zero-initialise. Borrows the trace, owns its luck; hand back with night_done(). */
struct night {
    const struct trace *trace;
    double load;  /* hours that the copy of a median hour's changes takes */
    double begin; /* from when on the series may run */
    double fence; /* writers stop, or may be stopped */
    double overhead;
    double per_block;
    double *luck; /* factor of a duration, by tick since luck_from */
    size_t luck_count;
    double luck_from;
    struct episode_round past[NIGHT_PAST_MAX];
    size_t past_count;
};

/* Frees what *night owns and empties it. */
void night_done(struct night *night);
#define CLEANUP_NIGHT CLEANUP(night_done)

/* Reads one row of episodes.json. Errors: ERR_INVALID for a row that is none, ERR_NO_MEMORY. */
MUST_CHECK enum error_code night_read(struct night *night, const struct jval *row,
                                      const struct trace *trace, struct error *err);

/* Makes a night on *trace: 30 hourly snapshots, six hours until the fence, luck with drift, half
 * hours and slow outliers. The same seed and load give the same night.
 * Errors: ERR_INVALID for a trace of less than four days; ERR_NO_MEMORY. */
MUST_CHECK enum error_code night_make(struct night *night, const struct trace *trace, double load,
                                      unsigned long seed, struct error *err);

/* How long a snapshot of `blocks` takes that begins at `tick`. */
double night_duration(const struct night *night, double blocks, double tick);

/* A round of the night from `start` to `end`, with what was written in it. */
struct episode_round night_round(const struct night *night, double start, double end, double blocks,
                                 double duration);

#endif
