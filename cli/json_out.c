#include "cli/json_out.h"

#include <math.h>

#include <json-c/json.h>

#include "model/instant.h"

/* A json_out is a json-c object under a name that hides the library. */
static struct json_object *raw(struct json_out *out)
{
    return (struct json_object *)(void *)out;
}

static struct json_out *wrap(struct json_object *object)
{
    return (struct json_out *)(void *)object;
}

/* json-c takes the value over; on failure it is dropped. */
static void add(struct json_out *object, const char *name, struct json_object *value)
{
    if (json_object_object_add(raw(object), name, value) != 0)
        (void)json_object_put(value);
}

struct json_out *json_out_new(void)
{
    return wrap(json_object_new_object());
}

void json_out_text(struct json_out *object, const char *name, const char *text)
{
    add(object, name, json_object_new_string(text));
}

void json_out_bool(struct json_out *object, const char *name, bool value)
{
    add(object, name, json_object_new_boolean(value));
}

void json_out_int(struct json_out *object, const char *name, int64_t value)
{
    add(object, name, json_object_new_int64(value));
}

static struct json_object *real(double value)
{
    char text[64];
    if (!isfinite(value))
        return NULL;
    (void)snprintf(text, sizeof(text), "%.3f", value);
    return json_object_new_double_s(value, text);
}

void json_out_real(struct json_out *object, const char *name, double value)
{
    add(object, name, real(value));
}

static struct json_object *exact(double value)
{
    char text[64];
    if (!isfinite(value))
        return NULL;
    (void)snprintf(text, sizeof(text), "%.17g", value);
    return json_object_new_double_s(value, text);
}

void json_out_exact(struct json_out *object, const char *name, double value)
{
    add(object, name, exact(value));
}

void json_out_instant(struct json_out *object, const char *name, int64_t instant_ms)
{
    char text[INSTANT_TEXT_SIZE];
    if (instant_ms == 0) {
        add(object, name, NULL);
    } else {
        json_out_text(object, name, instant_text(instant_ms, text));
    }
}

void json_out_three(struct json_out *object, const char *name, double p05, double p50, double p95)
{
    struct json_out *three = json_out_object(object, name);
    json_out_real(three, "p05", p05);
    json_out_real(three, "p50", p50);
    json_out_real(three, "p95", p95);
}

struct json_out *json_out_object(struct json_out *object, const char *name)
{
    struct json_object *made = json_object_new_object();
    add(object, name, made);
    return wrap(made);
}

struct json_out *json_out_array(struct json_out *object, const char *name)
{
    struct json_object *made = json_object_new_array();
    add(object, name, made);
    return wrap(made);
}

struct json_out *json_out_item(struct json_out *array)
{
    struct json_object *made = json_object_new_object();
    if (json_object_array_add(raw(array), made) != 0)
        (void)json_object_put(made);
    return wrap(made);
}

struct json_out *json_out_item_array(struct json_out *array)
{
    struct json_object *made = json_object_new_array();
    if (json_object_array_add(raw(array), made) != 0)
        (void)json_object_put(made);
    return wrap(made);
}

void json_out_item_exact(struct json_out *array, double value)
{
    (void)json_object_array_add(raw(array), exact(value));
}

void json_out_item_text(struct json_out *array, const char *text)
{
    (void)json_object_array_add(raw(array), json_object_new_string(text));
}

static void print(struct json_object *document, int layout, FILE *out)
{
    (void)fprintf(
        out, "%s\n",
        json_object_to_json_string_ext(document, layout | JSON_C_TO_STRING_NOSLASHESCAPE));
    (void)json_object_put(document);
}

void json_out_print(struct json_out *document, FILE *out)
{
    print(raw(document), JSON_C_TO_STRING_SPACED, out);
}

void json_out_print_indented(struct json_out *document, FILE *out)
{
    print(raw(document), JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_PRETTY, out);
}
