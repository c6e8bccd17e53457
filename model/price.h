/* price.h: what a series costs in money, about.
 *
 * List prices in USD of us-east-1 and of transfers between regions of the US and Europe, 2026; a bill
 * has other ones. Enough to tell a coffee from a car. */
#ifndef MODEL_PRICE_H
#define MODEL_PRICE_H

#include <stddef.h>
#include <stdint.h>

/* What is carried and kept. */
struct price_input {
    double bytes;       /* carried by all rounds, on each hop */
    size_t hops;        /* copies of each snapshot */
    size_t region_hops; /* of these into another region */
    double timed_bytes; /* of all bytes, those of time-based copies, on each hop */
    int64_t copy_ms;    /* duration asked of these */
    double kept_ms;     /* from the first snapshot until the run is over */
};

/* Transfer, time-based copies, and the storage of snapshots and copies while they are needed. */
double price_usd(const struct price_input *input);

#endif
