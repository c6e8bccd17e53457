#include "model/amount.h"

#include <stddef.h>
#include <stdio.h>

const char *amount_text(double bytes, char text[AMOUNT_TEXT_SIZE])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    size_t unit = 0;
    if (!(bytes >= 0)) {
        (void)snprintf(text, AMOUNT_TEXT_SIZE, "?");
        return text;
    }
    while (bytes >= 999.5 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        bytes /= 1024;
        unit++;
    }
    (void)snprintf(text, AMOUNT_TEXT_SIZE, unit > 0 && bytes < 99.95 ? "%.1f %s" : "%.0f %s", bytes,
                   units[unit]);
    return text;
}
