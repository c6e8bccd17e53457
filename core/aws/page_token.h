/* page_token.h: the token that leads from one page of a list to the next. */
#ifndef CORE_AWS_PAGE_TOKEN_H
#define CORE_AWS_PAGE_TOKEN_H

#include "model/error.h"
#include "model/strbuf.h"

/* Replaces the token that was sent by the one of the answer, empty at the end of the list.
 * Errors: ERR_PROTOCOL if it is the same again, which would never end; ERR_NO_MEMORY, ERR_INVALID
 * if it does not fit. */
MUST_CHECK enum error_code page_token_next(struct strbuf *token, const char *next,
                                           const char *action, struct error *err);

#endif
