#include "model/price.h"

#include <math.h>

#include "model/instant.h"
#include "model/timed_copy.h"

#define BYTES_PER_GIB        1073741824.0
#define TRANSFER_USD_PER_GIB 0.02
#define STORE_USD_PER_GIB    0.05 /* and month */
#define MONTH_MS             (730.0 * MS_PER_HOUR)

double price_usd(const struct price_input *input)
{
    double gib = fmax(input->bytes, 0) / BYTES_PER_GIB;
    double timed_gib = fmax(input->timed_bytes, 0) / BYTES_PER_GIB;
    double months = fmax(input->kept_ms, 0) / MONTH_MS;
    double stored = gib * (double)(input->hops + 1) * months;
    return gib * (double)input->region_hops * TRANSFER_USD_PER_GIB +
           timed_gib * (double)input->hops * timed_copy_usd_per_gib(input->copy_ms) +
           stored * STORE_USD_PER_GIB;
}
