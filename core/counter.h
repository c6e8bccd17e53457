/* counter.h: what this machine has written to a volume, as its kernel counts it.
 *
 * CloudWatch tells of a period ten minutes after it; the kernel tells at once. The engine asks at
 * each tick of the model while it waits on the volume's host. core/host/counter_local.h is the one
 * that reads this machine. */
#ifndef CORE_COUNTER_H
#define CORE_COUNTER_H

#include <stdint.h>

#include "model/error.h"

#define COUNTER_ORIGIN_SIZE 80

/* Totals since an origin: only two readings of the same one can be compared. */
struct counter_reading {
    char origin[COUNTER_ORIGIN_SIZE]; /* this boot and this attachment */
    int64_t bytes;
    int64_t ops;
};

struct counter {
    void *self;

    /* Reads a volume's totals. Errors: ERR_NOT_FOUND if it is not attached here; ERR_SYSTEM. */
    enum error_code (*read)(void *self, const char *volume_id, struct counter_reading *reading,
                            struct error *err);
};

#endif
