#include "core/log.h"

#include <stdarg.h>
#include <stdio.h>

void log_event(const struct log *log, enum log_level level, int64_t at_ms, const char *format, ...)
{
    char message[501];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    log->take(log->self, level, at_ms, message);
}
