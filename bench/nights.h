/* nights.h: batches of made nights on all recorded volumes of a directory, as one table.
 *
 * The recorded episodes are few; these are other starts and other luck on the same volumes, so that
 * a rule can be chosen on some and judged on others. */
#ifndef BENCH_NIGHTS_H
#define BENCH_NIGHTS_H

#include <stddef.h>

#include "bench/night.h"
#include "model/error.h"

/* Plays a batch for each seed first..first + count - 1 and prints a row for each, for each load and
 * for each volume.
 * Errors: ERR_NOT_FOUND if there is no trace; as play_night(). */
MUST_CHECK enum error_code nights_print(const char *directory, unsigned long first, size_t count,
                                        struct error *err);

/* Hands the nights of one batch to visit(self, ...), one after another.
 * Errors: as nights_print(), and those of visit. */
MUST_CHECK enum error_code
nights_each(const char *directory, unsigned long seed,
            enum error_code (*visit)(void *self, const struct night *night, struct error *err),
            void *self, struct error *err);

#endif
