/* json_out.h: JSON documents for standard output; the only file here that knows json-c.
 *
 * Field names carry their unit (_bytes, _seconds, _at). Fields may be added, never renamed. A
 * document that runs out of memory prints what it has; the exit code tells the rest. */
#ifndef CLI_JSON_OUT_H
#define CLI_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json_out;

/* A new document, an object. Ends with json_out_print(). */
struct json_out *json_out_new(void);

/* Adds a member to an object. `name` is borrowed for the call. */
void json_out_text(struct json_out *object, const char *name, const char *text);
void json_out_bool(struct json_out *object, const char *name, bool value);
void json_out_int(struct json_out *object, const char *name, int64_t value);
/* Three decimals; a value that is no number becomes null. */
void json_out_real(struct json_out *object, const char *name, double value);
/* All digits, for parameters that others calculate with. */
void json_out_exact(struct json_out *object, const char *name, double value);
/* RFC 3339; 0 becomes null. */
void json_out_instant(struct json_out *object, const char *name, int64_t instant_ms);
/* {"p05": .., "p50": .., "p95": ..} */
void json_out_three(struct json_out *object, const char *name, double p05, double p50, double p95);

/* Adds an empty object or array and returns it; it belongs to the document. */
struct json_out *json_out_object(struct json_out *object, const char *name);
struct json_out *json_out_array(struct json_out *object, const char *name);
/* Adds an empty object, an empty array, a number or a text to an array. */
struct json_out *json_out_item(struct json_out *array);
struct json_out *json_out_item_array(struct json_out *array);
void json_out_item_exact(struct json_out *array, double value);
void json_out_item_text(struct json_out *array, const char *text);

/* Prints the document on one line and frees it. */
void json_out_print(struct json_out *document, FILE *out);

/* The same on many lines, where a person is to read it. */
void json_out_print_indented(struct json_out *document, FILE *out);

#endif
