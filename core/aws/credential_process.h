/* credential_process.h: credentials from a program of the operator's.
 *
 * The line of the profile is split as AWS's tools do and never handed to a shell. The program's
 * standard error is ours, its standard input is empty, and a minute is all it gets. */
#ifndef CORE_AWS_CREDENTIAL_PROCESS_H
#define CORE_AWS_CREDENTIAL_PROCESS_H

#include <stddef.h>
#include <stdint.h>

#include "core/aws/credentials.h"
#include "model/error.h"

#define CREDENTIAL_PROCESS_WORDS_MAX 64
#define CREDENTIAL_PROCESS_LIMIT_MS  INT64_C(60000)

/* Splits a line in place by the quoting rules of a POSIX shell: spaces part words, '...' is taken
 * as it is, in "..." a backslash shields '"' and itself, elsewhere any character. Nothing else is
 * special. `words` ends with NULL and borrows from the line.
 * Errors: ERR_CONFIG for an open quote, no word, or too many. */
MUST_CHECK enum error_code credential_process_split(char *line,
                                                    char *words[CREDENTIAL_PROCESS_WORDS_MAX + 1],
                                                    struct error *err);

/* Runs a line and reads the keys it prints. Kills it, with its children, after limit_ms of real
 * time. Errors: ERR_CONFIG if the line is bad or the program cannot be started; ERR_ACCESS if it
 * fails; ERR_TIMEOUT; ERR_PROTOCOL for output that holds no credentials; ERR_INTERRUPTED. */
MUST_CHECK enum error_code credential_process_run(const char *line, int64_t limit_ms,
                                                  struct credentials *keys, struct error *err);

#endif
