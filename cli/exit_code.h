/* exit_code.h: the one list of exit codes, with their names for JSON and their meaning, and the
 * hint that belongs to each kind of failure. */
#ifndef CLI_EXIT_CODE_H
#define CLI_EXIT_CODE_H

#include <stdio.h>

#include "model/error.h"

/* number, name, meaning */
#define EXIT_CODES(ROW)                                                                            \
    ROW(0, "done", "done")                                                                         \
    ROW(1, "failed", "failed; nothing was changed, or the run can be resumed or aborted")          \
    ROW(2, "usage", "wrong command line or config")                                                \
    ROW(3, "no-go", "a check says no")                                                             \
    ROW(5, "deadline", "the window or the downtime limit would be, or was, missed")                \
    ROW(6, "aws-permanent", "AWS refused for good: access, quota, key, unknown object")            \
    ROW(7, "aws-transient", "AWS could not be reached or was too busy; safe to run again")         \
    ROW(8, "postgres", "PostgreSQL refused or failed")                                             \
    ROW(9, "quiesce", "holding still failed; everything is thawed")                                \
    ROW(10, "not-thawed", "a filesystem may still be FROZEN: run 'ebshift thaw'")                  \
    ROW(11, "locked", "another run is at work")                                                    \
    ROW(130, "interrupted", "stopped by SIGINT; the state is saved")                               \
    ROW(143, "terminated", "stopped by SIGTERM; the state is saved")

/* The exit code of a failure; `stop_signal` is the signal that interrupted, or 0. */
int exit_code_of(enum error_code code, int stop_signal);

/* Its name as in JSON output, "failed" for an unknown one. */
const char *exit_code_name(int exit_code);

/* Prints all of them with their meaning, a line each. */
void exit_code_print(FILE *out);

/* What the operator may do about a failure, one line; "" where the message says all. */
const char *exit_code_hint(enum error_code code);

#endif
