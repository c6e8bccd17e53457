/* instant.h: points in time and durations, and their text forms.
 *
 * An instant is an int64_t of milliseconds since the Unix epoch, UTC, in a variable whose name ends
 * in _ms. There is no "now" here: asking for it is core/clock.h's. */
#ifndef MODEL_INSTANT_H
#define MODEL_INSTANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/error.h"

#define MS_PER_SECOND INT64_C(1000)
#define MS_PER_MINUTE (60 * MS_PER_SECOND)
#define MS_PER_HOUR   (60 * MS_PER_MINUTE)
#define MS_PER_DAY    (24 * MS_PER_HOUR)

/* Fits "2026-11-23T05:09:24.123Z" with its NUL. */
#define INSTANT_TEXT_SIZE 25
/* Fits any duration_text(). */
#define DURATION_TEXT_SIZE 32

/* Civil date and time in UTC. */
struct civil {
    int year;    /* 1970 to 9999 */
    int month;   /* 1 to 12 */
    int day;     /* 1 to 31 */
    int hour;    /* 0 to 23 */
    int minute;  /* 0 to 59 */
    int second;  /* 0 to 59 */
    int weekday; /* 0 is Monday; ignored by instant_from_civil */
};

/* Instant of a UTC civil time; the caller has checked the ranges. */
int64_t instant_from_civil(const struct civil *civil);

/* The UTC civil time of an instant between 1970 and 9999; milliseconds are dropped. */
struct civil instant_to_civil(int64_t instant_ms);

/* Parses RFC 3339 ("2026-11-23T05:09:24Z", optional seconds, fraction and numeric offset).
 * Errors: ERR_INVALID if the text is anything else or has no zone: a bare local time is a trap. */
MUST_CHECK enum error_code instant_parse(const char *text, int64_t *instant_ms, struct error *err);

/* Parses "START/END", END being an instant or a duration after START; it ends after it starts.
 * Errors: ERR_INVALID. */
MUST_CHECK enum error_code interval_parse(const char *text, int64_t *start_ms, int64_t *end_ms,
                                          struct error *err);

/* Writes RFC 3339 in UTC, with milliseconds if there are any. Returns `text`. */
const char *instant_text(int64_t instant_ms, char text[INSTANT_TEXT_SIZE]);

/* Longest duration that can be written: 68 years. */
#define DURATION_MAX_MS (INT32_MAX * MS_PER_SECOND)

/* Parses "90s", "15m", "2h", "1h30m", "3d" or "250ms"; at least one unit, no sign, up to
 * DURATION_MAX_MS. Errors: ERR_INVALID. */
MUST_CHECK enum error_code duration_parse(const char *text, int64_t *duration_ms,
                                          struct error *err);

/* Writes a duration for people, two units at most: "13h52m", "4m10s", "1.250s", "3d4h".
 * Returns `text`. */
const char *duration_text(int64_t duration_ms, char text[DURATION_TEXT_SIZE]);

#endif
