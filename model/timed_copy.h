/* timed_copy.h: what AWS says of time-based copies (CopySnapshot with CompletionDurationMinutes).
 *
 * The service is told by when a copy shall be complete and keeps it, for a price per GiB, as long as
 * the throughput that this takes is within its quotas. For the model that is a bound and nothing to
 * learn from. Of the EBS user guide, "Time-based copies", 2026. */
#ifndef MODEL_TIMED_COPY_H
#define MODEL_TIMED_COPY_H

#include <stdbool.h>
#include <stdint.h>

/* One copy carries no more than this a second; all together between two regions, by default. */
#define TIMED_COPY_MIB_PER_S     500
#define TIMED_COPY_ALL_MIB_PER_S 2000

/* Tells whether a duration can be asked for: whole quarters of an hour up to two days. */
bool timed_copy_is_possible(int64_t duration_ms);

/* The duration to ask for where limit_ms (possible) is wished and `bytes` are carried: longer if the
 * quota of one copy needs it. */
int64_t timed_copy_ms(int64_t limit_ms, double bytes);

/* The longest that copies of `bytes` take on so many hops, one after the other, in seconds; HUGE_VAL
 * where limit_ms is 0: then nothing is asked for. */
double timed_copy_longest_s(int64_t limit_ms, int hops, double bytes);

/* List price of one GiB carried by copies of that duration, in USD. */
double timed_copy_usd_per_gib(int64_t duration_ms);

#endif
