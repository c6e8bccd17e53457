/* scoreboard.h: all numbers of the forecast on one directory of recordings, with thresholds.
 *
 * One JSON object on standard output. Parts whose files or columns a directory lacks are
 * left out, by name and with the reason; where all are left out the board does not pass. */
#ifndef BENCH_SCOREBOARD_H
#define BENCH_SCOREBOARD_H

#include <stdbool.h>

#include "model/error.h"

/* Predicts, measures and prints. *all_pass tells whether every threshold held.
 * Errors: those of the parts but a missing file. */
MUST_CHECK enum error_code scoreboard_print(const char *directory, bool *all_pass,
                                            struct error *err);

#endif
