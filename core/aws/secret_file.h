/* secret_file.h: a small file that holds a token, read whole each time since others rotate it. */
#ifndef CORE_AWS_SECRET_FILE_H
#define CORE_AWS_SECRET_FILE_H

#include "model/error.h"
#include "model/strbuf.h"

/* Overwrites and frees a text that was a secret. */
void secret_text_done(struct strbuf *text);
#define CLEANUP_SECRET_TEXT CLEANUP(secret_text_done)

/* Reads a file into *text, whose max_bytes bounds it; nothing of it stays elsewhere.
 * Errors: ERR_SYSTEM if it cannot be read; ERR_INVALID if it is too long; ERR_NO_MEMORY. */
MUST_CHECK enum error_code secret_file_read(const char *path, struct strbuf *text,
                                            struct error *err);

#endif
