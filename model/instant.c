#include "model/instant.h"

#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Days since 1970-01-01 of a proleptic Gregorian date; years are counted from March so that the
 * leap day is the last of its year. */
static int64_t days_from_date(int year, int month, int day)
{
    int64_t march_year = month <= 2 ? year - 1 : year;
    int64_t era = march_year / 400;
    int64_t year_of_era = march_year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

int64_t instant_from_civil(const struct civil *civil)
{
    int64_t days = days_from_date(civil->year, civil->month, civil->day);
    return days * MS_PER_DAY + civil->hour * MS_PER_HOUR + civil->minute * MS_PER_MINUTE +
           civil->second * MS_PER_SECOND;
}

struct civil instant_to_civil(int64_t instant_ms)
{
    int64_t days = instant_ms / MS_PER_DAY;
    int64_t rest = instant_ms % MS_PER_DAY;
    int64_t shifted = days + 719468;
    int64_t era = shifted / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    return (struct civil){
        .year = (int)(year_of_era + era * 400 + (month <= 2 ? 1 : 0)),
        .month = (int)month,
        .day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1),
        .hour = (int)(rest / MS_PER_HOUR),
        .minute = (int)(rest / MS_PER_MINUTE % 60),
        .second = (int)(rest / MS_PER_SECOND % 60),
        .weekday = (int)((days + 3) % 7), /* 1970-01-01 was a Thursday */
    };
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* Reads exactly `digits` digits at *cursor and moves it on. */
static bool read_digits(const char **cursor, int digits, int *value)
{
    *value = 0;
    for (int i = 0; i < digits; i++) {
        if (!isdigit((unsigned char)(*cursor)[i]))
            return false;
        *value = *value * 10 + ((*cursor)[i] - '0');
    }
    *cursor += digits;
    return true;
}

static bool read_char(const char **cursor, char wanted)
{
    if (**cursor != wanted)
        return false;
    (*cursor)++;
    return true;
}

static bool read_date(const char **cursor, struct civil *civil)
{
    return read_digits(cursor, 4, &civil->year) && read_char(cursor, '-') &&
           read_digits(cursor, 2, &civil->month) && read_char(cursor, '-') &&
           read_digits(cursor, 2, &civil->day) && civil->year >= 1970 && civil->month >= 1 &&
           civil->month <= 12 && civil->day >= 1 &&
           civil->day <= days_in_month(civil->year, civil->month);
}

/* Fractions beyond milliseconds are dropped. */
static bool read_fraction(const char **cursor, int *ms)
{
    int scale = 100;
    if (!isdigit((unsigned char)**cursor))
        return false;
    for (; isdigit((unsigned char)**cursor); (*cursor)++) {
        *ms += (**cursor - '0') * scale;
        scale /= 10;
    }
    return true;
}

static bool read_time(const char **cursor, struct civil *civil, int *ms)
{
    if (!read_digits(cursor, 2, &civil->hour) || !read_char(cursor, ':') ||
        !read_digits(cursor, 2, &civil->minute) || civil->hour > 23 || civil->minute > 59)
        return false;
    if (!read_char(cursor, ':'))
        return true;
    if (!read_digits(cursor, 2, &civil->second) || civil->second > 59)
        return false;
    return !read_char(cursor, '.') || read_fraction(cursor, ms);
}

static bool read_zone(const char **cursor, int64_t *offset_ms)
{
    if (read_char(cursor, 'Z') || read_char(cursor, 'z'))
        return true;
    int sign = **cursor == '-' ? -1 : 1;
    int hours = 0;
    int minutes = 0;
    if (!read_char(cursor, '+') && !read_char(cursor, '-'))
        return false;
    if (!read_digits(cursor, 2, &hours) || !read_char(cursor, ':') ||
        !read_digits(cursor, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *offset_ms = sign * (hours * MS_PER_HOUR + minutes * MS_PER_MINUTE);
    return true;
}

enum error_code instant_parse(const char *text, int64_t *instant_ms, struct error *err)
{
    struct civil civil = {0};
    const char *cursor = text;
    int64_t offset_ms = 0;
    int ms = 0;
    bool ok = read_date(&cursor, &civil) &&
              (read_char(&cursor, 'T') || read_char(&cursor, 't') || read_char(&cursor, ' ')) &&
              read_time(&cursor, &civil, &ms);
    if (!ok) {
        return error_set(err, ERR_INVALID,
                         "'%s' is not a time like 2026-11-28T02:00:00Z (RFC 3339)", text);
    }
    if (!read_zone(&cursor, &offset_ms) || *cursor != '\0')
        return error_set(err, ERR_INVALID, "time '%s' needs a zone: 'Z' or '+01:00'", text);
    int64_t parsed_ms = instant_from_civil(&civil) + ms - offset_ms;
    if (parsed_ms < 0 || instant_to_civil(parsed_ms).year > 9999)
        return error_set(err, ERR_INVALID, "time '%s' is before 1970 or after 9999", text);
    *instant_ms = parsed_ms;
    return ERR_NONE;
}

const char *instant_text(int64_t instant_ms, char text[INSTANT_TEXT_SIZE])
{
    struct civil civil = instant_to_civil(instant_ms);
    int ms = (int)(instant_ms % MS_PER_SECOND);
    int length =
        snprintf(text, INSTANT_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d", civil.year % 10000,
                 civil.month, civil.day, civil.hour, civil.minute, civil.second);
    char *rest = text + length;
    size_t room = INSTANT_TEXT_SIZE - (size_t)length;
    if (ms == 0) {
        (void)snprintf(rest, room, "Z");
    } else {
        (void)snprintf(rest, room, ".%03dZ", ms % 1000);
    }
    return text;
}

static int64_t unit_ms(const char **cursor)
{
    static const struct {
        char name[3];
        int64_t ms;
    } units[] = {{"ms", 1},
                 {"s", MS_PER_SECOND},
                 {"m", MS_PER_MINUTE},
                 {"h", MS_PER_HOUR},
                 {"d", MS_PER_DAY}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        size_t length = strlen(units[i].name);
        if (strncmp(*cursor, units[i].name, length) == 0 &&
            !isalpha((unsigned char)(*cursor)[length])) {
            *cursor += length;
            return units[i].ms;
        }
    }
    return 0;
}

enum error_code duration_parse(const char *text, int64_t *duration_ms, struct error *err)
{
    const char *cursor = text;
    int64_t total = 0;
    do {
        int64_t value = 0;
        if (!isdigit((unsigned char)*cursor))
            return error_set(err, ERR_INVALID, "'%s' is not a duration like 90s, 15m or 2h", text);
        for (; isdigit((unsigned char)*cursor) && value < DURATION_MAX_MS; cursor++)
            value = value * 10 + (*cursor - '0');
        int64_t unit = unit_ms(&cursor);
        if (unit == 0 || value > (DURATION_MAX_MS - total) / unit)
            return error_set(err, ERR_INVALID, "'%s' is not a duration like 90s, 15m or 2h", text);
        total += value * unit;
    } while (*cursor != '\0');
    *duration_ms = total;
    return ERR_NONE;
}

enum error_code interval_parse(const char *text, int64_t *start_ms, int64_t *end_ms,
                               struct error *err)
{
    char start[64];
    const char *slash = strchr(text, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - text);
    int64_t duration_ms = 0;
    if (slash == NULL || length >= sizeof(start)) {
        return error_set(err, ERR_INVALID,
                         "'%s' is not a window like "
                         "2026-11-28T02:00Z/2026-11-28T06:00Z or 2026-11-28T02:00Z/4h",
                         text);
    }
    (void)snprintf(start, sizeof(start), "%.*s", (int)length, text);
    TRY(instant_parse(start, start_ms, err));
    if (duration_parse(slash + 1, &duration_ms, NULL) == ERR_NONE) {
        *end_ms = *start_ms + duration_ms;
    } else {
        TRY(instant_parse(slash + 1, end_ms, err));
    }
    if (*end_ms <= *start_ms)
        return error_set(err, ERR_INVALID, "the window '%s' ends before it starts", text);
    return ERR_NONE;
}

/* Two neighbouring units, either left out when zero. */
static void two_units(char *text, int64_t value, int64_t parts, const char *big, const char *small)
{
    if (value < parts) {
        (void)snprintf(text, DURATION_TEXT_SIZE, "%" PRId64 "%s", value, small);
        return;
    }
    int length = snprintf(text, DURATION_TEXT_SIZE, "%" PRId64 "%s", value / parts, big);
    if (value % parts != 0) {
        (void)snprintf(text + length, DURATION_TEXT_SIZE - (size_t)length, "%" PRId64 "%s",
                       value % parts, small);
    }
}

const char *duration_text(int64_t duration_ms, char text[DURATION_TEXT_SIZE])
{
    if (duration_ms < 0) {
        text[0] = '-';
        char rest[DURATION_TEXT_SIZE];
        (void)snprintf(text + 1, DURATION_TEXT_SIZE - 1, "%.30s",
                       duration_text(-duration_ms, rest));
        return text;
    }
    if (duration_ms < 10 * MS_PER_SECOND) {
        (void)snprintf(text, DURATION_TEXT_SIZE, "%" PRId64 ".%03" PRId64 "s",
                       duration_ms / MS_PER_SECOND, duration_ms % MS_PER_SECOND);
    } else if (duration_ms < MS_PER_HOUR - MS_PER_SECOND / 2) {
        two_units(text, (duration_ms + 500) / MS_PER_SECOND, 60, "m", "s");
    } else if (duration_ms < MS_PER_DAY - MS_PER_MINUTE / 2) {
        two_units(text, (duration_ms + MS_PER_MINUTE / 2) / MS_PER_MINUTE, 60, "h", "m");
    } else {
        two_units(text, (duration_ms + MS_PER_HOUR / 2) / MS_PER_HOUR, 24, "d", "h");
    }
    return text;
}
