#include "core/aws/json.h"

#include <json.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#define MAX_DEPTH 32

/* json-c has no const getters, but none of those used here changes its argument. */
static struct json_object *raw(const struct jval *value)
{
    union {
        const struct jval *ours;
        struct json_object *theirs;
    } cast = {.ours = value};
    return cast.theirs;
}

static const struct jval *wrap(struct json_object *object)
{
    return (const struct jval *)object;
}

static void free_tokener(struct json_tokener **tokener)
{
    if (*tokener != NULL)
        json_tokener_free(*tokener);
}

enum error_code jval_parse(const char *text, size_t length, struct jval **root, struct error *err)
{
    if (length > INT_MAX)
        return error_set(err, ERR_PROTOCOL, "JSON of %zu bytes is too long", length);
    CLEANUP(free_tokener) struct json_tokener *tokener = json_tokener_new_ex(MAX_DEPTH);
    if (tokener == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot read JSON");
    json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *parsed = json_tokener_parse_ex(tokener, text, (int)length);
    size_t rest = json_tokener_get_parse_end(tokener);
    while (rest < length && text[rest] != '\0' && strchr(" \t\r\n", text[rest]) != NULL)
        rest++;
    if (parsed == NULL || rest != length) {
        (void)json_object_put(parsed);
        return error_set(err, ERR_PROTOCOL, "JSON is not well-formed");
    }
    *root = (struct jval *)parsed;
    return ERR_NONE;
}

void jval_free(struct jval **root)
{
    if (*root != NULL)
        (void)json_object_put((struct json_object *)*root);
    *root = NULL;
}

const struct jval *jval_get(const struct jval *object, const char *key)
{
    struct json_object *member = NULL;
    if (!json_object_is_type(raw(object), json_type_object))
        return NULL;
    return json_object_object_get_ex(raw(object), key, &member) != 0 ? wrap(member) : NULL;
}

size_t jval_count(const struct jval *array)
{
    bool is_array = json_object_is_type(raw(array), json_type_array) != 0;
    return is_array ? json_object_array_length(raw(array)) : 0;
}

const struct jval *jval_at(const struct jval *array, size_t position)
{
    return wrap(json_object_array_get_idx(raw(array), position));
}

const char *jval_text(const struct jval *object, const char *key)
{
    const struct jval *member = jval_get(object, key);
    if (!json_object_is_type(raw(member), json_type_string))
        return "";
    return json_object_get_string(raw(member));
}

enum error_code jval_int64(const struct jval *object, const char *key, int64_t *value,
                           struct error *err)
{
    const struct jval *member = jval_get(object, key);
    if (!json_object_is_type(raw(member), json_type_int))
        return error_set(err, ERR_PROTOCOL, "member '%s' is no whole number", key);
    *value = json_object_get_int64(raw(member));
    return ERR_NONE;
}

double jval_real(const struct jval *value)
{
    bool is_number = json_object_is_type(raw(value), json_type_double) != 0 ||
                     json_object_is_type(raw(value), json_type_int) != 0;
    return is_number ? json_object_get_double(raw(value)) : (double)NAN;
}

void jval_quote(struct strbuf *json, const char *text)
{
    struct json_object *string = json_object_new_string(text);
    const char *quoted = json_object_to_json_string_ext(string, JSON_C_TO_STRING_NOSLASHESCAPE);
    strbuf_puts(json, quoted);
    (void)json_object_put(string);
}
