/* progress.h: what core is doing, on standard error: a line per event, or a JSON line. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>

#include "core/log.h"

/* How to print; a plain value. */
struct progress {
    bool verbose;
    bool json;
};

/* The log sink; borrows *progress. */
struct log progress_log(struct progress *progress);

#endif
