#include "tests/sim/sim_query.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_text.h"

#define PARAM_MAX      20000 /* 50 filters of 200 values and their names fit */
#define PARAM_NAME_MAX 256

void sim_query_done(struct sim_query *query)
{
    for (size_t i = 0; i < query->count; i++) {
        free(query->items[i].name);
        free(query->items[i].value);
    }
    free(query->items);
    *query = (struct sim_query){0};
}

static size_t count_parts(const char *text, size_t length)
{
    size_t count = 1;
    for (size_t i = 0; i < length; i++)
        count += text[i] == '&';
    return count;
}

static struct sim_param *find(const struct sim_query *query, const char *name)
{
    for (size_t i = 0; i < query->count; i++) {
        if (strcmp(query->items[i].name, name) == 0)
            return &query->items[i];
    }
    return NULL;
}

static enum error_code parse_one(const char *text, size_t length, struct sim_query *query,
                                 struct error *err)
{
    const char *equals = memchr(text, '=', length);
    size_t name_length = equals == NULL ? length : (size_t)(equals - text);
    const char *value = equals == NULL ? "" : equals + 1;
    size_t value_length = equals == NULL ? 0 : length - name_length - 1;
    struct sim_param *param = &query->items[query->count];

    *param = (struct sim_param){.name = sim_text_decode(text, name_length, SIM_TEXT_FORM),
                                .value = sim_text_decode(value, value_length, SIM_TEXT_FORM)};
    if (param->name == NULL || param->value == NULL || find(query, param->name) != NULL) {
        free(param->name);
        free(param->value);
        return error_set(err, ERR_INVALID, "malformed or repeated parameter");
    }
    query->count++;
    return ERR_NONE;
}

enum error_code sim_query_parse(const char *text, size_t length, struct sim_query *query,
                                struct error *err)
{
    CLEANUP_SIM_QUERY struct sim_query parsed = {0};
    size_t parts = count_parts(text, length);
    const char *end = text + length;

    if (parts > PARAM_MAX)
        return error_set(err, ERR_INVALID, "%zu parameters are too many", parts);
    parsed.items = calloc(parts, sizeof(*parsed.items));
    if (parsed.items == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu parameters", parts);
    while (text < end) {
        const char *next = memchr(text, '&', (size_t)(end - text));
        size_t part = next == NULL ? (size_t)(end - text) : (size_t)(next - text);
        if (part > 0)
            TRY(parse_one(text, part, &parsed, err));
        text += part + (next != NULL);
    }
    *query = parsed;
    parsed = (struct sim_query){0};
    return ERR_NONE;
}

const char *sim_query_get(struct sim_query *query, const char *format, ...)
{
    char name[PARAM_NAME_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof(name), format, args);
    va_end(args);

    struct sim_param *param = find(query, name);
    if (param == NULL)
        return NULL;
    param->known = true;
    return param->value;
}

bool sim_query_has(const struct sim_query *query, const char *format, ...)
{
    char prefix[PARAM_NAME_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(prefix, sizeof(prefix), format, args);
    va_end(args);

    size_t length = strlen(prefix);
    for (size_t i = 0; i < query->count; i++) {
        const char *name = query->items[i].name;
        if (strncmp(name, prefix, length) == 0 && name[length] == '.')
            return true;
    }
    return false;
}

void sim_query_accept(struct sim_query *query, const char *prefix)
{
    for (size_t i = 0; i < query->count; i++) {
        if (strncmp(query->items[i].name, prefix, strlen(prefix)) == 0)
            query->items[i].known = true;
    }
}

const char *sim_query_unknown(const struct sim_query *query)
{
    for (size_t i = 0; i < query->count; i++) {
        if (!query->items[i].known)
            return query->items[i].name;
    }
    return NULL;
}

bool sim_query_match(const char *pattern, const char *text)
{
    /* On a mismatch go back to the last star and let it take one character more. */
    const char *star = NULL;
    const char *star_text = NULL;

    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            star_text = text;
            continue;
        }
        bool any = *pattern == '?';
        const char *literal = *pattern == '\\' && pattern[1] != '\0' ? pattern + 1 : pattern;
        if (*pattern != '\0' && (any || *literal == *text)) {
            pattern = literal + 1;
            text++;
        } else if (star != NULL) {
            pattern = star + 1;
            text = ++star_text;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}
