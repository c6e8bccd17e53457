#include "model/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum error_code(error_set)(struct error *err, enum error_code code, const char *format, ...)
{
    if (err == NULL)
        return code;
    va_list arguments;
    va_start(arguments, format);
    err->code = code;
    (void)vsnprintf(err->message, sizeof(err->message), format, arguments);
    va_end(arguments);
    return code;
}

enum error_code error_prefix(struct error *err, const char *format, ...)
{
    struct error old = *err;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(err->message, sizeof(err->message), format, arguments);
    va_end(arguments);

    size_t length = strlen(err->message);
    (void)snprintf(err->message + length, sizeof(err->message) - length, ": %s", old.message);
    return old.code;
}

const char *error_name(enum error_code code)
{
    static const char *const names[] = {
#define ERROR_NAME(value, name) [value] = (name),
        ERROR_TABLE(ERROR_NAME)
#undef ERROR_NAME
    };
    return names[code];
}
