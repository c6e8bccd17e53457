/* strbuf.h: a growing string with a mandatory maximum.
 *
 * A failed append is remembered, so a caller may append many times and check once with
 * strbuf_check(). Always NUL-terminated once something was appended. */
#ifndef MODEL_STRBUF_H
#define MODEL_STRBUF_H

#include <stdbool.h>
#include <stddef.h>

#include "model/error.h"

/* Zero-initialise with .max_bytes set. Owns `text`; hand back with strbuf_done(). */
struct strbuf {
    char *text; /* NULL while empty */
    size_t length;
    size_t room;
    size_t max_bytes;           /* without the NUL; appending beyond it fails */
    enum error_code first_fail; /* ERR_NONE, ERR_NO_MEMORY or ERR_INVALID (too long) */
};

/* Frees what *buf owns and empties it; max_bytes stays. Harmless on an empty one. */
void strbuf_done(struct strbuf *buf);
#define CLEANUP_STRBUF CLEANUP(strbuf_done)

/* Forgets the content and keeps the memory. */
void strbuf_clear(struct strbuf *buf);

/* Makes room for `bytes` in all, so that later appends up to there cannot allocate. */
void strbuf_reserve(struct strbuf *buf, size_t bytes);

/* Appends bytes, a string, or formatted text. Failures are kept for strbuf_check(). */
void strbuf_add(struct strbuf *buf, const void *bytes, size_t length);
void strbuf_puts(struct strbuf *buf, const char *text);
void strbuf_printf(struct strbuf *buf, const char *format, ...) PRINTF_LIKE(2, 3);

/* The content as a string, "" when empty; borrows until the next append. */
const char *strbuf_text(const struct strbuf *buf);

/* Tells whether every append so far succeeded.
 * Errors: ERR_NO_MEMORY; ERR_INVALID if max_bytes was reached. */
MUST_CHECK enum error_code strbuf_check(const struct strbuf *buf, struct error *err);

#endif
