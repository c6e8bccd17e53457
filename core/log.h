/* log.h: where core says what it is doing. The sink is passed in; cli/progress.c prints. */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include <stdint.h>

#include "model/error.h"

enum log_level {
    LOG_DEBUG, /* each call and wait */
    LOG_INFO,  /* each step, for the operator */
    LOG_WARN,  /* something to look at; the run goes on */
};

/* A sink of one-line messages, lower case, without a full stop. */
struct log {
    void (*take)(void *self, enum log_level level, int64_t at_ms, const char *message);
    void *self;
};

/* Formats and hands over one message of the instant at_ms (Unix milliseconds UTC); cut at 500
 * characters. */
void log_event(const struct log *log, enum log_level level, int64_t at_ms, const char *format, ...)
    PRINTF_LIKE(4, 5);

#endif
