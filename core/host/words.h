/* words.h: a line made of words that no shell reads as anything but themselves.
 *
 * A byte that is not a letter, a digit or one of "._/:,+@-" is written as "%" and two hexadecimal
 * digits, an empty word as "%" alone. So a line goes over ssh, and as arguments of a command into a
 * shell, without any quoting, whatever a mount point is called. */
#ifndef CORE_HOST_WORDS_H
#define CORE_HOST_WORDS_H

#include <stddef.h>

#include "model/error.h"
#include "model/strbuf.h"

enum { WORDS_MAX = 64 };

/* Appends one word, with a space before it unless the line is empty. */
void words_add(struct strbuf *line, const char *word);

/* Cuts a line at its spaces and decodes each word in place; words[] borrows from it.
 * Errors: ERR_PROTOCOL for an empty line, more than WORDS_MAX words or a "%" that is not one of
 * ours. */
MUST_CHECK enum error_code words_split(char *line, const char *words[WORDS_MAX], size_t *count,
                                       struct error *err);

#endif
