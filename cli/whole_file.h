/* whole_file.h: a file that is there whole or not at all, whatever happens while it is written. */
#ifndef CLI_WHOLE_FILE_H
#define CLI_WHOLE_FILE_H

#include <stdio.h>

#include "model/error.h"

/* Puts a new file in the place of `path`, or of what it is a link to, of what `print` writes; only
 * its owner may read it. A device or a pipe is written to instead.
 * Errors: ERR_SYSTEM naming the path; what was there before is still there then. */
MUST_CHECK enum error_code whole_file_write(const char *path,
                                            void (*print)(const void *context, FILE *out),
                                            const void *context, struct error *err);

#endif
