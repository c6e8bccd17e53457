/* json.h: typed getters over a parsed JSON answer, and quoting for a request; the only file of this
 * folder that knows json-c.
 *
 * Every getter borrows; only the root is owned. A missing key, a null and a wrong container all
 * read as absent. */
#ifndef CORE_AWS_JSON_H
#define CORE_AWS_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "model/error.h"
#include "model/strbuf.h"

/* A value inside a document, or the document itself. */
struct jval;

/* Reads a whole document, nested 32 deep at most.
 * Owns: *root is the caller's, hand back with jval_free(). Errors: ERR_PROTOCOL, ERR_NO_MEMORY. */
MUST_CHECK enum error_code jval_parse(const char *text, size_t length, struct jval **root,
                                      struct error *err);

/* Frees a document. Accepts a pointer to NULL. */
void jval_free(struct jval **root);
#define CLEANUP_JVAL CLEANUP(jval_free)

/* Member of an object, NULL if absent. */
const struct jval *jval_get(const struct jval *object, const char *key);

/* Number of items of an array, 0 if it is none; and the item at a position below that. */
size_t jval_count(const struct jval *array);
const struct jval *jval_at(const struct jval *array, size_t position);

/* Text of a member, "" if absent or not a string. */
const char *jval_text(const struct jval *object, const char *key);

/* A whole number of a member. Errors: ERR_PROTOCOL if absent or no number. */
MUST_CHECK enum error_code jval_int64(const struct jval *object, const char *key, int64_t *value,
                                      struct error *err);

/* A value as a number, NaN if it is none. */
double jval_real(const struct jval *value);

/* Appends a text as a JSON string, with its quotes. */
void jval_quote(struct strbuf *json, const char *text);

#endif
