#include "model/blackout.h"

#include <stdio.h>
#include <string.h>

#include "model/instant.h"

/* Two digits below `limit`. */
static bool take_number(const char **cursor, int limit, int64_t *number)
{
    const char *at = *cursor;
    if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9')
        return false;
    *number = (at[0] - '0') * 10 + (at[1] - '0');
    *cursor += 2;
    return *number < limit;
}

/* "22:00Z/90m". */
static bool parse_daily(const char *text, struct blackout *blackout)
{
    int64_t hour = 0;
    int64_t minute = 0;
    if (!take_number(&text, 24, &hour) || *text++ != ':' || !take_number(&text, 60, &minute) ||
        strncmp(text, "Z/", 2) != 0 ||
        duration_parse(text + 2, &blackout->length_ms, NULL) != ERR_NONE)
        return false;
    blackout->daily = true;
    blackout->start_ms = hour * MS_PER_HOUR + minute * MS_PER_MINUTE;
    return blackout->length_ms > 0 && blackout->length_ms < MS_PER_DAY;
}

static bool parse_once(const char *text, struct blackout *blackout)
{
    int64_t end_ms = 0;
    if (interval_parse(text, &blackout->start_ms, &end_ms, NULL) != ERR_NONE)
        return false;
    blackout->length_ms = end_ms - blackout->start_ms;
    return true;
}

static enum error_code add(struct blackouts *blackouts, const char *text, struct error *err)
{
    struct blackout blackout = {0};
    if (blackouts->count == BLACKOUT_MAX)
        return error_set(err, ERR_INVALID, "more than %d blackouts", BLACKOUT_MAX);
    if (!parse_daily(text, &blackout) && !parse_once(text, &blackout)) {
        return error_set(err, ERR_INVALID,
                         "'%s' is not a blackout like 22:00Z/90m or 2026-11-28T02:00Z/4h", text);
    }
    blackouts->items[blackouts->count++] = blackout;
    return ERR_NONE;
}

/* Days without a gap: there is no end to be found. */
static bool leaves_time(const struct blackouts *blackouts)
{
    int64_t daily_ms = 0;
    for (size_t i = 0; i < blackouts->count; i++)
        daily_ms += blackouts->items[i].daily ? blackouts->items[i].length_ms : 0;
    return daily_ms < MS_PER_DAY;
}

enum error_code blackouts_parse(const char *text, struct blackouts *blackouts, struct error *err)
{
    struct blackouts parsed = {0};
    char word[64];
    for (text += strspn(text, " "); *text != '\0'; text += strspn(text, " ")) {
        size_t length = strcspn(text, " ");
        (void)snprintf(word, sizeof(word), "%.*s", (int)length, text);
        TRY(add(&parsed, word, err));
        text += length;
    }
    if (!leaves_time(&parsed))
        return error_set(err, ERR_INVALID, "the daily blackouts leave no time of the day");
    *blackouts = parsed;
    return ERR_NONE;
}

/* The end of one that lasts at at_ms; at_ms itself if it does not. */
static int64_t end_of(const struct blackout *blackout, int64_t at_ms)
{
    int64_t since_ms = at_ms - blackout->start_ms;
    if (blackout->daily)
        since_ms = (since_ms % MS_PER_DAY + MS_PER_DAY) % MS_PER_DAY;
    bool lasts = since_ms >= 0 && since_ms < blackout->length_ms;
    return lasts ? at_ms + blackout->length_ms - since_ms : at_ms;
}

int64_t blackouts_end(const struct blackouts *blackouts, int64_t at_ms)
{
    int64_t before_ms = 0;
    do {
        before_ms = at_ms;
        for (size_t i = 0; i < blackouts->count; i++)
            at_ms = end_of(&blackouts->items[i], at_ms);
    } while (at_ms != before_ms);
    return at_ms;
}
