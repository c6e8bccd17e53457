#include "core/aws/page_token.h"

#include <string.h>

enum error_code page_token_next(struct strbuf *token, const char *next, const char *action,
                                struct error *err)
{
    if (next[0] != '\0' && strcmp(next, strbuf_text(token)) == 0)
        return error_set(err, ERR_PROTOCOL, "%s leads to the same page again", action);
    strbuf_clear(token);
    strbuf_puts(token, next);
    return strbuf_check(token, err);
}
