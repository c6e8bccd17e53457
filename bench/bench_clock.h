/* bench_clock.h: where ticks of the recordings lie in time.
 *
 * A tick is five minutes; tick 0 is a Monday at midnight, so that days and weeks of the recordings
 * are those of the model. */
#ifndef BENCH_BENCH_CLOCK_H
#define BENCH_BENCH_CLOCK_H

#include <math.h>
#include <stdint.h>

#define TICK_S       300.0
#define TICK_MS      INT64_C(300000)
#define TICK_ZERO_MS INT64_C(1704067200000)

/* Unix milliseconds UTC of a tick, whole or not. */
static inline int64_t tick_to_ms(double tick)
{
    return TICK_ZERO_MS + llround(tick * (double)TICK_MS);
}

/* The tick of an instant. */
static inline double tick_of_ms(int64_t at_ms)
{
    return (double)(at_ms - TICK_ZERO_MS) / (double)TICK_MS;
}

#endif
